/// A human monitor's command line, as QEMU reads it (QEMU monitor/hmp.c: monitor_parse_command).
public struct HMPCommand {
  /// Up to the first blank or slash; QEMU compares whole names.
  public let name: String
  /// The text after the name, without the blanks before it.
  public let rest: Word

  /// Nil for a line of blanks, which QEMU ignores.
  public init?(_ line: Word) {
    let bytes = line.bytes
    let start = bytes.firstIndex { !HMPCommand.isBlank($0) } ?? bytes.count
    guard start < bytes.count else { return nil }
    let end = bytes[start...].firstIndex { HMPCommand.isBlank($0) || $0 == UInt8(ascii: "/") } ?? bytes.count
    name = String(decoding: bytes[start..<end], as: UTF8.self)
    rest = line.part(bytes.count - bytes[end...].drop { HMPCommand.isBlank($0) }.count..<bytes.count)
  }

  /// Parses a line of text without a source.
  public init?(_ line: String) { self.init(Word(Array(line.utf8), at: 0)) }

  /// The first argument, in quotes or up to a blank (get_str); nil when it is not closed, or longer than
  /// QEMU's buffer, which would cut it.
  public var argument: Word? {
    let bytes = rest.bytes
    guard bytes.first == UInt8(ascii: "\"") else {
      let count = bytes.prefix { !HMPCommand.isBlank($0) }.count
      return count < HMPCommand.bufferSize ? rest.part(0..<count) : nil
    }
    var text: [UInt8] = []
    var offsets: [Int] = []
    var at = 1
    while at < bytes.count, bytes[at] != UInt8(ascii: "\"") {
      var byte = bytes[at]
      offsets.append(rest.range(of: at..<at + 1).lowerBound)
      if byte == UInt8(ascii: "\\"), at + 1 < bytes.count {
        at += 1
        switch bytes[at] {
        case UInt8(ascii: "n"): byte = 0x0a
        case UInt8(ascii: "r"): byte = 0x0d
        case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): byte = bytes[at]
        default: return nil
        }
      }
      text.append(byte)
      at += 1
    }
    guard at < bytes.count, text.count < HMPCommand.bufferSize else { return nil }
    return Word(bytes: text, offsets: offsets, end: rest.range(of: at..<at).lowerBound)
  }

  /// All words, for commands that take several.
  public var words: [String] {
    rest.bytes.split(whereSeparator: HMPCommand.isBlank).map { String(decoding: $0, as: UTF8.self) }
  }

  private static let bufferSize = 1024

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }
}

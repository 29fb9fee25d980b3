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

  /// The first argument, in quotes or up to a blank; nil when it is not closed, or longer than QEMU's buffer, which would
  /// cut it.
  public var argument: Word? { rest.bytes.isEmpty ? rest : rest.hmpWord?.word }

  /// Whether text follows the first argument: QEMU refuses a command of one argument then.
  public var hasMore: Bool { rest.hmpWord?.behind.bytes.contains { !HMPCommand.isBlank($0) } ?? false }

  static let bufferSize = 1024

  /// Whether the byte is one of C's isspace(), at which QEMU ends words.
  public static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }
}

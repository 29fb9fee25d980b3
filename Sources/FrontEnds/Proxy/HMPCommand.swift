import Syntax

/// A human monitor's command line, as QEMU reads it (QEMU monitor/hmp.c: monitor_parse_command).
struct HMPCommand {
  /// Up to the first blank or slash; QEMU compares whole names.
  let name: String
  /// What follows the name, without the blanks before it.
  let rest: [UInt8]

  /// Nil for a line of blanks, which QEMU passes over.
  init?(_ line: String) {
    let bytes = Array(line.utf8)
    let start = bytes.firstIndex { !HMPCommand.isBlank($0) } ?? bytes.count
    guard start < bytes.count else { return nil }
    let end = bytes[start...].firstIndex { HMPCommand.isBlank($0) || $0 == UInt8(ascii: "/") } ?? bytes.count
    name = String(decoding: bytes[start..<end], as: UTF8.self)
    rest = Array(bytes[end...].drop { HMPCommand.isBlank($0) })
  }

  /// The first argument, in quotes or up to a blank (get_str); nil when it is not closed, or longer than
  /// QEMU's buffer, which would cut it.
  var argument: [UInt8]? {
    guard rest.first == UInt8(ascii: "\"") else {
      let word = rest.prefix { !HMPCommand.isBlank($0) }
      return word.count < HMPCommand.bufferSize ? Array(word) : nil
    }
    var text: [UInt8] = []
    var at = 1
    while at < rest.count, rest[at] != UInt8(ascii: "\"") {
      var byte = rest[at]
      if byte == UInt8(ascii: "\\"), at + 1 < rest.count {
        at += 1
        switch rest[at] {
        case UInt8(ascii: "n"): byte = 0x0a
        case UInt8(ascii: "r"): byte = 0x0d
        case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): byte = rest[at]
        default: return nil
        }
      }
      text.append(byte)
      at += 1
    }
    return at < rest.count && text.count < HMPCommand.bufferSize ? text : nil
  }

  /// All words, for commands that take several.
  var words: [String] {
    rest.split(whereSeparator: HMPCommand.isBlank).map { String(decoding: $0, as: UTF8.self) }
  }

  private static let bufferSize = 1024

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }
}

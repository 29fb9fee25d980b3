import Facts
import Syntax

/// Properties as the text of an option (QEMU util/qemu-option.c: opts_do_parse), or as JSON.
enum OptionText {
  /// `name=value,…`, commas doubled.
  static func keyval(_ items: [(name: String, value: String)]) -> String {
    items.map { "\($0.name)=\(doubled($0.value))" }.joined(separator: ",")
  }

  /// The items of an option's text.
  static func items(_ text: String, implied: String? = nil) -> [(name: String, value: String)] {
    KeyValueText(Array(text.utf8), implied: implied).items.map { ($0.key, $0.value) }
  }

  /// The members of an option that is given as JSON or as key=value text, values of type string.
  static func members(_ text: String, implied: String?) -> [(name: String, value: String)] {
    guard text.hasPrefix("{") else { return items(text, implied: implied) }
    guard let members = try? JSON.parse(text).members else { return [] }
    return members.compactMap { member in
      switch member.value {
      case .string(let text): (member.key, text)
      case .bool(let flag): (member.key, flag ? "on" : "off")
      case .integer(let number): (member.key, "\(number)")
      default: nil
      }
    }
  }

  /// Text of a value in key=value form; nil for one that has none.
  static func text(of value: PropertyValue) -> String? {
    switch value {
    case .string(let text): text
    case .bool(let flag): flag ? "on" : "off"
    case .integer(let number): "\(number)"
    case .unsigned(let number): "\(number)"
    case .real(let number): "\(number)"
    case .null, .array, .object, .unknown: nil
    }
  }

  /// The value as JSON; nil for one whose content was not kept.
  static func json(of value: PropertyValue) -> JSON? {
    switch value {
    case .string(let text): .string(text)
    case .bool(let flag): .bool(flag)
    case .integer(let number): .integer(number)
    case .unsigned(let number): .unsigned(number)
    case .real(let number): .real(number)
    case .null: .null
    case .array, .object, .unknown: nil
    }
  }

  /// Whether only a shell knows a part of the text.
  static func isOfShell(_ text: String) -> Bool { text.utf8.contains { $0 == UInt8(ascii: "$") || $0 == UInt8(ascii: "`") } }

  /// A size as `-m` has it, in bytes: `4G`, `4096` (MiB); nil for one that is not recognised (QEMU util/cutils.c: do_strtosz).
  static func memorySize(_ text: String) -> UInt64? {
    let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard digits.first != ".", let number = Double(digits) else { return nil }
    let shift: UInt64
    switch text.dropFirst(digits.count).lowercased() {
    case "b": shift = 0
    case "k": shift = 10
    case "", "m": shift = 20
    case "g": shift = 30
    case "t": shift = 40
    default: return nil
    }
    let bytes = number * Double(UInt64(1) << shift)
    return bytes < 0x1p62 ? UInt64(bytes) : nil
  }

  private static func doubled(_ text: String) -> String {
    text.split(separator: ",", omittingEmptySubsequences: false).joined(separator: ",,")
  }
}

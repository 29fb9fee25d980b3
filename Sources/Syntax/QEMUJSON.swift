import CJansson
import Facts

extension JSON {
  /// The value as QEMU's monitor writes it (QEMU qobject/json-writer.c): members in the order of QDict's
  /// hash buckets, a blank behind comma and colon, everything outside ASCII as `\uXXXX`, reals with 17
  /// digits. Lines of a pretty monitor end in CR LF.
  public func qemuText(isPretty: Bool = false) -> String {
    var text = ""
    writeQEMU(to: &text, isPretty: isPretty, depth: 0)
    return text
  }

  /// The value as JSON text that QEMU's lexer reads as this value: ASCII only, members in their order, a real number so that
  /// it reads back as the same double and not as an integer.
  public var canonicalBytes: [UInt8] {
    var text = ""
    writeQEMU(to: &text, isPretty: false, isCanonical: true, depth: 0)
    return Array(text.utf8)
  }

  private func writeQEMU(to text: inout String, isPretty: Bool, isCanonical: Bool = false, depth: Int) {
    switch self {
    case .null: text += "null"
    case .bool(let flag): text += flag ? "true" : "false"
    case .integer(let number): text += String(number)
    case .unsigned(let number): text += String(number)
    case .real(let number):
      let digits = JSON.seventeenDigits(number)
      text += digits
      if isCanonical, !digits.utf8.contains(where: { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "e") }) { text += ".0" }
    case .string(let string): JSON.quote(string, to: &text)
    case .array(let items):
      text += "["
      for (index, item) in items.enumerated() {
        JSON.separate(&text, isFirst: index == 0, isPretty, isCanonical, depth + 1)
        item.writeQEMU(to: &text, isPretty: isPretty, isCanonical: isCanonical, depth: depth + 1)
      }
      JSON.close("]", &text, isPretty, depth)
    case .object(let members):
      text += "{"
      for (index, member) in (isCanonical ? members : JSON.inBucketOrder(members)).enumerated() {
        JSON.separate(&text, isFirst: index == 0, isPretty, isCanonical, depth + 1)
        JSON.quote(member.key, to: &text)
        text += isCanonical ? ":" : ": "
        member.value.writeQEMU(to: &text, isPretty: isPretty, isCanonical: isCanonical, depth: depth + 1)
      }
      JSON.close("}", &text, isPretty, depth)
    }
  }

  private static func separate(_ text: inout String, isFirst: Bool, _ isPretty: Bool, _ isCanonical: Bool, _ depth: Int) {
    if !isFirst { text += isPretty || isCanonical ? "," : ", " }
    if isPretty { newLine(&text, depth) }
  }

  private static func close(_ bracket: String, _ text: inout String, _ isPretty: Bool, _ depth: Int) {
    if isPretty { newLine(&text, depth) }
    text += bracket
  }

  private static func newLine(_ text: inout String, _ depth: Int) {
    text += "\r\n" + String(repeating: "    ", count: depth)
  }

  private static func quote(_ string: String, to text: inout String) {
    text += "\""
    for unit in string.utf16 {
      switch unit {
      case 0x22: text += "\\\""
      case 0x5c: text += "\\\\"
      case 0x08: text += "\\b"
      case 0x0c: text += "\\f"
      case 0x0a: text += "\\n"
      case 0x0d: text += "\\r"
      case 0x09: text += "\\t"
      case 0x20..<0x7f: text.unicodeScalars.append(Unicode.Scalar(UInt8(unit)))
      default:
        text += "\\u" + unit.hexadecimal(digits: 4, uppercase: true)
      }
    }
    text += "\""
  }

  private static func seventeenDigits(_ number: Double) -> String {
    var buffer = [CChar](repeating: 0, count: 40)
    // SAFETY: vsnprintf writes at most `count` bytes, the NUL included, and reads one double.
    let count = withVaList([number]) { vsnprintf(&buffer, buffer.count, "%.17g", $0) }
    return String(decoding: buffer.prefix(max(0, Int(count))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// QEMU qobject/qdict.c: by bucket, and of two in one bucket the newer first.
  static func inBucketOrder(_ members: [Member]) -> [Member] {
    if members.count < 2 { return members }
    let keyed = members.enumerated().map { (bucket: QDictHash.bucket($0.element.key), at: $0.offset) }
    return keyed.sorted { $0.bucket == $1.bucket ? $0.at > $1.at : $0.bucket < $1.bucket }.map { members[$0.at] }
  }

  /// The members of an object in the order in which QEMU goes through them; empty for anything else.
  public var membersInQEMUOrder: [Member] { JSON.inBucketOrder(members ?? []) }
}

/// Text in UTF-16, as editors of other systems write it, to the UTF-8 that everything here reads. Lines stay, and
/// columns count the bytes of that.
public enum UTF16Text {
  /// Nil when the text does not begin with a byte order mark (XML 1.0 §4.3.3) and then as XML does, or is broken.
  /// - Parameter isPart: of one that is longer, where the end may be cut through.
  public static func utf8(_ bytes: [UInt8], isPart: Bool = false) -> [UInt8]? {
    guard let (first, text) = decoded(bytes, isPart: isPart), first == 0x3c || [0x20, 0x09, 0x0a, 0x0d].contains(first) else { return nil }
    return declared(Array(text.utf8))
  }

  /// The beginning of a text of any kind; nil when it does not begin with a byte order mark.
  public static func head(_ bytes: [UInt8]) -> [UInt8]? { decoded(bytes, isPart: true).map { Array($0.text.utf8) } }

  private static func decoded(_ bytes: [UInt8], isPart: Bool) -> (first: UInt16, text: String)? {
    let isLittle = bytes.starts(with: [0xff, 0xfe])
    guard isLittle || bytes.starts(with: [0xfe, 0xff]), isPart || bytes.count % 2 == 0 else { return nil }
    let units = stride(from: 2, to: bytes.count - 1, by: 2).map { at in
      let (low, high) = isLittle ? (bytes[at], bytes[at + 1]) : (bytes[at + 1], bytes[at])
      return UInt16(high) << 8 | UInt16(low)
    }
    guard let first = units.first,
      let text = isPart ? String(decoding: units, as: UTF16.self) : String(validating: units, as: UTF16.self)
    else { return nil }
    return (first, text)
  }

  /// The text with `UTF-16` in its declaration replaced, at the same length.
  private static func declared(_ text: [UInt8]) -> [UInt8] {
    var text = text
    let head = text.prefix { $0 != UInt8(ascii: ">") }.map { $0 | 0x20 }  // small letters; `-` and digits stay
    guard let at = head.indices.first(where: { head[$0...].starts(with: "utf-16".utf8) }),
      let end = text[at...].firstIndex(where: { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "'") })
    else { return text }
    let quote = text[end]
    text.replaceSubrange(at...end, with: Array("UTF-8".utf8) + [quote] + Array(repeating: 0x20, count: end - at - 5))
    return text
  }
}

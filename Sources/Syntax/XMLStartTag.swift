/// The bytes of start tags, as far as expat does not report them.
enum XMLStartTag {
  /// Finds the attributes of a start tag in turn: `Name S? '=' S? AttValue` (XML 1.0 §3.1).
  struct Attributes {
    private let bytes: [UInt8]
    private let end: Int
    private var at: Int

    /// - Parameter tag: the range of a start tag that expat has accepted.
    init(_ bytes: [UInt8], _ tag: Range<Int>) {
      self.bytes = bytes
      at = tag.lowerBound
      end = tag.upperBound
      skip { !endsName($0) }
    }

    private mutating func skip(while isSkipped: (UInt8) -> Bool) { while at < end, isSkipped(bytes[at]) { at += 1 } }

    /// The next attribute: from its name to after its closing quote, and between the quotes.
    mutating func next() -> (whole: Range<Int>, value: Range<Int>)? {
      skip(while: isBlank)
      let name = at
      skip { $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "'") }
      guard at < end else { return nil }
      let quote = bytes[at]
      at += 1
      let value = at
      guard let close = bytes.firstIndex(of: quote, from: value), close < end else { return nil }
      at = close + 1
      return (name..<at, value..<close)
    }
  }

  fileprivate static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

  fileprivate static func endsName(_ byte: UInt8) -> Bool {
    isBlank(byte) || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "=") || byte == UInt8(ascii: ">")
  }
}

extension XMLTree {
  /// The root element's name and the bytes of its start tag, without the `>`, from the beginning of a document. Nil
  /// when the beginning does not contain them. For the choice among many files: whether the document is well-formed,
  /// only `parse` determines.
  public static func rootTag(_ head: [UInt8]) -> (name: String, tag: ArraySlice<UInt8>)? {
    var rest = head[...]
    if rest.starts(with: [0xef, 0xbb, 0xbf]) { rest = rest.dropFirst(3) }
    while true {
      rest = rest.drop(while: XMLStartTag.isBlank)
      guard rest.first == UInt8(ascii: "<") else { return nil }
      let mark: [UInt8]
      switch rest.dropFirst().first {
      case UInt8(ascii: "?"): mark = Array("?>".utf8)
      case UInt8(ascii: "!"): mark = Array((rest.starts(with: "<!--".utf8) ? "-->" : ">").utf8)
      default:
        let name = rest.dropFirst().prefix { !XMLStartTag.endsName($0) }
        let tag = rest.dropFirst().prefix { $0 != UInt8(ascii: ">") }
        return name.isEmpty ? nil : (String(decoding: name, as: UTF8.self), tag)
      }
      guard let end = rest.indices.first(where: { rest[$0...].starts(with: mark) }) else { return nil }
      rest = rest[(end + mark.count)...]
    }
  }
}

/// The bytes of start tags, as far as expat does not report them.
enum XMLStartTag {
  /// Finds the attributes of a start tag: `Name S? '=' S? AttValue` (XML 1.0 §3.1).
  /// - Parameter tag: the range of a start tag that expat has accepted.
  static func attributeRanges(_ bytes: [UInt8], _ tag: Range<Int>) -> [(whole: Range<Int>, value: Range<Int>)] {
    var ranges: [(Range<Int>, Range<Int>)] = []
    var rest = bytes[tag].drop { !endsName($0) }
    while true {
      rest = rest.drop(while: isBlank)
      guard let open = rest.firstIndex(where: { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "'") }),
        let close = rest[(open + 1)...].firstIndex(of: rest[open])
      else { return ranges }
      ranges.append((rest.startIndex..<close + 1, open + 1..<close))
      rest = rest[(close + 1)...]
    }
  }

  fileprivate static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

  fileprivate static func endsName(_ byte: UInt8) -> Bool { isBlank(byte) || "/=>".utf8.contains(byte) }
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

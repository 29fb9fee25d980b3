/// Pieces of an XML document to the text that they stand for. expat has found them well-formed.
struct XMLText {
  private let tree: XMLTree
  private var bytes: [UInt8] { tree.bytes }

  init(_ tree: XMLTree) { self.tree = tree }

  static func isBlank(_ byte: UInt8) -> Bool { byte <= 0x20 && blanks >> byte & 1 != 0 }

  /// Whether a byte is the first after a name in a start tag.
  static func endsName(_ byte: UInt8) -> Bool { byte < 0x40 && nameEnds >> byte & 1 != 0 }

  /// A bit for each byte below 0x40.
  private static let blanks: UInt64 = 1 << 0x20 | 0x1f << 0x09
  private static let nameEnds = blanks | 1 << 0x2f | 1 << 0x3d | 1 << 0x3e  // / = >

  /// XML 1.0 §3.3.3: references are replaced, and every white space is a blank.
  func attributeValue(_ range: Range<Int>) -> String {
    let isPlain = bytes.withUnsafeBufferPointer { XMLText.isPlain(UnsafeBufferPointer(rebasing: $0[range])) }
    return isPlain ? tree.decode(range) : word(range).text
  }

  /// Whether an attribute's value stands for itself.
  static func isPlain(_ value: UnsafeBufferPointer<UInt8>) -> Bool {
    for byte in value where byte < 0x20 || byte == UInt8(ascii: "&") { return false }
    return true
  }

  func word(_ range: Range<Int>) -> Word {
    var decoded = Decoded()
    decoded.reserve(range.count)
    append(range, to: &decoded, blanks: true)
    return Word(bytes: decoded.bytes, offsets: decoded.offsets, end: range.upperBound)
  }

  /// An element's own text: CDATA sections as they are, comments, instructions and elements left out.
  func content(of element: XMLElement) -> String {
    let range = element.contentRange
    guard bytes[range].contains(where: { $0 == UInt8(ascii: "<") || $0 == UInt8(ascii: "&") }) else {
      return tree.decode(range)
    }
    var decoded = Decoded()
    var children = element.children
    var child = children.next()
    var position = range.lowerBound
    while position < range.upperBound {
      let end = bytes[position..<range.upperBound].firstIndex(of: UInt8(ascii: "<")) ?? range.upperBound
      append(position..<end, to: &decoded, blanks: false)
      guard end < range.upperBound else { break }
      if let inner = child, inner.range.lowerBound == end {
        position = inner.range.upperBound
        child = children.next()
      } else if has("<![CDATA[", at: end) {
        position = find("]]>", from: end + 9, to: range.upperBound)
        for at in end + 9..<max(end + 9, position - 3) { decoded.append(tree, at) }
      } else {
        position = find(has("<!--", at: end) ? "-->" : "?>", from: end + 4, to: range.upperBound)
      }
    }
    return String(decoding: decoded.bytes, as: UTF8.self)
  }

  private func has(_ text: StaticString, at position: Int) -> Bool {
    bytes.withUnsafeBufferPointer { $0.holds(text, at: position) }
  }

  /// After the text, or `end`.
  private func find(_ text: StaticString, from start: Int, to end: Int) -> Int {
    var position = start
    while position < end {
      if has(text, at: position) { return position + text.bytes.count }
      position += 1
    }
    return end
  }

  private func append(_ range: Range<Int>, to decoded: inout Decoded, blanks: Bool) {
    var position = range.lowerBound
    while position < range.upperBound {
      let byte = bytes[position]
      if byte == UInt8(ascii: "&"),
        let end = bytes[position..<range.upperBound].firstIndex(of: UInt8(ascii: ";"))
      {
        decoded.append(reference(position + 1..<end), at: position)
        position = end + 1
      } else if blanks, byte < 0x20 {
        decoded.append([0x20], at: position)
        position += byte == 0x0d && position + 1 < range.upperBound && bytes[position + 1] == 0x0a ? 2 : 1
      } else {
        decoded.append(tree, position)
        position += 1
      }
    }
  }

  /// The five entities that need no declaration, and characters by number; there are no others
  /// without a document type, and documents with one are refused.
  private func reference(_ range: Range<Int>) -> [UInt8] {
    let name = tree.decode(range)
    switch name {
    case "lt": return [UInt8(ascii: "<")]
    case "gt": return [UInt8(ascii: ">")]
    case "amp": return [UInt8(ascii: "&")]
    case "quot": return [UInt8(ascii: "\"")]
    case "apos": return [UInt8(ascii: "'")]
    default: break
    }
    let number = name.hasPrefix("#x") ? UInt32(name.dropFirst(2), radix: 16) : UInt32(name.dropFirst())
    return number.flatMap(Unicode.Scalar.init).map { Array(String(Character($0)).utf8) } ?? []
  }

  /// Text under construction, with the place of each of its bytes.
  private struct Decoded {
    var bytes: [UInt8] = []
    var offsets: [Int] = []

    mutating func reserve(_ count: Int) {
      bytes.reserveCapacity(count)
      offsets.reserveCapacity(count)
    }

    mutating func append(_ more: [UInt8], at offset: Int) {
      bytes += more
      offsets += repeatElement(offset, count: more.count)
    }

    mutating func append(_ tree: XMLTree, _ position: Int) {
      let byte = tree.bytes[position]
      if tree.encoding == .latin1, byte >= 0x80 {
        append([0xc0 | byte >> 6, 0x80 | byte & 0x3f], at: position)
      } else {
        bytes.append(byte)
        offsets.append(position)
      }
    }
  }
}

/// One attribute of a start tag.
public struct XMLAttribute: Hashable, Sendable {
  /// As written, prefix included.
  public let name: String
  /// References replaced.
  public let value: String
  /// From the name to after the closing quote.
  public let range: Range<Int>
  /// Between the quotes.
  public let valueRange: Range<Int>
}

extension XMLElement {
  /// The attribute of that name as written.
  public subscript(name: String) -> XMLAttribute? {
    var scanner = AttributeScanner(self)
    let wanted = name.utf8
    while let (nameRange, valueRange) = scanner.next() {
      guard nameRange.count == wanted.count else { continue }
      var position = nameRange.lowerBound
      for byte in wanted {
        guard tree.bytes[position] == byte else { break }
        position += 1
      }
      if position == nameRange.upperBound { return attribute(nameRange, valueRange) }
    }
    return nil
  }

  /// In the order written.
  public var attributes: [XMLAttribute] {
    var scanner = AttributeScanner(self)
    var all: [XMLAttribute] = []
    while let (nameRange, valueRange) = scanner.next() { all.append(attribute(nameRange, valueRange)) }
    return all
  }

  private func attribute(_ name: Range<Int>, _ value: Range<Int>) -> XMLAttribute {
    XMLAttribute(
      name: tree.decode(name), value: XMLText(tree).attributeValue(value),
      range: name.lowerBound..<value.upperBound + 1, valueRange: value)
  }

  /// An attribute's value byte by byte, each with its place, for text that has a grammar of its own.
  public func word(of attribute: XMLAttribute) -> Word { XMLText(tree).word(attribute.valueRange) }
}

/// Goes through a start tag that expat has found well-formed.
private struct AttributeScanner {
  private let bytes: [UInt8]
  private var position: Int
  private let end: Int

  init(_ element: XMLElement) {
    bytes = element.tree.bytes
    position = element.nameRange.upperBound
    end = element.tagRange.upperBound
  }

  /// The ranges of the next name and of its value, without quotes.
  mutating func next() -> (Range<Int>, Range<Int>)? {
    while position < end, XMLText.isBlank(bytes[position]) { position += 1 }
    guard position < end, bytes[position] != UInt8(ascii: ">"), bytes[position] != UInt8(ascii: "/") else { return nil }
    let start = position
    while position < end, !XMLText.endsName(bytes[position]) { position += 1 }
    let name = start..<position
    while position < end, bytes[position] != UInt8(ascii: "\""), bytes[position] != UInt8(ascii: "'") { position += 1 }
    guard position < end else { return nil }
    let quote = bytes[position]
    let first = position + 1
    position = first
    while position < end, bytes[position] != quote { position += 1 }
    defer { position += 1 }
    return (name, first..<position)
  }
}

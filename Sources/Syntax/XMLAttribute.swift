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
    var wanted = name
    let found = tree.bytes.withUnsafeBufferPointer { bytes in
      wanted.withUTF8 { wanted in
        var scanner = AttributeScanner(bytes, from: nameRange.upperBound, to: tagRange.upperBound)
        while let next = scanner.next() {
          if bytes.holds(wanted, at: next.name) { return next as AttributeScanner.Ranges? }
        }
        return nil
      }
    }
    return found.map { attribute(name, $0) }
  }

  /// All of them, for who asks for several.
  public var attributes: XMLAttributes { XMLAttributes(self) }

  fileprivate func attribute(_ name: String, _ ranges: AttributeScanner.Ranges) -> XMLAttribute {
    XMLAttribute(
      name: name, value: XMLText(tree).attributeValue(ranges.value),
      range: ranges.name.lowerBound..<ranges.value.upperBound + 1, valueRange: ranges.value)
  }

  /// An attribute's value byte by byte, each with its place, for text that has a grammar of its own.
  public func word(of attribute: XMLAttribute) -> Word { XMLText(tree).word(attribute.valueRange) }
}

/// The attributes of a start tag, which is gone through once.
public struct XMLAttributes: Sequence {
  private let element: XMLElement
  private let ranges: [AttributeScanner.Ranges]

  fileprivate init(_ element: XMLElement) {
    self.element = element
    ranges = element.tree.bytes.withUnsafeBufferPointer { bytes in
      var scanner = AttributeScanner(bytes, from: element.nameRange.upperBound, to: element.tagRange.upperBound)
      var ranges: [AttributeScanner.Ranges] = []
      ranges.reserveCapacity(8)
      while let next = scanner.next() { ranges.append(next) }
      return ranges
    }
  }

  /// The attribute of that name as written.
  public subscript(name: String) -> XMLAttribute? {
    var wanted = name
    let found = element.tree.bytes.withUnsafeBufferPointer { bytes in
      wanted.withUTF8 { wanted in ranges.first { bytes.holds(wanted, at: $0.name) } }
    }
    return found.map { element.attribute(name, $0) }
  }

  /// In the order written.
  public func makeIterator() -> AnyIterator<XMLAttribute> {
    var rest = ranges.makeIterator()
    return AnyIterator { rest.next().map { element.attribute(element.tree.decode($0.name), $0) } }
  }
}

/// Goes through a well-formed start tag. It works on the bytes themselves: readers ask
/// for attributes by the dozen, and counting references to the array again for each would be most of the work.
private struct AttributeScanner {
  /// Of the value without quotes.
  typealias Ranges = (name: Range<Int>, value: Range<Int>)

  private let bytes: UnsafeBufferPointer<UInt8>
  private var position: Int
  private let end: Int

  /// - Parameters:
  ///   - start: where the element's name ends.
  ///   - end: after the tag, and not beyond the bytes.
  init(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int, to end: Int) {
    self.bytes = bytes
    position = start
    self.end = end
  }

  mutating func next() -> Ranges? {
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
    // Only in a text that is not well-formed after all.
    guard position < end else { return nil }
    defer { position += 1 }
    return (name, first..<position)
  }
}

/// One attribute of a start tag. Like its element it is a place in the tree, and nothing is decoded before it is
/// asked for.
public struct XMLAttribute: Sendable {
  /// As written, prefix included.
  public let name: StaticString
  private let tree: XMLTree
  private let index: Int

  init(_ name: StaticString, _ index: Int, of tree: XMLTree) {
    self.name = name
    self.index = index
    self.tree = tree
  }

  private var parts: XMLTree.Attribute { tree.attributes[index] }

  /// References replaced.
  public var value: String { XMLText(tree).attributeValue(parts.value) }

  /// The number that the value's bytes are, without making a string of them, which most values need not become.
  public func number(_ body: (UnsafeBufferPointer<UInt8>) -> UInt64?) -> UInt64? {
    let range = parts.value
    return tree.bytes.withUnsafeBufferPointer { bytes in
      let written = UnsafeBufferPointer(rebasing: bytes[range])
      if XMLText.isPlain(written), tree.encoding == .utf8 { return body(written) }
      var value = value
      return value.withUTF8(body)
    }
  }

  /// From the name to after the closing quote.
  public var range: Range<Int> { Int(parts.start)..<Int(parts.valueEnd) + 1 }

  /// Between the quotes.
  public var valueRange: Range<Int> { parts.value }

  /// The value byte by byte, each with its place, for text that has a grammar of its own.
  public var word: Word { XMLText(tree).word(parts.value) }
}

extension XMLElement {
  /// The attribute of that name as written. Nobody looks for a name that is not a literal, and those stand in memory
  /// as they are compared.
  public subscript(name: StaticString) -> XMLAttribute? {
    // SAFETY: a static string's bytes live as long as the program.
    let wanted = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
    return attributeIndex(of: wanted).map { XMLAttribute(name, $0, of: tree) }
  }

  /// Where among the document's attributes that of a name is.
  func attributeIndex(of name: UnsafeBufferPointer<UInt8>) -> Int? {
    tree.bytes.withUnsafeBufferPointer { bytes in
      for index in attributeIndices where bytes.holds(name, at: tree.attributes[index].name) { return index }
      return nil
    }
  }

  /// In the order written. Those of an element stand together, and before those of the next.
  var attributeIndices: Range<Int> {
    let next = index + 1 < tree.nodes.count ? Int(tree.nodes[index + 1].firstAttribute) : tree.attributes.count
    return Int(tree.nodes[index].firstAttribute)..<next
  }
}

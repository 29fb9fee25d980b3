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

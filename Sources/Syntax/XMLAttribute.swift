/// One attribute of a start tag. Like its element it is a place in the tree, and nothing is decoded before it is
/// asked for.
public struct XMLAttribute: Sendable {
  /// As written, prefix included.
  public let name: String
  private let tree: XMLTree
  private let index: Int

  fileprivate init(_ name: String, _ index: Int, of tree: XMLTree) {
    self.name = name
    self.index = index
    self.tree = tree
  }

  private var parts: XMLTree.Attribute { tree.attributes[index] }

  /// References replaced.
  public var value: String { XMLText(tree).attributeValue(parts.value) }

  /// Hands out the value's bytes without making a string of them, which most values need not become.
  public func withUTF8<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    guard XMLText(tree).isPlain(parts.value), tree.encoding == .utf8 else {
      var value = value
      return value.withUTF8(body)
    }
    return tree.bytes.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[parts.value])) }
  }

  /// From the name to after the closing quote.
  public var range: Range<Int> { Int(parts.start)..<Int(parts.valueEnd) + 1 }

  /// Between the quotes.
  public var valueRange: Range<Int> { parts.value }

  /// The value byte by byte, each with its place, for text that has a grammar of its own.
  public var word: Word { XMLText(tree).word(parts.value) }
}

extension XMLElement {
  /// The attribute of that name as written.
  public subscript(name: String) -> XMLAttribute? {
    var wanted = name
    let tree = tree
    let indices = attributeIndices
    return wanted.withUTF8 { wanted in
      tree.bytes.withUnsafeBufferPointer { bytes in
        for index in indices where bytes.holds(wanted, at: tree.attributes[index].name) {
          return XMLAttribute(name, index, of: tree)
        }
        return nil
      }
    }
  }

  /// In the order written.
  public var attributes: [XMLAttribute] {
    attributeIndices.map { XMLAttribute(tree.decode(tree.attributes[$0].name), $0, of: tree) }
  }

  /// Those of an element stand together, and before those of the next.
  private var attributeIndices: Range<Int> {
    let next = index + 1 < tree.nodes.count ? Int(tree.nodes[index + 1].firstAttribute) : tree.attributes.count
    return Int(tree.nodes[index].firstAttribute)..<next
  }
}

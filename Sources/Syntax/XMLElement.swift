/// One element of a tree. Copying it copies nothing of the tree.
public struct XMLElement: Sendable {
  let tree: XMLTree
  let index: Int

  private var node: XMLTree.Node { tree.nodes[index] }

  /// From `<` to after the `>` of its end tag.
  public var range: Range<Int> { Int(node.start)..<Int(node.end) }
  /// From `<` to after the start tag's `>`.
  public var tagRange: Range<Int> { Int(node.start)..<Int(node.tagEnd) }
  /// Between its tags.
  public var contentRange: Range<Int> {
    node.contentEnd > node.tagEnd ? Int(node.tagEnd)..<Int(node.contentEnd) : Int(node.tagEnd)..<Int(node.tagEnd)
  }

  public var parent: XMLElement? {
    node.parent < 0 ? nil : XMLElement(tree: tree, index: Int(node.parent))
  }

  public var children: Children { Children(tree: tree, upcoming: node.firstChild) }

  public struct Children: Sequence, IteratorProtocol {
    let tree: XMLTree
    var upcoming: Int32

    public mutating func next() -> XMLElement? {
      guard upcoming >= 0 else { return nil }
      let element = XMLElement(tree: tree, index: Int(upcoming))
      upcoming = tree.nodes[Int(upcoming)].next
      return element
    }
  }

  /// The name as written, prefix included.
  public var qualifiedName: String { tree.decode(node.name) }

  /// The name without a prefix.
  public var name: String {
    let range = node.name
    guard let colon = tree.bytes[range].firstIndex(of: UInt8(ascii: ":")) else { return tree.decode(range) }
    return tree.decode(colon + 1..<range.upperBound)
  }

  /// Whether that is its name as written.
  public func isNamed(_ name: StaticString) -> Bool {
    tree.bytes.withUnsafeBufferPointer { $0.holds(name.bytes, at: node.name) }
  }

  /// The namespace that its prefix, or the lack of one, stands for here; nil when that is none.
  public var namespace: String? {
    let range = node.name
    let colon = tree.bytes[range].firstIndex(of: UInt8(ascii: ":"))
    var declaration = colon.map { "xmlns:" + tree.decode(range.lowerBound..<$0) } ?? "xmlns"
    return declaration.withUTF8 { declaration in
      var element: XMLElement? = self
      while let one = element {
        if let value = one.value(of: declaration) { return value.isEmpty ? nil : value }
        element = one.parent
      }
      return nil
    }
  }

  /// The first child of that name that is in no namespace by a prefix.
  public func child(_ name: StaticString) -> XMLElement? {
    let name = name.bytes
    let index = tree.bytes.withUnsafeBufferPointer { bytes in
      var index = node.firstChild
      // Compared without decoding any: a search goes through many.
      while index >= 0, !bytes.holds(name, at: tree.nodes[Int(index)].name) { index = tree.nodes[Int(index)].next }
      return index
    }
    return index < 0 ? nil : XMLElement(tree: tree, index: Int(index))
  }

  /// The text between its tags, without that of elements inside it.
  public var text: String { XMLText(tree).content(of: self) }
}

extension XMLElement {
  /// The attribute of that name as written. Nobody looks for a name that is not a literal, and those stand in memory
  /// as they are compared.
  public subscript(name: StaticString) -> XMLAttribute? {
    attributeIndex(of: name.bytes).map { XMLAttribute(name, $0, of: tree) }
  }

  /// The value of the attribute of that name, references replaced; nil without one.
  public func value(_ name: StaticString) -> String? { value(of: name.bytes) }

  private func value(of name: UnsafeBufferPointer<UInt8>) -> String? {
    attributeIndex(of: name).map { XMLText(tree).attributeValue(tree.attributes[$0].value) }
  }

  /// Where among the document's attributes that of a name is.
  private func attributeIndex(of name: UnsafeBufferPointer<UInt8>) -> Int? {
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

/// An element of a tree. It holds the tree, so that its parent and its children stay available.
public struct XMLElement: Sendable {
  let tree: XMLTree
  let index: Int

  private var node: XMLTree.Node { tree.nodes[index] }

  /// Range from `<` to after the `>` of the end tag.
  public var range: Range<Int> { node.tag.lowerBound..<node.end }
  /// Range from `<` to after the `>` of the start tag.
  public var tagRange: Range<Int> { node.tag }
  /// The bytes between the tags.
  public var contentRange: Range<Int> { node.tag.upperBound..<node.contentEnd }
  /// The name as written, prefix included.
  public var qualifiedName: String { node.name }
  /// The name without its prefix.
  public var name: String {
    let name = node.name
    guard name.utf8.contains(UInt8(ascii: ":")) else { return name }
    return name.split(separator: ":").last.map(String.init) ?? name
  }
  /// Attributes in the order of the start tag.
  public var attributes: [XMLAttribute] { node.attributes }
  /// The character data of the element itself, without that of the elements inside it.
  public var text: String { node.text }

  /// The element that contains this one; nil for the root.
  public var parent: XMLElement? { node.parent.map { XMLElement(tree: tree, index: $0) } }
  /// Children in the order of the document.
  public var children: [XMLElement] {
    var children: [XMLElement] = []
    var next = node.firstChild
    while let index = next {
      children.append(XMLElement(tree: tree, index: index))
      next = tree.nodes[index].next
    }
    return children
  }

  /// The first child with a name, which is compared as written: a name without a prefix finds none with one.
  public func child(_ name: String) -> XMLElement? {
    var next = node.firstChild
    while let index = next {
      if tree.nodes[index].name == name { return XMLElement(tree: tree, index: index) }
      next = tree.nodes[index].next
    }
    return nil
  }

  /// The attribute with a name, as written.
  public subscript(name: String) -> XMLAttribute? { position(of: name).map { tree.nodes[index].attributes[$0] } }

  /// The value of the attribute with a name; nil without one.
  public func value(_ name: String) -> String? { position(of: name).map { tree.nodes[index].attributes[$0].value } }

  private func position(of name: String) -> Int? {
    // By index: an attribute whose name is another is not copied.
    tree.nodes[index].attributes.withUnsafeBufferPointer { attributes in
      attributes.indices.first { attributes[$0].name == name }
    }
  }

  /// The namespace of the element (Namespaces in XML 1.0 §6). Nil when it is in none, and when its prefix is not
  /// declared: libvirt's own documents are accepted without their declarations.
  public var namespace: String? {
    let prefix = node.name.split(separator: ":").dropLast().first
    let declaration = prefix.map { "xmlns:" + $0 } ?? "xmlns"
    var element: XMLElement? = self
    while let current = element {
      if let value = current.value(declaration) { return value.isEmpty ? nil : value }
      element = current.parent
    }
    return nil
  }

  /// The value of an attribute with the location of each of its bytes, for a value that has a syntax of its own.
  public func word(_ name: String) -> Word? {
    guard let attribute = self[name] else { return nil }
    let bytes = tree.bytes
    let end = attribute.valueRange.upperBound
    var at = attribute.valueRange.lowerBound
    var offsets: [Int] = []
    offsets.reserveCapacity(attribute.valueRange.count)
    // expat has normalized the value: each reference, each line end and each character is one scalar of it.
    for scalar in attribute.value.unicodeScalars where at < end {
      let width = UTF8.width(scalar)
      if bytes[at] == UInt8(ascii: "&") {
        offsets += repeatElement(at, count: width)
        at = (bytes[at..<end].firstIndex(of: UInt8(ascii: ";")) ?? at) + 1
      } else if tree.encoding == .latin1 {
        offsets += repeatElement(at, count: width)
        at += 1
      } else {
        offsets += at..<at + width
        at += width
      }
      if at < end, bytes[at - 1] == 0x0d, bytes[at] == 0x0a { at += 1 }
    }
    return Word(bytes: Array(attribute.value.utf8), offsets: offsets, end: end)
  }
}

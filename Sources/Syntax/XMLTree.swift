/// An XML document as the ranges of its elements in the text. Nothing is decoded before it is asked
/// for: a domain has hundreds of attributes, and a reader looks at a few.
public final class XMLTree: Sendable {
  /// One element. The ranges of its parts meet: `<name attributes>content</name>`.
  struct Node: Sendable {
    let start: Int32
    let nameEnd: Int32
    /// After the start tag.
    var tagEnd: Int32
    /// Where the end tag begins; `end` for an empty-element tag.
    var contentEnd: Int32
    var end: Int32
    let parent: Int32
    /// Where its attributes begin among those of the document.
    let firstAttribute: Int32
    var firstChild: Int32 = -1
    var next: Int32 = -1

    var name: Range<Int> { Int(start) + 1..<Int(nameEnd) }
  }

  /// One attribute: `name="value"`.
  struct Attribute: Sendable {
    let start: Int32
    let nameEnd: Int32
    /// After the opening quote.
    let valueStart: Int32
    let valueEnd: Int32

    var name: Range<Int> { Int(start)..<Int(nameEnd) }
    var value: Range<Int> { Int(valueStart)..<Int(valueEnd) }
  }

  /// How the document's bytes are to be read.
  enum Encoding: Sendable { case utf8, latin1 }

  public let bytes: [UInt8]
  let nodes: [Node]
  let attributes: [Attribute]
  let encoding: Encoding
  /// Comments with their delimiters, in the order of the text.
  public let comments: [Range<Int>]

  /// - Parameter scanner: of those bytes.
  init(_ bytes: [UInt8], _ scanner: XMLScanner, encoding: Encoding) {
    self.bytes = bytes
    nodes = scanner.nodes
    attributes = scanner.attributes
    comments = scanner.comments
    self.encoding = encoding
  }

  public var root: XMLElement { XMLElement(tree: self, index: 0) }

  /// What stands between `<!--` and `-->`.
  public func text(ofComment range: Range<Int>) -> String {
    decode(range.lowerBound + 4..<max(range.lowerBound + 4, range.upperBound - 3))
  }

  /// The first element that begins after a place; nil when there is none.
  public func element(after offset: Int) -> XMLElement? {
    var low = 0
    var high = nodes.count
    while low < high {
      let middle = (low + high) / 2
      if Int(nodes[middle].start) < offset { low = middle + 1 } else { high = middle }
    }
    return low < nodes.count ? XMLElement(tree: self, index: low) : nil
  }

  /// The element that begins before another, or the last; nil when there is none.
  public func element(before next: XMLElement?) -> XMLElement? {
    let index = (next?.index ?? nodes.count) - 1
    return index >= 0 ? XMLElement(tree: self, index: index) : nil
  }

  /// Text as it stands, references and all.
  func decode(_ range: Range<Int>) -> String {
    guard encoding == .latin1 else {
      return bytes.withUnsafeBufferPointer { String(decoding: UnsafeBufferPointer(rebasing: $0[range]), as: UTF8.self) }
    }
    return String(String.UnicodeScalarView(bytes[range].map { Unicode.Scalar($0) }))
  }
}

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
  public var qualifiedName: String { tree.decode(nameRange) }

  /// The name without a prefix.
  public var name: String {
    let range = nameRange
    guard let colon = tree.bytes[range].firstIndex(of: UInt8(ascii: ":")) else { return tree.decode(range) }
    return tree.decode(colon + 1..<range.upperBound)
  }

  /// Whether that is its name as written.
  public func isNamed(_ name: StaticString) -> Bool {
    // SAFETY: a static string's bytes live as long as the program.
    let name = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
    return tree.bytes.withUnsafeBufferPointer { $0.holds(name, at: nameRange) }
  }

  private var nameRange: Range<Int> { node.name }

  /// The namespace that its prefix, or the lack of one, stands for here; nil when that is none.
  public var namespace: String? {
    let range = nameRange
    let colon = tree.bytes[range].firstIndex(of: UInt8(ascii: ":"))
    var declaration = colon.map { "xmlns:" + tree.decode(range.lowerBound..<$0) } ?? "xmlns"
    return declaration.withUTF8 { declaration in
      var element: XMLElement? = self
      while let one = element {
        if let index = one.attributeIndex(of: declaration) {
          let value = XMLText(tree).attributeValue(tree.attributes[index].value)
          return value.isEmpty ? nil : value
        }
        element = one.parent
      }
      return nil
    }
  }

  /// The first child of that name that is in no namespace by a prefix.
  public func child(_ name: StaticString) -> XMLElement? {
    // SAFETY: a static string's bytes live as long as the program.
    let name = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
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

extension UnsafeBufferPointer<UInt8> {
  /// Whether those bytes stand in a range, which is within these.
  func holds(_ other: UnsafeBufferPointer<UInt8>, at range: Range<Int>) -> Bool {
    guard range.count == other.count else { return false }
    var index = 0
    while index < other.count {
      if self[range.lowerBound + index] != other[index] { return false }
      index += 1
    }
    return true
  }
}

/// An XML document: its elements and its comments. Names, values and text are decoded, and every range is in bytes
/// from the start of the parsed text.
public final class XMLTree: Sendable {
  /// An element. The tree's nodes are in the order of their start tags.
  struct Node: Sendable {
    /// The name as written, prefix included.
    let name: String
    let attributes: [XMLAttribute]
    /// Index of the parent's node; nil for the root.
    let parent: Int?
    /// Range from `<` to after the `>` of the start tag.
    let tag: Range<Int>
    /// Start of the end tag; for an empty-element tag, the end of that tag.
    var contentEnd: Int
    /// The first byte after the end tag.
    var end: Int
    /// Index of the first child; nil without any.
    var firstChild: Int?
    /// Index of the next child of the same parent; nil for the last.
    var next: Int?
    var text = ""
  }

  let bytes: [UInt8]
  let encoding: XMLEncoding
  let nodes: [Node]
  /// The document's comments, in the order of the text.
  public let comments: [XMLComment]

  init(_ bytes: [UInt8], _ encoding: XMLEncoding, nodes: [Node], comments: [XMLComment]) {
    self.bytes = bytes
    self.encoding = encoding
    self.nodes = nodes
    self.comments = comments
  }

  /// The document element.
  public var root: XMLElement { XMLElement(tree: self, index: 0) }

  /// The element that contains a comment; nil for a comment outside the root element.
  public func parent(of comment: XMLComment) -> XMLElement? {
    comment.parent.map { XMLElement(tree: self, index: $0) }
  }

  /// The next sibling element of a comment; nil when the comment is the last thing in its parent.
  public func sibling(after comment: XMLComment) -> XMLElement? {
    guard nodes.indices.contains(comment.next), nodes[comment.next].parent == comment.parent else { return nil }
    return XMLElement(tree: self, index: comment.next)
  }
}

/// A comment of a document.
public struct XMLComment: Sendable {
  /// The text between the delimiters.
  public let text: String
  /// Range from `<!--` to after `-->`.
  public let range: Range<Int>
  /// Index of the node that contains the comment.
  let parent: Int?
  /// Index of the first node whose start tag is after the comment.
  let next: Int
}

/// An attribute of a start tag.
public struct XMLAttribute: Sendable {
  /// The name as written, prefix included.
  public let name: String
  /// The value after normalization (XML 1.0 §3.3.3): references replaced, and each white space character a space.
  public let value: String
  /// Range from the name to after the closing quote.
  public let range: Range<Int>
  /// The bytes between the quotes.
  public let valueRange: Range<Int>
}

/// The encodings that are parsed. In each, the characters of markup have the bytes that they have in ASCII.
enum XMLEncoding: String, Sendable {
  case utf8 = "UTF-8"
  case ascii = "US-ASCII"
  /// Also used for the other extensions of ASCII, whose further characters occur in names and remarks only: each
  /// byte is then one character, and byte ranges stay exact.
  case latin1 = "ISO-8859-1"

  /// - Parameter name: the encoding of an XML declaration.
  init?(declared name: String) {
    let name = name.lowercased()
    switch name {
    case "utf-8", "utf8": self = .utf8
    case "us-ascii", "ascii": self = .ascii
    case _ where XMLEncoding.extensionsOfASCII.contains(where: name.hasPrefix): self = .latin1
    default: return nil
    }
  }

  private static let extensionsOfASCII = [
    "iso-8859-", "windows-125", "cp125", "koi8-", "gb2312", "gbk", "gb18030", "big5", "euc-", "shift_jis",
  ]
}

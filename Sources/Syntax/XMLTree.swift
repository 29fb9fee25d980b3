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

extension StaticString {
  // SAFETY: a static string's bytes live as long as the program.
  var bytes: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount) }
}

extension UnsafeBufferPointer<UInt8> {
  /// Whether a text begins at a place; it does not where the bytes end before it.
  func holds(_ text: StaticString, at start: Int) -> Bool {
    let end = start + text.bytes.count
    return end <= count && holds(text.bytes, at: start..<end)
  }

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

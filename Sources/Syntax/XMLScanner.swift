/// Finds the elements and comments of an XML document. It takes the document to be well-formed, which
/// expat judges: of what is not it may make anything, but stays within the bytes.
struct XMLScanner {
  /// How far it got.
  enum End: Equatable {
    case whole
    /// Not well-formed there.
    case stuck(Int)
    /// A cap was hit.
    case over(XMLError)
  }

  private(set) var nodes: [XMLTree.Node] = []
  private(set) var attributes: [XMLTree.Attribute] = []
  private(set) var comments: [Range<Int>] = []
  /// Where a document type begins.
  private(set) var documentType: Int?
  private let bytes: UnsafeBufferPointer<UInt8>
  private var position = 0
  /// The elements that are open, each with the last of its children so far.
  private var open: [(node: Int, lastChild: Int)] = []

  init(_ bytes: UnsafeBufferPointer<UInt8>) {
    self.bytes = bytes
    nodes.reserveCapacity(min(bytes.count / 40, XMLTree.maximumElements))
    attributes.reserveCapacity(min(bytes.count / 20, XMLTree.maximumAttributes))
  }

  mutating func scan() -> End {
    while let start = find(UInt8(ascii: "<")) {
      guard start + 1 < bytes.count else { return .stuck(start) }
      let isRead: Bool
      switch bytes[start + 1] {
      case UInt8(ascii: "?"): isRead = skip(past: "?>", from: start + 2)
      case UInt8(ascii: "!"): isRead = readDeclaration(start)
      case UInt8(ascii: "/"): isRead = endElement(start)
      default:
        if let error = cap(start) { return .over(error) }
        isRead = startElement(start)
        if attributes.count > XMLTree.maximumAttributes {
          return .over(XMLError(message: "more than \(XMLTree.maximumAttributes) attributes", offset: start))
        }
      }
      if !isRead { return .stuck(start) }
    }
    return open.isEmpty && !nodes.isEmpty ? .whole : .stuck(bytes.count)
  }

  private func cap(_ start: Int) -> XMLError? {
    if open.count >= XMLTree.maximumDepth {
      return XMLError(message: "nested deeper than \(XMLTree.maximumDepth) levels", offset: start)
    }
    guard nodes.count >= XMLTree.maximumElements else { return nil }
    return XMLError(message: "more than \(XMLTree.maximumElements) elements", offset: start)
  }

  /// A comment, a CDATA section, or a document type.
  private mutating func readDeclaration(_ start: Int) -> Bool {
    if bytes.holds("<!--", at: start) {
      guard skip(past: "-->", from: start + 4) else { return false }
      comments.append(start..<position)
      return true
    }
    if bytes.holds("<![CDATA[", at: start) { return skip(past: "]]>", from: start + 9) }
    documentType = documentType ?? start
    return skip(past: ">", from: start + 2)
  }

  private mutating func startElement(_ start: Int) -> Bool {
    let firstAttribute = Int32(attributes.count)
    guard let nameEnd = endOfName(start), let end = readAttributes(nameEnd) else { return false }
    let index = nodes.count
    let place = Int32(end)
    nodes.append(
      XMLTree.Node(
        start: Int32(start), nameEnd: Int32(nameEnd), tagEnd: place, contentEnd: place, end: place,
        parent: Int32(open.last?.node ?? -1), firstAttribute: firstAttribute))
    if let last = open.indices.last {
      if open[last].lastChild < 0 {
        nodes[open[last].node].firstChild = Int32(index)
      } else {
        nodes[open[last].lastChild].next = Int32(index)
      }
      open[last].lastChild = index
    }
    position = end
    if bytes[end - 2] != UInt8(ascii: "/") { open.append((index, -1)) }
    return true
  }

  private func endOfName(_ start: Int) -> Int? {
    var at = start + 1
    while at < bytes.count, !XMLText.endsName(bytes[at]) { at += 1 }
    return at > start + 1 && at < bytes.count ? at : nil
  }

  /// Reads what stands behind the name in a start tag.
  /// - Returns: the place after its `>`; one in an attribute's value ends nothing.
  private mutating func readAttributes(_ start: Int) -> Int? {
    var at = start
    while at < bytes.count, attributes.count <= XMLTree.maximumAttributes {
      if bytes[at] == UInt8(ascii: ">") { return at + 1 }
      if bytes[at] == UInt8(ascii: "/") || XMLText.isBlank(bytes[at]) {
        at += 1
        continue
      }
      let name = at
      while at < bytes.count, !XMLText.endsName(bytes[at]) { at += 1 }
      let nameEnd = at
      while at < bytes.count, !XMLScanner.endsSign(bytes[at]) { at += 1 }
      // Without a value only in a text that is not well-formed after all.
      guard at < bytes.count, bytes[at] != UInt8(ascii: ">") else { continue }
      let quote = bytes[at]
      let value = at + 1
      at = value
      while at < bytes.count, bytes[at] != quote { at += 1 }
      guard at < bytes.count else { return nil }
      attributes.append(
        XMLTree.Attribute(start: Int32(name), nameEnd: Int32(nameEnd), valueStart: Int32(value), valueEnd: Int32(at)))
      at += 1
    }
    return nil
  }

  /// Whether a byte is the first after the `=` between name and value: the opening quote.
  private static func endsSign(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") || byte == UInt8(ascii: ">")
  }

  private mutating func endElement(_ start: Int) -> Bool {
    guard let last = open.popLast(), endsElement(nodes[last.node], at: start), skip(past: ">", from: start + 2)
    else { return false }
    nodes[last.node].contentEnd = Int32(start)
    nodes[last.node].end = Int32(position)
    return true
  }

  private func endsElement(_ node: XMLTree.Node, at start: Int) -> Bool {
    let end = start + 1 + Int(node.nameEnd - node.start)
    guard end < bytes.count, XMLText.endsName(bytes[end]) else { return false }
    let name = UnsafeBufferPointer(rebasing: bytes[Int(node.start) + 1..<Int(node.nameEnd)])
    return bytes.holds(name, at: start + 2..<end)
  }

  /// The next of a byte.
  private func find(_ byte: UInt8) -> Int? {
    var at = position
    while at < bytes.count {
      if bytes[at] == byte { return at }
      at += 1
    }
    return nil
  }

  private mutating func skip(past text: StaticString, from start: Int) -> Bool {
    // SAFETY: no text is empty.
    let first = text.bytes[0]
    var at = start
    while at < bytes.count {
      if bytes[at] == first, bytes.holds(text, at: at) {
        position = at + text.bytes.count
        return true
      }
      at += 1
    }
    return false
  }
}

import CExpat

extension XMLTree {
  /// The largest text that is parsed, in bytes.
  public static let maximumSize = 64 << 20
  /// The deepest nesting that is accepted; libxml2, with which libvirt parses, has the same limit.
  public static let maximumDepth = 256
  /// The maximum number of elements, which bounds the memory of a tree.
  public static let maximumElements = 1 << 20
  /// The maximum number of attributes, which bounds the memory of a tree.
  public static let maximumAttributes = 1 << 20

  /// Parses one document with expat. A document type that declares anything is refused: no entity can grow, and
  /// nothing is fetched.
  /// - Throws: the first error of the document, or the limit that it exceeds.
  public static func parse(_ bytes: [UInt8]) throws(SyntaxError) -> XMLTree {
    let (tree, junk) = try parse(bytes, from: 0)
    if let junk { throw junk }
    return tree
  }

  /// Parses the document that begins at a position of a text, in time that is linear in the document and not in the text.
  /// - Parameter start: where the document begins; white space and comments may precede its first tag.
  /// - Returns: the document, and the error that follows its last tag, if any: text that belongs to no document element.
  /// - Throws: the first error of the document, or the limit that it exceeds.
  public static func parse(_ bytes: [UInt8], from start: Int) throws(SyntaxError) -> (tree: XMLTree, junk: SyntaxError?) {
    guard bytes.count <= maximumSize else {
      throw SyntaxError(message: "larger than \(maximumSize) bytes", offset: maximumSize)
    }
    if isUTF16(bytes) { throw SyntaxError(message: "invalid UTF-16, or no byte order mark", offset: 0) }
    let first = try XMLTreeBuilder.parse(bytes, from: start, .utf8)
    guard let encoding = first.otherEncoding else { return try first.tree() }
    return try XMLTreeBuilder.parse(bytes, from: start, encoding).tree()
  }

  /// SourceText converts UTF-16 before this; what still looks like it is broken.
  private static func isUTF16(_ bytes: [UInt8]) -> Bool {
    bytes.count >= 2 && [0xfffe, 0xfeff, 0x3c00, 0x003c].contains(UInt16(bytes[0]) << 8 | UInt16(bytes[1]))
  }
}

/// The handlers of one run of expat, which build the nodes of a tree.
private struct XMLTreeBuilder {
  private let parser: XML_Parser
  private let bytes: [UInt8]
  /// Offset of the first byte that is passed to expat.
  private let start: Int
  private let encoding: XMLEncoding
  private var nodes: [XMLTree.Node] = []
  private var comments: [XMLComment] = []
  private var attributeCount = 0
  /// Indexes of the elements whose end tag has not been seen, the root first.
  private var open: [Int] = []
  /// Character data of the open elements, in UTF-8, by depth; expat reports a line and its end apart. Kept for the next
  /// element of that depth.
  private var text: [[UInt8]] = []
  /// Index of the latest child of each open element, by depth.
  private var lastChild: [Int?] = []
  private var error: SyntaxError?
  /// The error that follows the root element's end tag.
  private var junk: SyntaxError?
  /// The encoding that the document declares, when it is not the one of this run.
  private(set) var otherEncoding: XMLEncoding?

  /// Random, so that no document can choose names that collide in expat's hash tables. One for the process: without
  /// it expat asks the kernel for random bytes once a document.
  private static let salt = (0..<16).map { _ in UInt8.random(in: 0...255) }

  private init(_ parser: XML_Parser, _ bytes: [UInt8], from start: Int, _ encoding: XMLEncoding) {
    self.parser = parser
    self.bytes = bytes
    self.start = start
    self.encoding = encoding
  }

  /// Parses the document that begins at `start`.
  /// - Parameter encoding: how to read the bytes, regardless of the document's declaration.
  static func parse(_ bytes: [UInt8], from start: Int, _ encoding: XMLEncoding) throws(SyntaxError) -> XMLTreeBuilder {
    guard let parser = XML_ParserCreate(encoding.rawValue) else {
      throw SyntaxError(message: "no memory for a parser", offset: 0)
    }
    defer { XML_ParserFree(parser) }
    // SAFETY: the array has the 16 bytes that are read.
    cexpat_set_salt(parser, XMLTreeBuilder.salt)
    var builder = XMLTreeBuilder(parser, bytes, from: start, encoding)
    withUnsafeMutablePointer(to: &builder) { XMLTreeBuilder.parse(parser, bytes, from: start, into: $0) }
    return builder
  }

  /// Parses in pieces of which each is twice as large as the one before: expat copies a piece before it parses it, so one
  /// piece for the rest of a text that holds many documents would be copied again for each of them.
  private static func parse(
    _ parser: XML_Parser, _ bytes: [UInt8], from start: Int, into builder: UnsafeMutablePointer<XMLTreeBuilder>
  ) {
    XML_SetUserData(parser, builder)
    XML_SetXmlDeclHandler(parser) { data, _, encoding, _ in XMLTreeBuilder.of(data)?.pointee.declaration(encoding: encoding) }
    XML_SetStartDoctypeDeclHandler(parser) { data, _, system, publicID, hasSubset in
      if system != nil || publicID != nil || hasSubset != 0 { XMLTreeBuilder.of(data)?.pointee.refuseDocumentType() }
    }
    XML_SetElementHandler(
      parser, { XMLTreeBuilder.of($0)?.pointee.startElement($1, $2) }, { data, _ in XMLTreeBuilder.of(data)?.pointee.endElement() })
    XML_SetCharacterDataHandler(parser) { XMLTreeBuilder.of($0)?.pointee.characters($1, Int($2)) }
    XML_SetCommentHandler(parser) { XMLTreeBuilder.of($0)?.pointee.comment($1) }
    bytes.withUnsafeBytes { buffer in
      let characters = buffer.bindMemory(to: CChar.self)
      var position = start
      var size = 4 << 10
      while true {
        let end = min(position + size, characters.count)
        let isLast = end == characters.count
        // SAFETY: expat reads `end - position` bytes, which the array has, and copies them. The size limit fits in an Int32.
        let status = XML_Parse(
          parser, characters.baseAddress.map { $0 + position }, Int32(end - position), isLast ? 1 : 0)
        if status != XML_STATUS_OK { return builder.pointee.fail() }
        if isLast { return }
        position = end
        size *= 2
      }
    }
  }

  private static func of(_ data: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<XMLTreeBuilder>? {
    // SAFETY: expat passes the pointer that `parse` set, and calls handlers only while `parse` has the builder.
    guard let builder = data?.bindMemory(to: XMLTreeBuilder.self, capacity: 1) else { return nil }
    // A stopped parser may still call the handler of the end of an empty element.
    return builder.pointee.error == nil && builder.pointee.otherEncoding == nil ? builder : nil
  }

  private mutating func fail() {
    guard error == nil else { return }
    let message = XML_ErrorString(XML_GetErrorCode(parser)).map { String(cString: $0) } ?? "not well-formed"
    let found = SyntaxError(message: message, offset: max(start, offset))
    if let root = nodes.first, open.isEmpty, otherEncoding == nil {
      junk = found
      // Text after the document may belong to the next one.
      comments.removeAll { $0.range.lowerBound >= root.end }
    } else {
      error = found
    }
  }

  func tree() throws(SyntaxError) -> (tree: XMLTree, junk: SyntaxError?) {
    if let error { throw error }
    return (XMLTree(bytes, encoding, nodes: nodes, comments: comments), junk)
  }

  /// Location of the event that a handler is called for.
  private var offset: Int { start + Int(cexpat_byte_index(parser)) }
  private var eventRange: Range<Int> { offset..<offset + Int(XML_GetCurrentByteCount(parser)) }

  private mutating func stop(_ message: String, at offset: Int) {
    error = SyntaxError(message: message, offset: offset)
    XML_StopParser(parser, 0)
  }

  private mutating func declaration(encoding name: UnsafePointer<CChar>?) {
    guard let name, encoding == .utf8 else { return }
    let declared = String(cString: name)
    guard let other = XMLEncoding(declared: declared) else {
      return stop("encoding \(declared.lowercased()) is not supported; use UTF-8", at: offset)
    }
    // A byte order mark means UTF-8, regardless of the declaration.
    guard other != .utf8, !bytes.starts(with: [0xef, 0xbb, 0xbf]) else { return }
    otherEncoding = other
    XML_StopParser(parser, 0)
  }

  /// Reported at the start of the declaration; expat calls the handler further in.
  private mutating func refuseDocumentType() {
    let mark = Array("<!DOCTYPE".utf8)
    let before = stride(from: min(offset, bytes.count - mark.count), through: 0, by: -1)
    stop(
      "a document type (DTD) with declarations is not accepted, for safety",
      at: before.first { bytes[$0...].starts(with: mark) } ?? offset)
  }

  private mutating func startElement(
    _ name: UnsafePointer<CChar>?, _ list: UnsafeMutablePointer<UnsafePointer<CChar>?>?
  ) {
    let tag = eventRange
    if open.count >= XMLTree.maximumDepth {
      return stop("nested deeper than \(XMLTree.maximumDepth) levels", at: tag.lowerBound)
    }
    if nodes.count >= XMLTree.maximumElements {
      return stop("more than \(XMLTree.maximumElements) elements", at: tag.lowerBound)
    }
    attributeCount += Int(XML_GetSpecifiedAttributeCount(parser)) / 2
    if attributeCount > XMLTree.maximumAttributes {
      return stop("more than \(XMLTree.maximumAttributes) attributes", at: tag.lowerBound)
    }
    let index = nodes.count
    if !open.isEmpty {
      if let last = lastChild[open.count - 1] { nodes[last].next = index } else { nodes[open[open.count - 1]].firstChild = index }
      lastChild[open.count - 1] = index
    }
    nodes.append(
      XMLTree.Node(
        name: name.map { String(cString: $0) } ?? "", attributes: attributes(list, in: tag), parent: open.last,
        tag: tag, contentEnd: tag.upperBound, end: tag.upperBound))
    open.append(index)
    if text.count < open.count {
      text.append([])
      lastChild.append(nil)
    }
    lastChild[open.count - 1] = nil
  }

  /// - Parameter list: names and values in turn, in the order of the tag; nil ends it.
  private func attributes(
    _ list: UnsafeMutablePointer<UnsafePointer<CChar>?>?, in tag: Range<Int>
  ) -> [XMLAttribute] {
    guard var next = list, next.pointee != nil else { return [] }
    var attributes: [XMLAttribute] = []
    attributes.reserveCapacity(Int(XML_GetSpecifiedAttributeCount(parser)) / 2)
    var tag = XMLStartTag.Attributes(bytes, tag)
    // SAFETY: the list ends with nil, and each name is followed by a value.
    while let name = next.pointee, let value = (next + 1).pointee, let ranges = tag.next() {
      attributes.append(
        XMLAttribute(
          name: String(cString: name), value: String(cString: value), range: ranges.whole, valueRange: ranges.value))
      next += 2
    }
    return attributes
  }

  private mutating func endElement() {
    guard let index = open.popLast() else { return }
    if !text[open.count].isEmpty {
      nodes[index].text = String(decoding: text[open.count], as: UTF8.self)
      text[open.count].removeAll(keepingCapacity: true)
    }
    nodes[index].contentEnd = eventRange.lowerBound
    nodes[index].end = eventRange.upperBound
  }

  private mutating func characters(_ piece: UnsafePointer<CChar>?, _ count: Int) {
    guard let piece, !open.isEmpty else { return }
    // SAFETY: expat passes `count` bytes of UTF-8.
    text[open.count - 1].append(contentsOf: UnsafeRawBufferPointer(start: piece, count: count))
  }

  private mutating func comment(_ text: UnsafePointer<CChar>?) {
    comments.append(
      XMLComment(
        text: text.map { String(cString: $0) } ?? "", range: eventRange, parent: open.last, next: nodes.count))
  }
}

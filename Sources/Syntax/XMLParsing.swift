import CExpat

/// What is wrong with an XML text.
public struct XMLError: Error, Hashable, Sendable {
  /// expat's words, or the cap that was hit.
  public let message: String
  /// Bytes from the start of the text.
  public let offset: Int
}

extension XMLTree {
  public static let maximumSize = 64 << 20
  /// Nesting that is refused beyond this; libxml2, which libvirt reads with, stops there too.
  public static let maximumDepth = 256
  /// Elements that are refused beyond this, to keep memory modest.
  public static let maximumElements = 1 << 20

  /// Reads one document. A document type is refused, whatever it declares: so there are no entities
  /// that could grow, and nothing is ever fetched.
  /// - Throws: `XMLError` with the place.
  public static func parse(_ bytes: [UInt8]) throws(XMLError) -> XMLTree {
    guard bytes.count <= maximumSize else {
      throw XMLError(message: "larger than \(maximumSize) bytes", offset: maximumSize)
    }
    if bytes.count >= 2, [0xfffe, 0xfeff, 0x3c00, 0x003c].contains(UInt16(bytes[0]) << 8 | UInt16(bytes[1])) {
      throw XMLError(message: "encoding UTF-16 is not read; UTF-8 is", offset: 0)
    }
    let builder = try Builder()
    builder.install()
    bytes.withUnsafeBytes { buffer in
      buffer.withMemoryRebound(to: CChar.self) { builder.feed($0) }
    }
    if let error = builder.error {
      guard builder.hasDocumentType else { throw error }
      let mark = Array("<!DOCTYPE".utf8)
      let start = (0..<max(0, error.offset)).last { bytes[$0...].starts(with: mark) }
      throw XMLError(message: error.message, offset: start ?? error.offset)
    }
    return XMLTree(bytes: bytes, nodes: builder.nodes, comments: builder.comments, encoding: builder.encoding)
  }
}

extension XMLTree {
  /// The name of the root element, from a document's beginning; nil when that does not tell. For
  /// choosing among many files; what is wrong with one, only parsing says.
  public static func rootName(_ head: [UInt8]) -> String? {
    var rest = head[...]
    if rest.starts(with: [0xef, 0xbb, 0xbf]) { rest = rest.dropFirst(3) }
    while true {
      rest = rest.drop(while: XMLText.isBlank)
      guard rest.first == UInt8(ascii: "<") else { return nil }
      let mark: [UInt8]
      switch rest.dropFirst().first {
      case UInt8(ascii: "?"): mark = Array("?>".utf8)
      case UInt8(ascii: "!"): mark = Array((rest.starts(with: "<!--".utf8) ? "-->" : ">").utf8)
      default:
        let name = rest.dropFirst().prefix { !XMLText.endsName($0) }
        return name.isEmpty ? nil : String(decoding: name, as: UTF8.self)
      }
      guard let end = rest.indices.first(where: { rest[$0...].starts(with: mark) }) else { return nil }
      rest = rest[(end + mark.count)...]
    }
  }
}

/// What expat's handlers gather.
private final class Builder {
  private let parser: XML_Parser
  var nodes: [XMLTree.Node] = []
  var comments: [Range<Int>] = []
  var encoding = XMLTree.Encoding.utf8
  var error: XMLError?
  var hasDocumentType = false
  /// The elements that are open, each with the last of its children so far.
  private var open: [(node: Int32, lastChild: Int32)] = []

  init() throws(XMLError) {
    guard let parser = XML_ParserCreate(nil) else { throw XMLError(message: "no memory for a parser", offset: 0) }
    self.parser = parser
  }

  deinit { XML_ParserFree(parser) }

  private var offset: Int { Int(XML_GetCurrentByteIndex(parser)) }
  private var count: Int { Int(XML_GetCurrentByteCount(parser)) }

  func install() {
    XML_SetUserData(parser, Unmanaged.passUnretained(self).toOpaque())
    XML_SetElementHandler(
      parser, { data, _, _ in Builder.of(data)?.startElement() }, { data, _ in Builder.of(data)?.endElement() })
    XML_SetCommentHandler(parser) { data, _ in Builder.of(data)?.comment() }
    XML_SetStartDoctypeDeclHandler(parser) { data, _, _, _, _ in Builder.of(data)?.refuseDocumentType() }
    // Asked only for encodings that `declare` has let pass.
    XML_SetUnknownEncodingHandler(
      parser,
      { _, _, info in
        guard let info else { return 0 }
        withUnsafeMutableBytes(of: &info.pointee.map) { raw in
          let map = raw.bindMemory(to: Int32.self)
          for byte in map.indices { map[byte] = Int32(byte) }
        }
        info.pointee.convert = nil
        info.pointee.release = nil
        return 1
      }, nil)
    XML_SetXmlDeclHandler(parser) { data, _, encoding, _ in
      guard let encoding else { return }
      Builder.of(data)?.declare(String(cString: encoding).lowercased())
    }
  }

  private static func of(_ data: UnsafeMutableRawPointer?) -> Builder? {
    // SAFETY: expat passes the pointer that `install` set, and calls handlers only while `feed` runs.
    data.map { Unmanaged<Builder>.fromOpaque($0).takeUnretainedValue() }
  }

  /// In pieces: expat copies what it is given.
  func feed(_ buffer: UnsafeBufferPointer<CChar>) {
    let piece = 64 << 10
    var position = 0
    repeat {
      let count = min(piece, buffer.count - position)
      let isLast = position + count == buffer.count
      // SAFETY: `position + count` is within the buffer, which outlives the call.
      guard XML_Parse(parser, buffer.baseAddress.map { $0 + position }, Int32(count), isLast ? 1 : 0) == XML_STATUS_OK
      else { return fail() }
      position += count
    } while position < buffer.count
  }

  private func startElement() {
    guard error == nil else { return }
    if open.count >= XMLTree.maximumDepth { return stop("nested deeper than \(XMLTree.maximumDepth) levels") }
    if nodes.count >= XMLTree.maximumElements { return stop("more than \(XMLTree.maximumElements) elements") }
    let index = Int32(nodes.count)
    let start = offset
    let end = Int32(start + count)
    nodes.append(
      XMLTree.Node(
        start: Int32(start), tagEnd: end, contentEnd: end, end: end, parent: open.last?.node ?? -1))
    if let last = open.indices.last {
      if open[last].lastChild < 0 {
        nodes[Int(open[last].node)].firstChild = index
      } else {
        nodes[Int(open[last].lastChild)].next = index
      }
      open[last].lastChild = index
    }
    open.append((index, -1))
  }

  private func endElement() {
    guard error == nil, let last = open.popLast() else { return }
    // After an empty-element tag expat stands at its end, with nothing to count.
    nodes[Int(last.node)].contentEnd = Int32(offset)
    nodes[Int(last.node)].end = Int32(offset + count)
  }

  private func comment() {
    guard error == nil else { return }
    comments.append(offset..<offset + count)
  }

  private func declare(_ encoding: String) {
    switch encoding {
    case "utf-8", "utf8", "us-ascii", "ascii": self.encoding = .utf8
    case "iso-8859-1": self.encoding = .latin1
    case _ where Builder.extendsASCII(encoding): self.encoding = .latin1
    default: stop("encoding \(encoding) is not read; UTF-8 is")
    }
  }

  /// Encodings in which what XML is made of, and every address, is as in ASCII. Their other characters, which
  /// only names and remarks have, are read as Latin-1's: every byte stays where it is.
  private static func extendsASCII(_ encoding: String) -> Bool {
    ["iso-8859-", "windows-125", "cp125", "koi8-", "gb2312", "gbk", "gb18030", "big5", "euc-", "shift_jis"]
      .contains { encoding.hasPrefix($0) }
  }

  /// expat stands where the name ends, or the identifiers.
  func refuseDocumentType() {
    hasDocumentType = true
    stop("a document type (DTD) is not read, for safety")
  }

  private func stop(_ message: String) {
    if error == nil { error = XMLError(message: message, offset: offset) }
    XML_StopParser(parser, 0)
  }

  private func fail() {
    if error != nil { return }
    let code = XML_GetErrorCode(parser)
    error = XMLError(
      message: XML_ErrorString(code).map { String(cString: $0) } ?? "not well-formed", offset: max(0, offset))
  }
}

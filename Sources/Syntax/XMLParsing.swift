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

  /// Reads one document: expat judges it, and the scanner finds what is in it. A document type that declares
  /// anything is refused: so there are no entities that could grow, and nothing is ever fetched.
  /// - Throws: `XMLError` with the place.
  public static func parse(_ bytes: [UInt8]) throws(XMLError) -> XMLTree {
    guard bytes.count <= maximumSize else {
      throw XMLError(message: "larger than \(maximumSize) bytes", offset: maximumSize)
    }
    if isUTF16(bytes) { throw XMLError(message: "broken UTF-16, or without a byte order mark", offset: 0) }
    let (scanner, end) = scan(bytes)
    // Nothing is nested deeper up to where the scan ended: it goes before expat, which has no such cap.
    let parser = try Parser(documentType: scanner.documentType)
    if case .over(let error) = end {
      try parser.parse(bytes, upTo: error.offset)
      throw error
    }
    try parser.parse(bytes, upTo: nil)
    if case .stuck(let offset) = end { throw XMLError(message: "not well-formed", offset: offset) }
    return XMLTree(bytes: bytes, nodes: scanner.nodes, comments: scanner.comments, encoding: parser.encoding)
  }

  /// The tree of a document that nobody has judged yet, for a first look at many; nil when it is not certain to be
  /// the same that `parse` would find, if the document is well-formed.
  public static func sketch(_ bytes: [UInt8]) -> XMLTree? {
    guard bytes.count <= maximumSize, !isUTF16(bytes), !declaresEncoding(bytes) else { return nil }
    let (scanner, end) = scan(bytes)
    guard end == .whole, scanner.documentType == nil else { return nil }
    return XMLTree(bytes: bytes, nodes: scanner.nodes, comments: scanner.comments, encoding: .utf8)
  }

  /// Has a sketch judged after all.
  /// - Throws: what `parse` would have.
  public func validate() throws(XMLError) { try Parser(documentType: nil).parse(bytes, upTo: nil) }

  private static func scan(_ bytes: [UInt8]) -> (XMLScanner, XMLScanner.End) {
    bytes.withUnsafeBufferPointer { bytes in
      var scanner = XMLScanner(bytes)
      let end = scanner.scan()
      return (scanner, end)
    }
  }

  private static func isUTF16(_ bytes: [UInt8]) -> Bool {
    bytes.count >= 2 && [0xfffe, 0xfeff, 0x3c00, 0x003c].contains(UInt16(bytes[0]) << 8 | UInt16(bytes[1]))
  }

  /// Whether there may be another encoding than UTF-8.
  private static func declaresEncoding(_ bytes: [UInt8]) -> Bool {
    // `<?xml version=`, `1.0`, ` encoding=`, `UTF-8`
    let pieces = bytes.prefix { $0 != UInt8(ascii: ">") }.split { $0 == UInt8(ascii: "'") || $0 == UInt8(ascii: "\"") }
    for (name, value) in zip(pieces, pieces.dropFirst()) {
      let isEncoding = name.filter { (0x61...0x7a).contains($0) }.suffix(8).elementsEqual("encoding".utf8)
      if isEncoding { return String(decoding: value, as: UTF8.self).lowercased() != "utf-8" }
    }
    return false
  }
}

extension XMLTree {
  /// The root element's name and all that stands in its tag, from a document's beginning; nil when that does not
  /// tell. For choosing among many files; what is wrong with one, only parsing says.
  public static func rootTag(_ head: [UInt8]) -> (name: String, tag: ArraySlice<UInt8>)? {
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
        let tag = rest.dropFirst().prefix { $0 != UInt8(ascii: ">") }
        return name.isEmpty ? nil : (String(decoding: name, as: UTF8.self), tag)
      }
      guard let end = rest.indices.first(where: { rest[$0...].starts(with: mark) }) else { return nil }
      rest = rest[(end + mark.count)...]
    }
  }
}

/// Expat's judgement of a document.
private final class Parser {
  private let parser: XML_Parser
  private(set) var encoding = XMLTree.Encoding.utf8
  private var error: XMLError?

  private let documentType: Int?
  /// Nobody can know which names collide; one for the whole run, because expat asks the kernel for each document.
  private static let salt = (0..<16).map { _ in UInt8.random(in: 0...255) }

  /// - Parameter documentType: where one begins, to point at.
  init(documentType: Int?) throws(XMLError) {
    guard let parser = XML_ParserCreate(nil) else { throw XMLError(message: "no memory for a parser", offset: 0) }
    self.parser = parser
    // SAFETY: the array has the 16 bytes that are read.
    cexpat_set_salt(parser, Parser.salt)
    self.documentType = documentType
    install()
  }

  deinit { XML_ParserFree(parser) }

  private var offset: Int { Int(cexpat_byte_index(parser)) }

  private func install() {
    XML_SetUserData(parser, Unmanaged.passUnretained(self).toOpaque())
    XML_SetStartDoctypeDeclHandler(parser) { data, _, system, publicID, hasSubset in
      if system != nil || publicID != nil || hasSubset != 0 { Parser.of(data)?.refuseDocumentType() }
    }
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
      Parser.of(data)?.declare(String(cString: encoding).lowercased())
    }
  }

  private static func of(_ data: UnsafeMutableRawPointer?) -> Parser? {
    // SAFETY: expat passes the pointer that `install` set, and calls handlers only while `parse` runs.
    data.map { Unmanaged<Parser>.fromOpaque($0).takeUnretainedValue() }
  }

  /// - Parameter end: where to stop, with more to come; nil for the whole document.
  func parse(_ bytes: [UInt8], upTo end: Int?) throws(XMLError) {
    bytes.withUnsafeBytes { buffer in
      buffer.withMemoryRebound(to: CChar.self) { feed($0, upTo: end ?? $0.count, isWhole: end == nil) }
    }
    guard let error else { return }
    throw error
  }

  /// In pieces: expat copies what it is given.
  private func feed(_ buffer: UnsafeBufferPointer<CChar>, upTo end: Int, isWhole: Bool) {
    let piece = 64 << 10
    var position = 0
    repeat {
      let count = min(piece, end - position)
      let isLast = isWhole && position + count == end
      // SAFETY: `position + count` is within the buffer, which outlives the call.
      guard XML_Parse(parser, buffer.baseAddress.map { $0 + position }, Int32(count), isLast ? 1 : 0) == XML_STATUS_OK
      else { return fail() }
      position += count
    } while position < end
  }

  private func declare(_ encoding: String) {
    switch encoding {
    case "utf-8", "utf8", "us-ascii", "ascii": self.encoding = .utf8
    case "iso-8859-1": self.encoding = .latin1
    case _ where Parser.extendsASCII(encoding): self.encoding = .latin1
    default: stop("encoding \(encoding) is not read; UTF-8 is")
    }
  }

  /// Encodings in which what XML is made of, and every address, is as in ASCII. Their other characters, which
  /// only names and remarks have, are read as Latin-1's: every byte stays where it is.
  private static func extendsASCII(_ encoding: String) -> Bool {
    ["iso-8859-", "windows-125", "cp125", "koi8-", "gb2312", "gbk", "gb18030", "big5", "euc-", "shift_jis"]
      .contains { encoding.hasPrefix($0) }
  }

  private func refuseDocumentType() {
    stop("a document type (DTD) that declares anything is not read, for safety", at: documentType)
  }

  private func stop(_ message: String, at place: Int? = nil) {
    if error == nil { error = XMLError(message: message, offset: place ?? offset) }
    XML_StopParser(parser, 0)
  }

  private func fail() {
    if error != nil { return }
    let code = XML_GetErrorCode(parser)
    error = XMLError(
      message: XML_ErrorString(code).map { String(cString: $0) } ?? "not well-formed", offset: max(0, offset))
  }
}

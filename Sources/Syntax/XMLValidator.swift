import CExpat

/// Expat's judgement of a document.
final class XMLValidator {
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
    cexpat_set_salt(parser, XMLValidator.salt)
    self.documentType = documentType
    install()
  }

  deinit { XML_ParserFree(parser) }

  private var offset: Int { Int(cexpat_byte_index(parser)) }

  private func install() {
    XML_SetUserData(parser, Unmanaged.passUnretained(self).toOpaque())
    XML_SetStartDoctypeDeclHandler(parser) { data, _, system, publicID, hasSubset in
      if system != nil || publicID != nil || hasSubset != 0 { XMLValidator.of(data)?.refuseDocumentType() }
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
      XMLValidator.of(data)?.declare(String(cString: encoding).lowercased())
    }
  }

  private static func of(_ data: UnsafeMutableRawPointer?) -> XMLValidator? {
    // SAFETY: expat passes the pointer that `install` set, and calls handlers only while `validate` runs.
    data.map { Unmanaged<XMLValidator>.fromOpaque($0).takeUnretainedValue() }
  }

  /// - Parameter end: where to stop, with more to come; nil for the whole document.
  func validate(_ bytes: [UInt8], upTo end: Int?) throws(XMLError) {
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
    case _ where XMLValidator.extendsASCII(encoding): self.encoding = .latin1
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

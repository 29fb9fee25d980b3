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
  /// The same of attributes.
  public static let maximumAttributes = 1 << 22

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
    let validator = try XMLValidator(documentType: scanner.documentType)
    if case .over(let error) = end {
      try validator.validate(bytes, upTo: error.offset)
      throw error
    }
    try validator.validate(bytes, upTo: nil)
    if case .stuck(let offset) = end { throw XMLError(message: "not well-formed", offset: offset) }
    return XMLTree(bytes, scanner, encoding: validator.encoding)
  }

  /// The tree of a document that nobody has judged yet, for a first look at many; nil when it is not certain to be
  /// the same that `parse` would find, if the document is well-formed.
  public static func sketch(_ bytes: [UInt8]) -> XMLTree? {
    guard bytes.count <= maximumSize, !isUTF16(bytes), !declaresEncoding(bytes) else { return nil }
    let (scanner, end) = scan(bytes)
    guard end == .whole, scanner.documentType == nil else { return nil }
    return XMLTree(bytes, scanner, encoding: .utf8)
  }

  /// Has a sketch judged after all.
  /// - Throws: what `parse` would have.
  public func validate() throws(XMLError) { try XMLValidator(documentType: nil).validate(bytes, upTo: nil) }

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

import Facts
import Syntax

/// The XML documents of a text, one after the other, as `virsh dumpxml` of several guests prints them into one file. Text
/// before the first, between them and after the last of a transcript is ignored.
struct LibvirtDocuments: IteratorProtocol {
  /// The maximum number of documents in a text, which bounds the number of definitions.
  static let maximum = 100_000

  private let source: SourceText
  private let maximum: Int
  private let extent: ParsedInput.Extent
  /// Start of the next document; nil behind the last.
  private var start: Int?
  /// The end of the last definition: a device in a document behind it that is not libvirt's is looked for with the next.
  private var read = 0
  private var count = 0
  /// Whether text that is not XML precedes the first document.
  private let isTranscript: Bool
  /// The first document that is not libvirt's, and its root element; it is reported only when no document is.
  private var other: (definition: ParsedInput, root: String)?
  /// Whether the format was chosen by the content: then a document that is not libvirt's is not a definition.
  private let isDetected: Bool
  private var hasDefinition = false

  init(
    _ source: SourceText, _ extent: ParsedInput.Extent, isDetected: Bool = false, maximum: Int = LibvirtDocuments.maximum
  ) {
    self.isDetected = isDetected
    self.source = source
    self.maximum = maximum
    self.extent = extent
    let text = source.bytes.starts(with: [0xef, 0xbb, 0xbf]) ? source.bytes[3...] : source.bytes[...]
    let embedded = text.first { $0 > 0x20 } == UInt8(ascii: "<") ? nil : LibvirtDocument.embedded(source.bytes)
    start = embedded ?? 0
    isTranscript = embedded != nil
  }

  mutating func next() -> ParsedInput? {
    while let start {
      if count == maximum { return tooMany(at: start) }
      count += 1
      let document = LibvirtDocument.parse(source, from: start, extent)
      self.start = document.end.flatMap(following)
      var definition = document.definition
      definition.document = (source, start)
      if let junk = document.junk, self.start == nil, !isTranscript { definition = .unreadable(source, xml: junk) }
      if self.start != nil || count > 1 { definition.firstLine = source.position(of: document.tag ?? visible(start)).line }
      let end = self.start == nil ? source.bytes.count : document.end ?? source.bytes.count
      definition.noteUnreadDevices(source, in: read..<end, isXML: true)
      // Behind a definition, text that cannot be parsed may have been one.
      let isSkipped = document.end == nil ? !hasDefinition : document.junk == nil || self.start != nil
      guard let root = document.otherRoot, isSkipped else {
        hasDefinition = true
        read = end
        return definition
      }
      if other == nil { other = (definition, root) }
    }
    defer { other = nil }
    guard let other else { return nil }
    if hasDefinition { return unreadDevices() }
    return isDetected ? .unrecognised(source, UnrecognisedInput.document(other.root)) : other.definition
  }

  /// The devices behind the last definition, in documents that are not libvirt's; nil where there are none.
  private mutating func unreadDevices() -> ParsedInput? {
    var definition = ParsedInput(machine: MachineConfig(source: source.name, emulator: nil, missingPart: "the document is not libvirt's"))
    definition.noteUnreadDevices(source, in: read..<source.bytes.count, isXML: true)
    definition.firstLine = source.position(of: visible(read)).line
    read = source.bytes.count
    return definition.machine.unreadParts.isEmpty ? nil : definition
  }

  private mutating func tooMany(at place: Int) -> ParsedInput {
    start = nil
    return .unreadable(
      source, "more than \(maximum) documents: the rest was not read", at: place..<place + 1,
      fix: "distribute them among several files")
  }

  /// The beginning of the document that follows an end tag: at its XML declaration, or behind the end tag, so that comments
  /// before the document are part of it. After other text, at the first line that begins with a tag.
  private func following(_ end: Int) -> Int? {
    let bytes = source.bytes
    var position = end
    while let mark = bytes[position...].firstIndex(where: { $0 > 0x20 }), bytes[mark...].starts(with: "<!--".utf8) {
      var close = mark + 4
      while close < bytes.count, !bytes[close...].starts(with: "-->".utf8) { close += 1 }
      position = min(bytes.count, close + 3)
    }
    guard let first = bytes[position...].firstIndex(where: { $0 > 0x20 }) else { return nil }
    if isDeclaration(first) { return first }
    if isTag(first) { return end }
    while let line = bytes[position...].firstIndex(of: 0x0a) {
      position = bytes[line...].firstIndex { $0 > 0x20 } ?? bytes.count
      if isDeclaration(position) || isTag(position) { return position }
    }
    return nil
  }

  private func visible(_ position: Int) -> Int { source.bytes[position...].firstIndex { $0 > 0x20 } ?? position }

  private func isDeclaration(_ position: Int) -> Bool { source.bytes[position...].starts(with: "<?xml ".utf8) }

  private func isTag(_ position: Int) -> Bool {
    let bytes = source.bytes
    return position + 1 < bytes.count && bytes[position] == UInt8(ascii: "<") && bytes[position + 1].isASCIILetter
  }
}

/// The definitions of a text. All formats but XML hold one.
public struct ParsedInputs: Sequence, IteratorProtocol {
  private var documents: LibvirtDocuments?
  private var single: ParsedInput?

  /// Begins to read a text. Nothing is parsed before `next`, except where the text holds one definition.
  /// - Parameter follow: reads the files of `-readconfig`, as for `ParsedInput.parse`.
  public init(
    _ source: SourceText, as format: InputFormat? = nil, follow: FileFollower? = nil, extent: ParsedInput.Extent = .all
  ) {
    let found = format ?? (ParsedInput.isReadable(source, as: format) ? .detect(source.bytes) : nil)
    if ParsedInput.isReadable(source, as: format), found == .xml {
      documents = LibvirtDocuments(source, extent, isDetected: format == nil)
    } else {
      single = ParsedInput.parse(source, as: format, detected: found, follow: follow, extent: extent)
    }
  }

  /// The next definition; nil behind the last.
  public mutating func next() -> ParsedInput? {
    defer { single = nil }
    return single ?? documents?.next()
  }
}

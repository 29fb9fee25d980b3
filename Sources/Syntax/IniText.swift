/// Text as QEMU's -readconfig reads it (QEMU util/qemu-config.c: qemu_config_foreach): sections
/// `[group]` and `[group "id"]`, entries `key = "value"`, comments from `#` in the first column.
public struct IniText {
  /// One section with its entries.
  public struct Section: Sendable {
    /// The name in the header, before its quotes: `device`.
    public let name: String
    /// The text in quotes in the header.
    public let id: String?
    /// The header.
    public let range: Range<Int>
    /// The entries in the order of the file.
    public var entries: [Entry] = []

    /// The entry that counts: the last of that name.
    public func entry(_ key: String) -> Entry? { entries.last { $0.key == key } }

    /// Range from the header to the end of the last entry.
    public var wholeRange: Range<Int> { range.lowerBound..<(entries.last?.range.upperBound ?? range.upperBound) }
  }

  /// One `key = "value"`.
  public struct Entry: Sendable {
    /// The key.
    public let key: String
    /// The value without its quotes.
    public let value: String
    /// Whether the value has quotes; without them QEMU treats it as empty.
    public let isQuoted: Bool
    /// Range from the key to the end of the value.
    public let range: Range<Int>
    /// Range of the text between the quotes.
    public let valueRange: Range<Int>
  }

  /// A line that cannot be parsed.
  public struct Problem: Hashable, Sendable {
    /// The error.
    public let message: String
    /// Range of the line.
    public let range: Range<Int>
  }

  /// The sections in the order of the file.
  public private(set) var sections: [Section] = []
  /// The lines that cannot be parsed.
  public private(set) var problems: [Problem] = []
  /// Ranges from `#` to the end of the line.
  public private(set) var comments: [Range<Int>] = []
  private let bytes: [UInt8]

  /// Parses a file.
  /// - Parameter isStrict: whether lines are read as QEMU's sscanf does: what follows a match does not matter, and a word without a
  ///   value in quotes is an entry too.
  public init(_ bytes: [UInt8], isStrict: Bool = false) {
    self.bytes = bytes
    var start = 0
    while start < bytes.count {
      let end = bytes.lineEnd(from: start)
      if isStrict { scan(start..<end) } else { line(start..<end) }
      start = end + 1
    }
  }

  private mutating func line(_ whole: Range<Int>) {
    let range = trimmed(whole)
    guard let first = bytes[range].first else { return }
    switch first {
    case UInt8(ascii: "#"): comments.append(range)
    case UInt8(ascii: "["): header(range)
    default: entry(range)
    }
  }

  private mutating func header(_ range: Range<Int>) {
    guard bytes[range.upperBound - 1] == UInt8(ascii: "]"), range.count > 2 else {
      return fail("a section's header does not end in `]`", range)
    }
    let inner = trimmed(range.lowerBound + 1..<range.upperBound - 1)
    guard let quote = bytes[inner].firstIndex(of: UInt8(ascii: "\"")) else {
      return sections.append(Section(name: text(inner), id: nil, range: range))
    }
    let id = quote + 1..<max(quote + 1, inner.upperBound - 1)
    guard bytes[inner.upperBound - 1] == UInt8(ascii: "\""), inner.upperBound - 1 > quote,
      !bytes[id].contains(UInt8(ascii: "\""))
    else { return fail("a section's header is not `[group \"id\"]`", range) }
    let name = trimmed(inner.lowerBound..<quote)
    sections.append(Section(name: text(name), id: text(id), range: range))
  }

  private mutating func entry(_ range: Range<Int>) {
    let isEnd: (UInt8) -> Bool = { $0 == UInt8(ascii: "=") || $0 <= 0x20 }
    let keyEnd = bytes[range].firstIndex(where: isEnd) ?? range.upperBound
    let equals = trimmed(keyEnd..<range.upperBound)
    guard keyEnd > range.lowerBound, !equals.isEmpty, bytes[equals.lowerBound] == UInt8(ascii: "=") else {
      return fail("neither a section nor `key = \"value\"`", range)
    }
    guard !sections.isEmpty else { return fail("an entry before the first section", range) }
    let value = trimmed(equals.lowerBound + 1..<range.upperBound)
    let isQuoted = value.count > 1 && bytes[value.lowerBound] == UInt8(ascii: "\"")
    let inner = isQuoted ? value.lowerBound + 1..<value.upperBound : value
    let end = isQuoted ? bytes[inner].firstIndex(of: UInt8(ascii: "\"")) : value.upperBound
    guard let end else { return fail("a quote is never closed", range) }
    sections[sections.count - 1].entries.append(
      Entry(
        key: text(range.lowerBound..<keyEnd), value: text(inner.lowerBound..<end), isQuoted: isQuoted,
        range: range, valueRange: inner.lowerBound..<end))
  }

  // MARK: - As QEMU reads it

  /// Lengths of group, id and key; QEMU ignores the rest of them.
  private static let longest = 63

  private mutating func scan(_ line: Range<Int>) {
    guard let first = bytes[line].first else { return }
    if first == UInt8(ascii: "#") { return comments.append(trimmed(line)) }
    if first == UInt8(ascii: "["), scanHeader(line) { return }
    var scanner = LineScanner(bytes[line])
    guard let key = scanner.word(IniText.longest) else { return fail("a line of blanks, which QEMU cannot parse", line) }
    guard !sections.isEmpty else { return fail("an entry before the first section", trimmed(line)) }
    let isQuoted = scanner.skips("=") && scanner.skips("\"")
    let value = scanner.upTo(isQuoted ? "\"" : "\n")
    let end = isQuoted && !scanner.skips("\"") ? lineEnd(line) : ""
    sections[sections.count - 1].entries.append(
      Entry(
        key: text(key), value: text(isQuoted ? value : trimmed(value)) + end, isQuoted: isQuoted, range: trimmed(line),
        valueRange: value))
  }

  /// A header, as `[%63s "%63[^"]"]` or `[%63[^]]]` finds it; false where none does.
  private mutating func scanHeader(_ line: Range<Int>) -> Bool {
    var scanner = LineScanner(bytes[line.lowerBound + 1..<line.upperBound])
    if let group = scanner.word(IniText.longest), scanner.skips("\"") {
      let id = scanner.upTo("\"", IniText.longest)
      let end = scanner.skips("\"") ? "" : lineEnd(line)
      if !id.isEmpty || !end.isEmpty {
        sections.append(
          Section(name: text(group), id: text(id) + end, range: line.lowerBound..<min(id.upperBound + 2, line.upperBound)))
        return true
      }
    }
    scanner = LineScanner(bytes[line.lowerBound + 1..<line.upperBound])
    let group = scanner.upTo("]", IniText.longest)
    if group.isEmpty { return false }
    let end = scanner.skips("]") ? "" : lineEnd(line)
    sections.append(
      Section(name: text(group) + end, id: nil, range: line.lowerBound..<min(group.upperBound + 1, line.upperBound)))
    return true
  }

  /// The end of the line, which is a part of a text that no mark ends before it.
  private func lineEnd(_ line: Range<Int>) -> String { line.upperBound < bytes.count ? "\n" : "" }

  private mutating func fail(_ message: String, _ range: Range<Int>) {
    problems.append(Problem(message: message, range: range))
  }

  private func trimmed(_ range: Range<Int>) -> Range<Int> {
    let start: Int = bytes[range].firstIndex { $0 > 0x20 } ?? range.upperBound
    let end: Int = bytes[range].lastIndex { $0 > 0x20 }.map { $0 + 1 } ?? start
    return start..<end
  }

  private func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
}

/// The directives of sscanf that QEMU reads a line with.
private struct LineScanner {
  private var rest: ArraySlice<UInt8>

  init(_ line: ArraySlice<UInt8>) { rest = line }

  /// `%s` with a length.
  mutating func word(_ length: Int) -> Range<Int>? {
    skipBlanks()
    let word = rest.prefix(length).prefix { !LineScanner.isBlank($0) }
    rest = rest[word.endIndex...]
    return word.isEmpty ? nil : word.indices
  }

  /// A character after blanks.
  mutating func skips(_ character: Character) -> Bool {
    skipBlanks()
    guard let byte = rest.first, byte == character.asciiValue else { return false }
    rest.removeFirst()
    return true
  }

  /// `%[^…]`, of which the end of the line is none too.
  mutating func upTo(_ end: Character, _ length: Int = .max) -> Range<Int> {
    let text = rest.prefix(length).prefix { $0 != end.asciiValue }
    rest = rest[text.endIndex...]
    return text.indices
  }

  private mutating func skipBlanks() { rest = rest.drop(while: LineScanner.isBlank) }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }
}

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
  private let isStrict: Bool

  /// Parses a file.
  /// - Parameter isStrict: whether lines are read as QEMU's sscanf does: marks in the first column, and blanks around a key.
  public init(_ bytes: [UInt8], isStrict: Bool = false) {
    self.bytes = bytes
    self.isStrict = isStrict
    var start = 0
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: 0x0a) ?? bytes.count
      line(start..<end)
      start = end + 1
    }
  }

  private mutating func line(_ whole: Range<Int>) {
    let range = trimmed(whole)
    guard !range.isEmpty else {
      if isStrict, !whole.isEmpty { fail("a line of blanks, which QEMU cannot parse", whole) }
      return
    }
    switch bytes[isStrict ? whole.lowerBound : range.lowerBound] {
    case UInt8(ascii: "#"): comments.append(range)
    case UInt8(ascii: "["): header(isStrict ? upToBracket(range) : range)
    default: entry(range)
    }
  }

  /// QEMU ignores what follows a header.
  private func upToBracket(_ range: Range<Int>) -> Range<Int> {
    bytes[range].firstIndex(of: UInt8(ascii: "]")).map { range.lowerBound..<$0 + 1 } ?? range
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
    let isEnd: (UInt8) -> Bool = { $0 == UInt8(ascii: "=") && !isStrict || $0 <= 0x20 }
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

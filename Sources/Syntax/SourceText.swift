/// A text with a name, for saying where something stands in it.
public struct SourceText: Sendable {
  /// The file's path, or `<stdin>`.
  public let name: String
  public let bytes: [UInt8]
  /// Whether the file's own bytes are others, because it is in UTF-16.
  public let isTranscoded: Bool
  /// What ends a line: a text of arguments that end in NUL has an argument a line.
  private var separator: UInt8 { bytes.contains(0) ? 0 : 0x0a }

  public init(name: String, bytes: [UInt8]) {
    self.name = name
    let transcoded = UTF16Text.utf8(bytes)
    self.bytes = transcoded ?? bytes
    isTranscoded = transcoded != nil
  }

  /// Line and column of a byte, both from 1; columns count bytes, as QEMU's do.
  public func position(of offset: Int) -> (line: Int, column: Int) {
    let separator = separator
    let before = bytes.prefix(max(0, min(offset, bytes.count)))
    let line = before.reduce(1) { $1 == separator ? $0 + 1 : $0 }
    let start = before.lastIndex(of: separator).map { $0 + 1 } ?? 0
    return (line, before.count - start + 1)
  }

  /// The line that holds a byte, without its end, and where it starts.
  public func line(around offset: Int) -> (text: String, start: Int) {
    let separator = separator
    let at = max(0, min(offset, bytes.count))
    let start = bytes.prefix(at).lastIndex(of: separator).map { $0 + 1 } ?? 0
    let end = bytes[at...].firstIndex(of: separator) ?? bytes.count
    return (String(decoding: bytes[start..<max(start, end)], as: UTF8.self), start)
  }
}

/// A piece of text that was decoded from a source, and where each of its bytes came from.
public struct Word: Hashable, Sendable {
  public let bytes: [UInt8]
  /// The source's offset of each byte.
  private let offsets: [Int]
  /// Where the piece ends in the source.
  private let end: Int
  /// Holds something that only the shell will know: a variable, a command's output.
  public let hasUnknown: Bool

  public init(bytes: [UInt8], offsets: [Int], end: Int, hasUnknown: Bool = false) {
    self.bytes = bytes
    self.offsets = offsets
    self.end = end
    self.hasUnknown = hasUnknown
  }

  /// A piece that stands in the source as it is.
  public init(_ bytes: [UInt8], at start: Int) {
    self.init(bytes: bytes, offsets: Array(start..<start + bytes.count), end: start + bytes.count)
  }

  public var text: String { String(decoding: bytes, as: UTF8.self) }

  /// A part, with its places.
  func part(_ part: Range<Int>) -> Word {
    Word(
      bytes: Array(bytes[part]), offsets: Array(offsets[part]), end: range(of: part).upperBound, hasUnknown: hasUnknown)
  }

  /// The source's range of the whole piece.
  public var range: Range<Int> { range(of: 0..<bytes.count) }

  /// The source's range of a part.
  public func range(of part: Range<Int>) -> Range<Int> {
    let low = offsets.indices.contains(part.lowerBound) ? offsets[part.lowerBound] : end
    let last = min(part.upperBound, offsets.count) - 1
    return low..<(last >= part.lowerBound ? max(low, offsets[last] + 1) : low)
  }
}

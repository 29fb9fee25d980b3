/// A text with a name, for reporting locations in it.
public struct SourceText: Sendable {
  /// The file's path, or `<stdin>`.
  public let name: String
  /// The text's bytes.
  public let bytes: [UInt8]
  /// Whether the file's own bytes are others, because it is in UTF-16.
  public let isTranscoded: Bool
  /// The byte that ends a line: in a text of arguments that end in NUL, each argument is a line.
  private let separator: UInt8
  /// The line number at the beginning of each block but the first: a text with many findings is not counted through from its
  /// beginning for each.
  private let blocks: [Place]
  private static let blockSize = 1 << 8

  /// A line, the byte that it starts at, and whether it is ASCII up to the place.
  private typealias Place = (line: Int, start: Int, isASCII: Bool)

  /// Creates a text.
  public init(name: String, bytes: [UInt8]) {
    self.name = name
    let transcoded = UTF16Text.utf8(bytes)
    self.bytes = transcoded ?? bytes
    isTranscoded = transcoded != nil
    separator = SourceText.holdsNUL(self.bytes) ? 0 : 0x0a
    var blocks: [Place] = []
    var place = Place(1, 0, true)
    for end in stride(from: SourceText.blockSize, to: self.bytes.count, by: SourceText.blockSize) {
      place = SourceText.place(of: end, from: end - SourceText.blockSize, place, self.bytes, separator)
      blocks.append(place)
    }
    self.blocks = blocks
  }

  /// A text with its byte order mark, as editors of other systems write one into UTF-8, blanked out in place.
  public static func withoutMark(_ bytes: [UInt8]) -> [UInt8] {
    bytes.starts(with: [0xef, 0xbb, 0xbf]) ? [0x20, 0x20, 0x20] + bytes[3...] : bytes
  }

  /// Whether one of the bytes is 0. The smallest of all is found sixteen bytes at a time, where a search for the first goes one by one.
  public static func holdsNUL(_ bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBufferPointer { $0.reduce(0xff, min) == 0 }
  }

  /// The place of an offset, from that of one before it.
  private static func place(
    of offset: Int, from start: Int, _ place: Place, _ bytes: [UInt8], _ separator: UInt8
  ) -> Place {
    bytes.withUnsafeBufferPointer { bytes in
      var place = place
      // A loop over plain elements, each without a branch, goes many at a time.
      var lines = 0
      for byte in UnsafeBufferPointer(rebasing: bytes[start..<offset]) { lines += byte == separator ? 1 : 0 }
      if lines > 0, let last = bytes[start..<offset].lastIndex(of: separator) { place = (place.line + lines, last + 1, true) }
      var all: UInt8 = 0
      for byte in UnsafeBufferPointer(rebasing: bytes[max(start, place.start)..<offset]) { all |= byte }
      if all >= 0x80 { place.isASCII = false }
      return place
    }
  }

  private func place(of offset: Int) -> Place {
    let known = min(offset / SourceText.blockSize, blocks.count)
    let place = known > 0 ? blocks[known - 1] : (1, 0, true)
    return SourceText.place(of: offset, from: known * SourceText.blockSize, place, bytes, separator)
  }

  /// Line and column of a byte, both from 1; columns count bytes, as QEMU's do.
  public func position(of offset: Int) -> (line: Int, column: Int) {
    let at = max(0, min(offset, bytes.count))
    let place = place(of: at)
    return (place.line, at - place.start + 1)
  }

  /// The same with columns that count Unicode scalars.
  public func scalarPosition(of offset: Int) -> (line: Int, column: Int) {
    let at = max(0, min(offset, bytes.count))
    let place = place(of: at)
    let before = bytes[place.start..<at]
    return (place.line, 1 + (place.isASCII ? before.count : String(decoding: before, as: UTF8.self).unicodeScalars.count))
  }

  /// The line that holds a byte, without its end, and where it starts.
  public func line(around offset: Int) -> (text: String, start: Int) {
    let line = line(around: offset, upTo: bytes.count)
    return (String(decoding: line, as: UTF8.self), line.startIndex)
  }

  /// The line that holds a byte, without its end, up to a number of bytes behind it. A line with many findings is not
  /// searched for its end for each.
  public func line(around offset: Int, upTo count: Int) -> ArraySlice<UInt8> {
    let at = max(0, min(offset, bytes.count))
    let limit = min(bytes.count, at + count)
    let start = place(of: at).start
    return bytes[start..<(bytes[at..<limit].firstIndex(of: separator) ?? limit)]
  }
}

/// A piece of text that was decoded from a source, and where each of its bytes came from.
public struct Word: Hashable, Sendable {
  /// The word's bytes, without quotes.
  public let bytes: [UInt8]
  /// The source's offset of each byte.
  private let offsets: [Int]
  /// Offset of the piece's end in the source.
  private let end: Int
  /// Holds something that only the shell will know: a variable, a command's output.
  public let hasUnknown: Bool

  /// Creates a word whose bytes come from these offsets.
  public init(bytes: [UInt8], offsets: [Int], end: Int, hasUnknown: Bool = false) {
    self.bytes = bytes
    self.offsets = offsets
    self.end = end
    self.hasUnknown = hasUnknown
  }

  /// A piece of the source, unchanged.
  public init(_ bytes: [UInt8], at start: Int) {
    self.init(bytes: bytes, offsets: Array(start..<start + bytes.count), end: start + bytes.count)
  }

  /// The word as text; invalid UTF-8 is replaced.
  public var text: String { String(decoding: bytes, as: UTF8.self) }

  /// The word with other bytes in their places.
  public func mapping(_ change: (UInt8) -> UInt8) -> Word {
    Word(bytes: bytes.map(change), offsets: offsets, end: end, hasUnknown: hasUnknown)
  }

  /// A part, with its places.
  public func part(_ part: Range<Int>) -> Word {
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

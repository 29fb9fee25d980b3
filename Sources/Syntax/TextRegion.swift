/// A range of a text with the lines and columns of its two ends, all from 1. It is small, so that a finding can be
/// printed when the text is gone.
public struct TextRegion: Hashable, Sendable {
  /// Byte offsets from the start of the text.
  public let range: Range<Int>
  /// Line of the first byte.
  public let line: Int
  /// Column of the first byte; columns count bytes.
  public let column: Int
  /// Line of the byte after the last.
  public let endLine: Int
  /// Column of the byte after the last; columns count bytes.
  public let endColumn: Int
  /// Column of the first byte, counted in Unicode scalars.
  public let scalarColumn: Int
  /// Column of the byte after the last, counted in Unicode scalars.
  public let scalarEndColumn: Int
  /// Whether byte offsets do not apply to the file, because it is in UTF-16.
  public let isTranscoded: Bool
}

extension SourceText {
  /// The lines and columns of a range.
  /// - Parameter range: bytes from the start; ends beyond the text are moved to its end.
  public func region(of range: Range<Int>) -> TextRegion {
    let (start, end) = (position(of: range.lowerBound), position(of: range.upperBound))
    return TextRegion(
      range: range, line: start.line, column: start.column, endLine: end.line, endColumn: end.column,
      scalarColumn: scalarPosition(of: range.lowerBound).column,
      scalarEndColumn: scalarPosition(of: range.upperBound).column, isTranscoded: isTranscoded)
  }
}

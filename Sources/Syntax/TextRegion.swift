/// A range of a text with the lines and columns of its two ends, all from 1. It is small, so that it can be kept for each
/// location of which a finding may be printed when the text is gone.
public struct TextRegion: Hashable, Sendable {
  private let lower: UInt32
  private let upper: UInt32
  private let start: Position
  private let end: Position
  /// Whether byte offsets do not apply to the file, because it is in UTF-16.
  public let isTranscoded: Bool

  private struct Position: Hashable {
    let line: UInt32
    let column: UInt32
    let scalarColumn: UInt32
  }

  fileprivate init(_ range: Range<Int>, in source: SourceText) {
    func position(_ offset: Int) -> Position {
      let (line, column) = source.position(of: offset)
      let scalarColumn = source.scalarPosition(of: offset).column
      return Position(
        line: UInt32(clamping: line), column: UInt32(clamping: column), scalarColumn: UInt32(clamping: scalarColumn))
    }
    lower = UInt32(clamping: range.lowerBound)
    upper = UInt32(clamping: range.upperBound)
    start = position(range.lowerBound)
    end = position(range.upperBound)
    isTranscoded = source.isTranscoded
  }

  /// Byte offsets from the start of the text.
  public var range: Range<Int> { Int(lower)..<Int(max(lower, upper)) }
  /// Line of the first byte.
  public var line: Int { Int(start.line) }
  /// Column of the first byte; columns count bytes.
  public var column: Int { Int(start.column) }
  /// Line of the byte after the last.
  public var endLine: Int { Int(end.line) }
  /// Column of the byte after the last; columns count bytes.
  public var endColumn: Int { Int(end.column) }
  /// Column of the first byte, counted in Unicode scalars.
  public var scalarColumn: Int { Int(start.scalarColumn) }
  /// Column of the byte after the last, counted in Unicode scalars.
  public var scalarEndColumn: Int { Int(end.scalarColumn) }
}

extension SourceText {
  /// The lines and columns of a range.
  /// - Parameter range: bytes from the start; ends beyond the text are moved to its end.
  public func region(of range: Range<Int>) -> TextRegion { TextRegion(range, in: self) }
}

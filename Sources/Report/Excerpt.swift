import Rules
import Syntax

/// The line that a finding points at, with its number in a gutter and carets below.
struct Excerpt {
  private let range: Range<Int>
  private let source: SourceText
  private let number: Int

  /// Columns of a line where the output is not a terminal.
  private static let defaultWidth = 100
  /// Columns before the carets that are kept of a line that is cut.
  private static let lead = 20

  /// - Parameter number: the line's number.
  init(_ range: Range<Int>, in source: SourceText, number: Int) {
    self.range = range
    self.source = source
    self.number = number
  }

  /// One character on the terminal. A byte that is not valid UTF-8 is a character of its own.
  private struct Cell {
    let text: String
    let columns: Int
    /// Offset of its first byte.
    let offset: Int
  }

  /// The two lines.
  func lines(_ style: Style, _ severity: Severity) -> [String] {
    let gutter = "\(number)"
    let width = max(20, (style.width ?? Excerpt.defaultWidth) - gutter.count - 5)
    var cells = cells(width)
    let isEndCut = cells.isCut
    var before = cells.list.prefix { $0.offset < range.lowerBound }.reduce(0) { $0 + $1.columns }
    var total = cells.list.reduce(0) { $0 + $1.columns }
    var first = 0
    while total + (first > 0 || cells.isStartCut ? 1 : 0) > width, before > Excerpt.lead, first < cells.list.count {
      before -= cells.list[first].columns
      total -= cells.list[first].columns
      first += 1
    }
    cells.list.removeFirst(first)
    let isStartCut = cells.isStartCut || first > 0
    let room = width - (isStartCut ? 1 : 0)
    let isCut = isEndCut || total > room
    var shown = "", used = 0, carets = 0
    for cell in cells.list {
      if used + cell.columns > room - (isCut ? 1 : 0) { break }
      shown += cell.text
      used += cell.columns
      if range.contains(cell.offset) { carets += cell.columns }
    }
    let blanks = String(repeating: " ", count: before + (isStartCut ? 1 : 0))
    let margin = String(repeating: " ", count: gutter.count)
    let marks = style.severity(severity, String(repeating: "^", count: max(1, carets)))
    return [
      "  \(gutter) | \(isStartCut ? "…" : "")\(shown)\(isCut ? "…" : "")", "  \(margin) | \(blanks)\(marks)",
    ]
  }

  /// The line's characters around the location. A line with many findings is not read through from its beginning for each.
  private func cells(_ width: Int) -> (list: [Cell], isStartCut: Bool, isCut: Bool) {
    let reach = 4 * width
    let line = source.line(around: range.lowerBound, upTo: reach)
    var index = max(line.startIndex, range.lowerBound - reach)
    let isStartCut = index > line.startIndex
    while index < line.endIndex, index > line.startIndex, line[index] & 0xc0 == 0x80 { index += 1 }
    var list: [Cell] = []
    var column = 0
    while index < line.endIndex {
      let (scalar, length) = Excerpt.scalar(line[index...])
      let cell = Excerpt.cell(scalar, at: index, column)
      column += cell.columns
      list.append(cell)
      index += length
    }
    return (list, isStartCut, line.endIndex - range.lowerBound >= reach)
  }

  private static func cell(_ scalar: Unicode.Scalar, at offset: Int, _ column: Int) -> Cell {
    if scalar == "\t" {
      let columns = 4 - column % 4
      return Cell(text: String(repeating: " ", count: columns), columns: columns, offset: offset)
    }
    let text = printable(String(scalar))
    return Cell(text: text, columns: text.columns, offset: offset)
  }

  /// The scalar that bytes begin with, and its length; U+FFFD for one byte that is not valid UTF-8.
  private static func scalar(_ bytes: ArraySlice<UInt8>) -> (Unicode.Scalar, Int) {
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    guard case .scalarValue(let scalar) = decoder.decode(&iterator) else { return ("\u{fffd}", 1) }
    return (scalar, UTF8.width(scalar))
  }
}

/// Text in the columns of a terminal.
extension Unicode.Scalar {
  /// Columns that a terminal shows it in: none for a mark on the character before, two for a wide character.
  var columns: Int {
    if value < 0x300 { return 1 }
    switch properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: break
    }
    if properties.isEmojiPresentation { return 2 }
    return Unicode.Scalar.wide.contains { $0.contains(value) } ? 2 : 1
  }

  /// Blocks of characters with the East Asian widths W and F (Unicode Standard Annex #11).
  private static let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115f, 0x2e80...0x303e, 0x3041...0x4dbf, 0x4e00...0xa4cf, 0xa960...0xa97c, 0xac00...0xd7a3,
    0xf900...0xfaff, 0xfe30...0xfe6f, 0xff00...0xff60, 0xffe0...0xffe6, 0x1f300...0x1f64f, 0x1f900...0x1f9ff,
    0x20000...0x3fffd,
  ]
}

extension StringProtocol {
  /// Columns of the text in a terminal; escape sequences that set colours have none.
  var columns: Int {
    var isInSequence = false
    return unicodeScalars.reduce(0) { sum, scalar in
      if scalar == "\u{1b}" { isInSequence = true }
      if isInSequence {
        if scalar == "m" { isInSequence = false }
        return sum
      }
      return sum + scalar.columns
    }
  }
}

/// Lines of at most `width` columns, cut at blanks; nil does not cut. A word that is longer stays whole. Text between
/// backticks is a command or a message that users copy: it is cut only where it does not fit into a line of its own.
/// - Parameter indent: blanks before every line but the first.
func wrapped(_ text: String, width: Int?, indent: Int = 0) -> [String] {
  guard let width, text.columns > width else { return [text] }
  let margin = String(repeating: " ", count: indent)
  var lines = [String(text.prefix { $0 == " " })]
  var used = lines[0].count
  var isEmpty = true
  for piece in pieces(of: text, fitting: width - indent) {
    let columns = piece.columns
    if !isEmpty, used + 1 + columns > width {
      lines.append(margin + piece)
      used = indent + columns
    } else {
      lines[lines.count - 1] += (isEmpty ? "" : " ") + piece
      used += (isEmpty ? 0 : 1) + columns
    }
    isEmpty = false
  }
  return lines
}

/// The words of a text, with what is between backticks as one, unless it is wider than a line.
private func pieces(of text: String, fitting width: Int) -> [Substring] {
  var pieces: [Substring] = []
  var start = text.startIndex
  var isQuoted = false
  func end(at index: String.Index) {
    let piece = text[start..<index]
    if piece.columns <= width { pieces.append(piece) } else { pieces += piece.split(separator: " ") }
  }
  for index in text.indices {
    if text[index] == "`" { isQuoted.toggle() }
    guard text[index] == " ", !isQuoted else { continue }
    if start < index { end(at: index) }
    start = text.index(after: index)
  }
  if start < text.endIndex { end(at: text.endIndex) }
  return pieces
}

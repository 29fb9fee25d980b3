import Syntax

/// A shell script cut into commands: at line ends that no backslash, open quote or array joins, and at operators.
/// The content of a substitution or of a here document is not a command.
struct ShellLines {
  struct Command {
    let range: Range<Int>
    /// Whether it is the first on its line.
    let beginsLine: Bool
  }

  private(set) var commands: [Command] = []
  private(set) var comments: [Range<Int>] = []
  /// Here documents, each with the line that ends it.
  private(set) var documents: [Range<Int>] = []
  /// Here documents of `:`, which does nothing, without anything that the shell replaces: comments of many lines.
  private(set) var ignored: [Range<Int>] = []
  /// The word of the first here document that no line closes: to a shell it has the rest of the text, and another language may have
  /// other rules for its end, such as Ruby's `<<~END`.
  private(set) var unclosedDocument: Range<Int>?

  private let bytes: [UInt8]
  private var start = 0
  private var beginsLine = true
  private var quote: UInt8?
  /// Marks `$'…'`, in which a backslash escapes the quote (POSIX.1-2024, 2.2.4 Dollar-Single-Quotes).
  private static let escapedQuote = UInt8(ascii: "$")
  /// Depth of parentheses, in an array.
  private var depth = 0
  /// Here documents that the current line names and that follow it.
  private var marks: [Int] = []
  /// Offset of a substitution that is never closed; no further one is searched.
  private(set) var unclosed: Int?

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    var index = 0
    while index < bytes.count { index = step(index) }
    end(bytes.count)
  }

  /// - Returns: the position to continue from.
  private mutating func step(_ index: Int) -> Int {
    let byte = bytes[index]
    if byte == UInt8(ascii: "\\"), quote != UInt8(ascii: "'") {
      // A line's end of another system continues too, as for `ShellWords`.
      return index + (bytes[index...].dropFirst().starts(with: [0x0d, 0x0a]) ? 3 : 2)
    }
    if quote != UInt8(ascii: "'"), quote != ShellLines.escapedQuote, let end = substitution(index) { return end }
    if let open = quote {
      if byte == (open == ShellLines.escapedQuote ? UInt8(ascii: "'") : open) { quote = nil }
      return index + 1
    }
    switch byte {
    case UInt8(ascii: "'") where follows("$", index): quote = ShellLines.escapedQuote
    case UInt8(ascii: "'"), UInt8(ascii: "\""): quote = byte
    case UInt8(ascii: "#") where beginsComment(index): return comment(index)
    case UInt8(ascii: "(") where depth > 0 || follows("=", index): depth += 1
    case UInt8(ascii: ")") where depth > 0: depth -= 1
    case UInt8(ascii: "<") where follows("<", index): marks.append(index + 1)
    case 0x0a where depth == 0: return endLine(index)
    case _ where depth == 0 && isOperator(byte, index): end(index)
    default: break
    }
    return index + 1
  }

  private func follows(_ other: Unicode.Scalar, _ index: Int) -> Bool { index > 0 && bytes[index - 1] == UInt8(ascii: other) }

  /// `;`, `|`, `&` and parentheses, where they are not part of a redirection.
  private func isOperator(_ byte: UInt8, _ index: Int) -> Bool {
    switch byte {
    case UInt8(ascii: ";"), UInt8(ascii: "("), UInt8(ascii: ")"): return true
    case UInt8(ascii: "|"): return !follows(">", index)
    case UInt8(ascii: "&"):
      return !follows(">", index) && !follows("<", index)
        && !(index + 1 < bytes.count && bytes[index + 1] == UInt8(ascii: ">"))
    default: return false
    }
  }

  private mutating func substitution(_ index: Int) -> Int? {
    guard unclosed == nil, ShellSubstitution.begins(bytes, at: index, isQuoted: quote != nil) else { return nil }
    let end = ShellSubstitution.end(bytes, at: index, isQuoted: quote != nil)
    if end == nil { unclosed = index }
    return end
  }

  /// Whether a `#` begins a word (POSIX.1-2024, 2.3 Token Recognition), and is not Ruby's `#{name}`.
  private func beginsComment(_ index: Int) -> Bool {
    guard index == 0 || bytes[index - 1] <= 0x20 || ";&|()".utf8.contains(bytes[index - 1]) else { return false }
    return TemplatePlaceholder.end(bytes, at: index) == nil
  }

  private mutating func comment(_ index: Int) -> Int {
    let end = bytes.lineEnd(from: index)
    comments.append(index..<end)
    return end
  }

  private mutating func end(_ index: Int) {
    if start < index { commands.append(Command(range: start..<index, beginsLine: beginsLine)) }
    start = index + 1
    beginsLine = false
  }

  private mutating func endLine(_ index: Int) -> Int {
    end(index)
    for mark in marks { readDocument(mark) }
    marks = []
    beginsLine = true
    return start
  }

  /// `<<END`, `<<-'END'`: up to the line that is END. Where there is none, it may be a shift: `((a << b))`.
  private mutating func readDocument(_ mark: Int) {
    let word = bytes[mark...].drop { $0 == UInt8(ascii: "-") || $0 == 0x20 }.prefix { $0 > 0x20 && !"<>;|&)".utf8.contains($0) }
    // With line ends of another system the carriage return is a part of both words.
    let end = word.filter { !"'\"\\".utf8.contains($0) } + (bytes[word.endIndex...].first == 0x0d && !word.isEmpty ? [0x0d] : [])
    // Only `<<-` and another language's `<<~` have tabs before the end.
    let hasTabs = bytes[mark...].first.map { "-~".utf8.contains($0) } == true
    let place = ends[end[...]]?.first { $0.lowerBound >= start && (hasTabs || bytes[$0.lowerBound] != 0x09) }
    guard !end.isEmpty, let place else {
      let isNumber = word.first.map { (0x30...0x39).contains($0) || $0 == UInt8(ascii: "$") } == true
      // `<<<` is followed by a text.
      let isText = mark > 2 && bytes[mark - 3] == UInt8(ascii: "<")
      if unclosedDocument == nil, !end.isEmpty, !isNumber, !isText, !isShift(before: mark) {
        unclosedDocument = word.startIndex..<word.endIndex
      }
      return
    }
    documents.append(start..<place.upperBound)
    let isQuoted = word.contains { "'\"\\".utf8.contains($0) }
    if let command = commands.last(where: { $0.range.lowerBound < mark }), isNull(command.range),
      isQuoted || !bytes[start..<place.upperBound].contains(where: { "$`".utf8.contains($0) })
    {
      ignored.append(start..<place.upperBound)
    }
    start = place.upperBound
  }

  /// Whether a command is `:`, which does nothing, or a here document of no command.
  func isNull(_ command: Range<Int>) -> Bool {
    let text = bytes[command].drop { $0 <= 0x20 }
    // Not before a pipe: zsh prints it there.
    if text.starts(with: "<<".utf8), !text.starts(with: "<<<".utf8), bytes[command.upperBound...].first == 0x0a {
      return text.drop { "<- ".utf8.contains($0) }.split { $0 <= 0x20 }.count == 1
    }
    return text.first == UInt8(ascii: ":") && text.dropFirst().first.map { $0 <= 0x20 || $0 == UInt8(ascii: "<") } ?? true
  }

  /// Whether the line has arithmetic, `((`, not far before a mark.
  private func isShift(before mark: Int) -> Bool {
    let text = bytes[max(0, mark - 256)..<mark]
    return text[(text.lastIndex(of: 0x0a) ?? text.startIndex)...].contains(text: "((")
  }

  /// The places of every line, by its text without tabs before it. A text that occurs often is found at its first
  /// places only: there are no scripts with so many documents.
  private lazy var ends: [ArraySlice<UInt8>: [Range<Int>]] = {
    var ends: [ArraySlice<UInt8>: [Range<Int>]] = [:]
    var position = 0
    while position < bytes.count {
      let lineEnd = bytes.lineEnd(from: position)
      let next = min(lineEnd + 1, bytes.count)
      let text = bytes[position..<lineEnd].drop { $0 == 0x09 }
      if ends[text]?.count ?? 0 < 1000 { ends[text, default: []].append(position..<next) }
      position = next
    }
    return ends
  }()
}

/// Commands of a script that run once and in any case: not in a branch, a loop, a function, a subshell or a pipe, and not
/// behind `&&` or `||` (POSIX.1-2024, Shell Command Language, 2.9 Shell Commands).
struct ShellNesting {
  /// Their ranges in the order of the script; none where the script's structure was not understood.
  private(set) var topLevel: [Range<Int>] = []
  private let code: [UInt8]
  /// Structures that are open, by the word or the parenthesis that began it.
  private var open: [String] = []
  private var isUnderstood = true
  /// The word that begins the last structure which is still open at the end: the text has been cut.
  private(set) var unclosed: String?

  /// - Parameter code: the script without comments and here documents.
  init(_ code: [UInt8], _ script: ShellLines) {
    self.code = code
    var end = 0
    // Blank lines are skipped: a search back over many of them would take too long.
    for range in script.commands.map(\.range) where code[range].contains(where: { $0 > 0x20 }) {
      for byte in code[end..<max(end, range.lowerBound)] { parenthesis(byte) }
      let isAlone = open.isEmpty && beginsUnconditionally(range) && endsUnconditionally(range)
      if !keywords(code[range]), isAlone { topLevel.append(range) }
      end = range.upperBound
    }
    for byte in code[end...] { parenthesis(byte) }
    if isUnderstood { unclosed = open.last } else { topLevel = [] }
  }

  private mutating func parenthesis(_ byte: UInt8) {
    if byte == UInt8(ascii: "(") { open.append("(") }
    // The one behind a pattern of a `case` closes nothing.
    if byte == UInt8(ascii: ")"), open.last != "case" { close(["("]) }
  }

  /// Follows the reserved words that a command begins with.
  /// - Returns: whether there are any.
  private mutating func keywords(_ text: ArraySlice<UInt8>) -> Bool {
    var isFirst = true
    for word in text.split(maxSplits: 16, whereSeparator: { $0 <= 0x20 }) {
      let word = String(decoding: word, as: UTF8.self)
      switch word {
      case "if", "while", "until", "{": open.append(word)
      case "for", "select", "case", "function":
        if word != "function" { open.append(word) }
        // A function's body may begin on the same line.
        if word == "function", text.last(where: { $0 > 0x20 }) == UInt8(ascii: "{") { open.append("{") }
        return true
      case "then", "else", "elif", "do", "!", "time", "coproc": break
      case "fi": close(["if"])
      case "done": close(["while", "until", "for", "select"])
      case "esac": close(["case"])
      case "}": close(["{"])
      default: return !isFirst
      }
      isFirst = false
    }
    return true
  }

  private mutating func close(_ words: Set<String>) {
    guard let last = open.popLast(), words.contains(last) else { return isUnderstood = false }
  }

  private func beginsUnconditionally(_ range: Range<Int>) -> Bool {
    let before = code[..<range.lowerBound].last { $0 > 0x20 }
    return before != UInt8(ascii: "&") && before != UInt8(ascii: "|")
  }

  /// A lone `&` or `|` behind it makes it a subshell.
  private func endsUnconditionally(_ range: Range<Int>) -> Bool {
    let rest = code[range.upperBound...]
    return rest.isEmpty || rest.first == 0x0a || rest.first == UInt8(ascii: ";") || rest.starts(with: "&&".utf8)
  }
}

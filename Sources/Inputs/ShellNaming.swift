import Syntax

/// The commands of a script that may assign a variable whose name they are given: `read NAME`, `for NAME in`, `((NAME++))`.
/// Elsewhere, as in `echo "NAME is $NAME"`, a name without `=` behind it is text (bash(1), Shell Builtin Commands).
struct ShellNaming {
  private let code: [UInt8]
  /// Their ranges, in the order of the script.
  private let places: [Range<Int>]
  /// The arguments of commands that only print them.
  private let texts: [Range<Int>]
  /// The insides of `(( … ))`, in the order of the script.
  private let arithmetic: [Range<Int>]
  /// Names that are glued to an option's letter: `printf -vNAME`.
  private let glued: Set<String>

  /// - Parameter code: the script without comments and here documents.
  init(_ code: [UInt8], _ script: ShellLines) {
    self.code = code
    places = script.commands.map(\.range).filter { ShellNaming.assigns(code[$0]) }
    texts = script.commands.map(\.range).compactMap { ShellNaming.text(in: code[$0]) }
    arithmetic = ShellNaming.arithmetic(code)
    var glued: Set<String> = []
    for word in places.lazy.flatMap({ code[$0].split { byte in byte <= 0x20 } }) where word.first == UInt8(ascii: "-") {
      // Letters of options come before it, and there are few.
      for start in word.indices.dropFirst().prefix(8) {
        glued.insert(String(decoding: word[start...].prefix { $0.isShellNameByte }, as: UTF8.self))
      }
    }
    self.glued = glued
  }

  /// Whether the place of a name that is not its use may change its value.
  func mayAssign(_ name: Range<Int>) -> Bool {
    let before = code[..<name.lowerBound], after = code[name.upperBound...]
    if place(of: name.lowerBound, in: arithmetic) != nil { return true }
    if place(of: name.lowerBound, in: texts) != nil, before.last != UInt8(ascii: "{") { return false }
    let assigns = [UInt8(ascii: "="), UInt8(ascii: "[")].contains(after.first) || after.starts(with: "+=".utf8)
    // The end of a longer word, such as an option, is not a name.
    if assigns, before.last.map({ "-.,/:".utf8.contains($0) }) != true { return true }
    // `{NAME}>file`, and `${NAME=value}`.
    if before.last == UInt8(ascii: "{") || ["${!", "${#"].contains(where: { before.suffix(3).elementsEqual($0.utf8) }) { return true }
    return place(of: name.lowerBound, in: places) != nil
  }

  /// Whether an assignment is only for a command that reads into variables: `while IFS= read -r line`.
  func isForReading(_ name: Range<Int>) -> Bool {
    guard code[name.upperBound...].first == UInt8(ascii: "="), let place = place(of: name.lowerBound, in: places) else { return false }
    return ["read", "mapfile", "readarray"].contains(ShellNaming.words(of: code[place]).first)
  }

  /// Whether a name is glued to an option of one of the commands.
  func isGlued(_ name: String) -> Bool { glued.contains(name) }

  /// The arguments of a command that prints them, without expressions: `echo "GPU=$GPU"`.
  private static func text(in line: ArraySlice<UInt8>) -> Range<Int>? {
    guard let command = words(of: line).first, ["echo", "logger", "notify-send"].contains(command), !assigns(line),
      let place = line.firstRange(of: Array(command.utf8)), line[..<place.lowerBound].allSatisfy({ $0 <= 0x20 })
    else { return nil }
    return place.upperBound..<line.endIndex
  }

  private static func arithmetic(_ code: [UInt8]) -> [Range<Int>] {
    let ends = code.indices(of: Array("))".utf8))
    var found: [Range<Int>] = []
    var next = 0
    for start in code.indices(of: Array("((".utf8)) where start >= found.last?.upperBound ?? 0 {
      while next < ends.count, ends[next] < start { next += 1 }
      found.append(start..<(next < ends.count ? ends[next] : code.count))
    }
    return found
  }

  /// The one of the ranges that an offset is in.
  private func place(of offset: Int, in places: [Range<Int>]) -> Range<Int>? {
    var low = 0, high = places.count
    while low < high {
      let middle = (low + high) / 2
      if places[middle].upperBound <= offset { low = middle + 1 } else { high = middle }
    }
    return low < places.count && places[low].contains(offset) ? places[low] : nil
  }

  private static func assigns(_ line: ArraySlice<UInt8>) -> Bool {
    let text = Array(line)
    // Arithmetic of old, and what bash 5.3 runs in this shell.
    if ["$[", "${ ", "${|"].contains(where: { text.contains(text: $0) }) || holdsExpression(text) { return true }
    let words = ShellNaming.words(of: line)
    guard let command = words.first else { return false }
    if ["[[", "[", "test"].contains(command), words.contains(where: conditions.contains) { return true }
    if command.contains("$") || command.contains("`") { return !ShellScript.isEmulator(Word(Array(command.utf8), at: 0)) }
    switch command {
    case "printf": return words.contains { $0.hasPrefix("-v") }
    case "set": return words.contains { $0.dropFirst().first == "A" }
    default: return assigners.contains(command)
    }
  }

  /// Conditions that evaluate an expression, or a subscript, which may assign (bash(1), Conditional Expressions).
  private static let conditions: Set<String> = ["-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-v", "-R"]

  /// Whether a text has an expression that the shell evaluates: a subscript `a[N++]`, but for `[@]`, `[*]` and numbers, or
  /// `${NAME:N++}` (bash(1), Arithmetic Evaluation).
  private static func holdsExpression(_ text: [UInt8]) -> Bool {
    let isSubscript = text.indices(of: [UInt8(ascii: "[")]).contains { open in
      guard open > 0, text[open - 1].isShellNameByte else { return false }
      let inner = text[(open + 1)...].prefix { $0 != UInt8(ascii: "]") }
      return inner.contains { !(0x30...0x39).contains($0) } && !inner.elementsEqual("@".utf8) && !inner.elementsEqual("*".utf8)
    }
    return isSubscript || text.indices(of: Array("${".utf8)).contains { open in
      let rest = text[(open + 2)...].drop { $0.isShellNameByte }
      return rest.first == UInt8(ascii: ":") && rest.dropFirst().first.map { !"-=?+".utf8.contains($0) } == true
    }
  }

  private static let assigners: Set<String> = [
    "for", "select", "read", "declare", "typeset", "local", "unset", "getopts", "mapfile", "readarray", "let", "wait", "coproc",
    "function", "trap", "alias", "compgen", "integer", "float", "nameref", "vared"
  ]

  /// The words of a command without quotes, from the one that is its name: reserved words, redirections and assignments
  /// before it are left out.
  static func words(of line: ArraySlice<UInt8>) -> ArraySlice<String> {
    let raw = line.split { $0 <= 0x20 }
    var words = raw.map { String(decoding: $0.filter { !"'\"\\".utf8.contains($0) }, as: UTF8.self) }[...]
    while let word = words.first {
      guard reserved.contains(word) || isRedirection(word) || isWholeAssignment(raw[words.startIndex], word) else { break }
      words.removeFirst()
      // The file of a redirection may be the next word, and `command -p` and the like have options.
      if isRedirection(word), word.utf8.last.map({ "<>&|".utf8.contains($0) }) == true { words = words.dropFirst() }
      if ["command", "builtin", "time"].contains(word) { words = words.drop { $0.hasPrefix("-") && $0 != "-v" && $0 != "-V" } }
    }
    return words
  }

  private static let reserved: Set<String> = [
    "if", "then", "else", "elif", "while", "until", "do", "!", "{", "time", "builtin", "command"
  ]

  /// An assignment before a command, without blanks in its value.
  private static func isWholeAssignment(_ raw: ArraySlice<UInt8>, _ word: String) -> Bool {
    ShellRunner.isAssignment(word) && !raw.contains(UInt8(ascii: "("))
      && "'\"".utf8.allSatisfy { quote in raw.count { $0 == quote } % 2 == 0 }
  }

  /// `2>/dev/null`, with its file.
  private static func isRedirection(_ word: String) -> Bool {
    word.utf8.drop(while: \.isASCIIDigit).first.map { "<>".utf8.contains($0) } ?? false
  }
}

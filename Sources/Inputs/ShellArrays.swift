import Syntax

/// A bash script's arrays that are written out once, `args=( … )`, for commands that take `"${args[@]}"`, with what is
/// appended in every run before their use, `args+=( … )`. Of one that is named in any other way, nothing is known: it may have
/// been changed.
struct ShellArrays {
  private var words: [String: (list: [Word], uses: Set<String>, end: Int)] = [:]
  /// The script's variables, which arrays and the command may use.
  let variables: ShellVariables
  /// Maximum number of arrays, because each is searched in the whole script; further ones are unknown.
  private static let maximum = 64
  /// Each with its name before it, and the comments inside it.
  private(set) var parts: [(words: [Word], comments: [Range<Int>])] = []

  init(variables: ShellVariables = ShellVariables()) { self.variables = variables }

  init(_ bytes: [UInt8], _ script: ShellLines) {
    let lines = script.commands.map(\.range)
    var code = bytes
    for range in script.comments + script.documents {
      for index in range where code[index] != 0x0a { code[index] = 0x20 }
    }
    variables = ShellVariables(code, script, shell: ShellScript.shell(bytes))
    if lines.contains(where: { ShellVariables.setsOthers(code[$0]) }) { return }
    let topLevel = Set(ShellNesting(code, script).topLevel.map(\.lowerBound))
    let naming = ShellNaming(code, script)
    let ownArguments = ShellPositionals.appendings(code, lines, topLevel)
    let call = ShellPositionals.call(code, lines, topLevel)
    var appended: [String: Int] = [:]
    for line in lines where parts.count < ShellArrays.maximum {
      let given = ownArguments != nil ? ShellPositionals.assignment(code, line)
        : call?.line == line ? call.map { ($0.content, false) } : nil
      let positional = given.map { (ShellPositionals.name, $0.content, $0.appends) }
      guard let (name, content, appends) = positional ?? ShellArrays.assignment(code, line) else { continue }
      // In its place, so that every word has its own.
      let inner = Array(repeating: 0x20, count: content.lowerBound) + bytes[content]
      let (found, uses) = variables.split(inner, at: 0)
      let start = positional != nil ? line.lowerBound
        : content.isEmpty && content.lowerBound == line.upperBound ? line.upperBound - name.utf8.count
        : content.lowerBound - name.utf8.count - (appends ? 3 : 2)
      parts.append(([Word(Array(name.utf8), at: start)] + found.words, found.comments))
      let before = words.removeValue(forKey: name)
      let further = name == ShellPositionals.name ? ownArguments ?? 0 : ShellArrays.appendings(to: name, code, naming)
      guard found.problems.isEmpty, !found.words.contains(where: { $0.bytes.first == UInt8(ascii: "[") }),
        let appendings = further, appends == (before != nil),
        appendings == 0 || topLevel.contains(line.lowerBound)
      else { continue }
      appended[name] = before == nil ? 0 : (appended[name] ?? 0) + 1
      let (list, inArrays) = expanded(found.words, in: inner, at: 0)
      // A use before the last one sees less.
      let end = call != nil && positional != nil ? 0 : appended[name] == appendings ? line.upperBound : Int.max
      words[name] = ((before?.list ?? []) + list, uses.union(inArrays).union(before?.uses ?? []), end)
    }
  }

  /// A command as words, with every `"${name[@]}"` replaced by the array's items.
  /// - Parameter offset: of the text in the script.
  /// - Returns: the words, what is wrong with the text, and the names of the variables that were expanded.
  func split(_ text: [UInt8], at offset: Int) -> (list: [Word], words: ShellWords, uses: Set<String>) {
    let (words, uses) = variables.split(text, at: offset)
    let (list, inner) = expanded(words.words, in: text, at: offset)
    return (list, words, uses.union(inner))
  }

  private func expanded(_ list: [Word], in source: [UInt8], at offset: Int) -> (list: [Word], uses: Set<String>) {
    var uses: Set<String> = []
    let all = list.flatMap { word -> [Word] in
      let start = word.range.lowerBound
      let name = word.text == "$@" ? ShellPositionals.name[...] : word.text.dropFirst(2).dropLast(4)
      guard word.hasUnknown, start > 0, source[start - 1] == UInt8(ascii: "\""), word.text == "$@" || word.text == "${\(name)[@]}",
        let array = words[String(name)], array.end <= offset + start, variables.spend(array.list.reduce(0) { $0 + $1.bytes.count + 1 })
      else { return [word] }
      uses.formUnion(array.uses)
      return array.list
    }
    return (all, uses)
  }

  /// The name, what is between the parentheses, and whether it is appended.
  private static func assignment(_ bytes: [UInt8], _ line: Range<Int>) -> (String, Range<Int>, appends: Bool)? {
    var start: Int = bytes[line].firstIndex { $0 > 0x20 } ?? line.upperBound
    while let word = declaration(bytes[start..<line.upperBound]) { start = word }
    let end = bytes[start..<line.upperBound].firstIndex { !$0.isShellNameByte } ?? line.upperBound
    let appends = bytes[end..<line.upperBound].first == UInt8(ascii: "+")
    let sign = appends ? end + 1 : end
    let name = String(decoding: bytes[start..<end], as: UTF8.self)
    if isEmpty(bytes, start..<end), end == line.upperBound { return (name, end..<end, false) }
    guard end > start, bytes[sign..<line.upperBound].starts(with: "=(".utf8),
      let last = bytes[line].lastIndex(where: { $0 > 0x20 }), last > sign, bytes[last] == UInt8(ascii: ")")
    else { return nil }
    return (name, sign + 2..<last, appends)
  }

  /// Whether a name is declared to be an array, without items: `declare -a args`.
  private static func isEmpty(_ bytes: [UInt8], _ name: Range<Int>) -> Bool {
    let isAlone = bytes[name.upperBound...].first.map { $0 == 0x0a || $0 == UInt8(ascii: ";") } ?? true
    return isAlone && !name.isEmpty && ["declare -a ", "local -a ", "typeset -a "].contains { bytes[..<name.lowerBound].hasSuffix($0) }
  }

  /// The position after `declare -a ` and the like; nil where there is none.
  private static func declaration(_ text: ArraySlice<UInt8>) -> Int? {
    let word = text.prefix { $0 > 0x20 }
    let next = text[word.endIndex...].firstIndex { $0 > 0x20 }
    let words = ["declare", "local", "readonly", "typeset", "-a", "-ar", "-ra", "-r"]
    return words.contains(String(decoding: word, as: UTF8.self)) ? next : nil
  }

  /// Number of times that something is appended to an array: nil unless its name occurs as one assignment, as `name+=( … )`, and
  /// else as `${name[@]}`, `${name[*]}`, `${#name[@]}` or text.
  private static func appendings(to name: String, _ code: [UInt8], _ naming: ShellNaming) -> Int? {
    if naming.isGlued(name) { return nil }
    let name = Array(name.utf8)
    var assignments = 0, appendings = 0
    var at = code.startIndex
    while at < code.endIndex {
      let end = code[at...].firstIndex { !$0.isShellNameByte } ?? code.endIndex
      if code[at..<end].elementsEqual(name) {
        let before = code[..<at]
        let isWhole = before.suffix(2).elementsEqual("${".utf8) || before.suffix(3).elementsEqual("${#".utf8)
        if code[end...].starts(with: "=(".utf8) || isEmpty(code, at..<end) {
          assignments += 1
        } else if code[end...].starts(with: "+=(".utf8) {
          appendings += 1
        } else if isWhole && ["[@]}", "[*]}"].contains(where: { code[end...].starts(with: $0.utf8) }) {
          // A use.
        } else if before.last == UInt8(ascii: "$") || naming.mayAssign(at..<end) {
          return nil
        }
      }
      at = end + 1
    }
    return assignments == 1 ? appendings : nil
  }
}

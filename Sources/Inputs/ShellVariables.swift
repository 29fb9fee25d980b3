import Syntax

/// A script's variables that it assigns as literals and before their use, in every run of the script: once, or step by step, as
/// `OPTS="$OPTS -m 4G"`. Of any other variable nothing is known.
final class ShellVariables {
  struct Value {
    /// The value after the last assignment; nil when only the shell knows it.
    var bytes: [UInt8]?
    /// The assignments, `NAME=value`, in the order of the script.
    var places: [Range<Int>] = []
    /// Variables of which the value is composed.
    var uses: Set<String> = []
  }

  private struct Assignment {
    let name: String
    let place: Range<Int>
    /// `NAME+=value`.
    var appends = false
    /// `readonly` or `declare`, behind which another assignment may fail.
    var isDeclaration = false
  }

  /// The maximum number of bytes that all uses of variables and arrays expand to.
  static let maximumBytes = 1 << 20

  private var values: [String: Value] = [:]
  /// Whether the values are the same in all of the text, also before their assignments.
  private var isFixed = false
  private var rest = ShellVariables.maximumBytes
  /// Whether the maximum was exceeded: the uses behind it are not followed.
  private(set) var isOverCap = false

  init() {}

  /// Variables that another program sets before the text is read.
  init(fixed: [String: Value]) {
    isFixed = true
    values = fixed
  }

  /// - Parameter code: the script without comments and here documents.
  /// - Parameter shell: the shell that the script names.
  init(_ code: [UInt8], _ script: ShellLines, shell: String?) {
    // An unquoted variable is one word to zsh.
    if shell == "zsh" || script.commands.contains(where: { ShellVariables.setsOthers(code[$0.range]) }) { return }
    let assignments = ShellNesting(code, script).topLevel.flatMap { ShellVariables.assignments(code, $0) }
    // A shell without `+=` stops at it, or ignores it.
    guard !assignments.isEmpty, !assignments.contains(where: \.appends) || !["sh", "dash", "ash", "busybox"].contains(shell) else { return }
    let naming = ShellNaming(code, script)
    let followed = ShellVariables.namesAssigned(code, assignments, naming)
    for assignment in assignments where followed.contains(assignment.name) {
      let before = values[assignment.name]?.bytes
      let (bytes, uses) = value(of: assignment, in: code)
      if assignment.appends, let before, let bytes, spend(before.count) {
        values[assignment.name]?.bytes = before + bytes
      } else {
        values[assignment.name, default: Value()].bytes = assignment.appends ? nil : bytes
      }
      values[assignment.name]?.places.append(assignment.place)
      values[assignment.name]?.uses.formUnion(uses)
    }
  }

  /// The value that an assignment gives or appends, with the values before it; nil when only the shell knows it.
  private func value(of assignment: Assignment, in code: [UInt8]) -> (bytes: [UInt8]?, uses: Set<String>) {
    let (words, uses) = split(Array(code[assignment.place]), at: assignment.place.lowerBound)
    guard let word = words.words.first, words.words.count == 1, words.problems.isEmpty, !word.hasUnknown else { return (nil, uses) }
    let bytes = Array(word.bytes.dropFirst(assignment.name.utf8.count + (assignment.appends ? 2 : 1)))
    // A home directory, which only the shell knows.
    return (bytes.first == UInt8(ascii: "~") ? nil : bytes, uses)
  }

  /// Splits a text into words, with the variables that are followed expanded.
  /// - Parameter offset: of the text in the script: a variable is followed only behind its last assignment.
  func split(_ text: [UInt8], at offset: Int) -> (words: ShellWords, uses: Set<String>) {
    var uses: Set<String> = []
    let words = ShellWords(text) { name, position in
      guard let value = self.values[name], let bytes = value.bytes, let place = value.places.last,
        self.isFixed || place.upperBound <= offset + position, self.spend(bytes.count)
      else { return nil }
      uses.insert(name)
      return bytes
    }
    return (words, uses)
  }

  /// Whether the value of a variable is followed.
  func isFollowed(_ name: String) -> Bool { values[name]?.bytes != nil }

  /// Whether so many more bytes may be expanded.
  func spend(_ count: Int) -> Bool {
    guard count <= rest else {
      isOverCap = true
      return false
    }
    rest -= count
    return true
  }

  /// The assignments of variables and of those that they are composed of.
  func places(of names: Set<String>) -> [Range<Int>] {
    var found: Set<String> = []
    var unread = Array(names)
    while let name = unread.popLast() {
      guard found.insert(name).inserted, let value = values[name] else { continue }
      unread += value.uses
    }
    return found.flatMap { values[$0]?.places ?? [] }.sorted { $0.lowerBound < $1.lowerBound }
  }

  // MARK: - Assignments

  /// The assignments of a command that is nothing else, `export` and the like included.
  private static func assignments(_ code: [UInt8], _ command: Range<Int>) -> [Assignment] {
    let found = ShellWords(Array(code[command]))
    guard found.problems.isEmpty else { return [] }
    var words = found.words[...]
    var isDeclaration = false
    if let first = words.first?.text, ["export", "readonly", "declare", "typeset"].contains(first) {
      isDeclaration = first != "export"
      words.removeFirst()
      while let option = words.first?.text, ["-r", "-x", "-g", "-rx", "-xr", "-gr", "-gx"].contains(option) { words.removeFirst() }
    }
    var all: [Assignment] = []
    for index in words.indices {
      let name = String(decoding: words[index].bytes.prefix { $0.isShellNameByte }, as: UTF8.self)
      let start = command.lowerBound + words[index].range.lowerBound
      // Up to the next word, because a closing quote belongs to none.
      let next = index + 1 < words.endIndex ? command.lowerBound + words[index + 1].range.lowerBound : command.upperBound
      let end: Int = code[start..<max(start, next)].lastIndex { $0 > 0x20 } ?? start
      let appends = code[start...].starts(with: (name + "+=").utf8)
      guard appends || code[start...].starts(with: (name + "=").utf8), isVariable(name) else { return [] }
      all.append(Assignment(name: name, place: start..<end + 1, appends: appends, isDeclaration: isDeclaration))
    }
    return all
  }

  /// A name that is not a number and that the shell does not set itself (bash(1), Shell Variables).
  private static func isVariable(_ name: String) -> Bool {
    guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
    return !name.hasPrefix("BASH") && !name.hasPrefix("EPOCH") && ![
      "_", "DIRSTACK", "EUID", "FUNCNAME", "GROUPS", "HISTCMD", "IFS", "LINENO", "MAPFILE", "OLDPWD", "OPTARG", "OPTIND", "PATH",
      "PIPESTATUS", "PPID", "PWD", "RANDOM", "READLINE_LINE", "REPLY", "SECONDS", "SHELLOPTS", "SRANDOM", "UID"
    ].contains(name)
  }

  /// The names that occur as these assignments, and else only where their value is used or where they are text. None when the
  /// script changes how words are split.
  private static func namesAssigned(_ code: [UInt8], _ assignments: [Assignment], _ naming: ShellNaming) -> Set<String> {
    let places = Set(assignments.map(\.place.lowerBound))
    let declarations = Set(assignments.filter(\.isDeclaration).map(\.place.lowerBound))
    var assigned: Set<String> = [], declared: Set<String> = [], other: Set<String> = []
    var at = 0
    while at < code.count {
      guard code[at].isShellNameByte else {
        at += 1
        continue
      }
      let end = code[at...].firstIndex { !$0.isShellNameByte } ?? code.count
      let name = String(decoding: code[at..<end], as: UTF8.self)
      if name == "IFS", !naming.isForReading(at..<end) { return [] }
      if places.contains(at) {
        let isFirst = assigned.insert(name).inserted
        if declarations.contains(at) { declared.insert(name) }
        if !isFirst, declared.contains(name) { other.insert(name) }
      } else if !isUse(code, at..<end), naming.mayAssign(at..<end) {
        other.insert(name)
      }
      at = end
    }
    return assigned.subtracting(other).filter { !naming.isGlued($0) }
  }

  /// `$NAME`, `${NAME}`, `${NAME%…}`, and not `${NAME=…}`. A key in a list, `,NAME=`, is neither a use nor an assignment.
  private static func isUse(_ code: [UInt8], _ name: Range<Int>) -> Bool {
    let before = code[..<name.lowerBound], after = code[name.upperBound...]
    if before.last == UInt8(ascii: "$") { return true }
    if before.last == UInt8(ascii: ","), after.first == UInt8(ascii: "=") { return true }
    guard before.suffix(2).elementsEqual("${".utf8) || before.suffix(3).elementsEqual("${#".utf8) else { return false }
    return after.first != UInt8(ascii: "=") && !after.starts(with: ":=".utf8) && after.first != UInt8(ascii: "[")
  }

  /// Whether a command may change variables that it does not name: it reads another script, or the name is itself a value.
  static func setsOthers(_ line: ArraySlice<UInt8>) -> Bool {
    // The name of a script's command: `load=source; $load vm.conf`.
    if line.split(whereSeparator: { $0 <= 0x20 }).contains(where: namesReader) { return true }
    var words = ShellNaming.words(of: line)
    guard let command = words.popFirst() else { return false }
    // The items of an array are values.
    let arrays = words.indices.filter { words[$0].contains("=(") }
    if arrays.count == 1, let close = words.lastIndex(where: { $0.hasSuffix(")") }), close > arrays[0] {
      words.removeSubrange(arrays[0] + 1...close)
    }
    if readers.contains(command) { return true }
    // Arithmetic assigns, and the name may be a value there.
    if command.contains("(("), line.drop(while: { $0 != UInt8(ascii: "(") }).contains(UInt8(ascii: "$")) { return true }
    if command == "trap" { return words.contains(where: readers.contains) }
    let declares = ["declare", "typeset", "local"].contains(command)
    // A name for another variable, whose own name is a value, and integers, whose values are expressions that may assign.
    if declares, words.contains(where: { $0.hasPrefix("-") && ($0.contains("n") || $0.contains("i")) }) || command == "integer" {
      return true
    }
    guard declares || ["export", "readonly", "read", "unset", "let", "getopts", "mapfile", "readarray", "printf"].contains(command),
      command != "printf" || words.contains("-v")
    else { return false }
    // A substitution belongs to one word: `readonly DIR=$(dirname "$0")`.
    let whole = ShellWords(Array(line))
    let names = whole.problems.isEmpty ? whole.words.map(\.text) : Array(words)
    return names.contains { word in word.prefix { $0 != "=" }.contains { $0 == "$" || $0 == "`" } }
  }

  /// Commands that run other text in this shell.
  private static let readers: Set<String> = [".", "source", "eval"]

  /// An assignment of the name of such a command.
  private static func namesReader(_ word: ArraySlice<UInt8>) -> Bool {
    guard let equals = word.firstIndex(of: UInt8(ascii: "=")) else { return false }
    let value = word[(equals + 1)...].filter { !"'\"\\".utf8.contains($0) }
    return ["source", "eval"].contains { value.elementsEqual($0.utf8) }
  }
}

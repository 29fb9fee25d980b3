import Syntax

/// Parts of a script that may give its QEMU command more arguments, or commands to its monitor, in ways that are not followed.
struct ShellDoubts {
  typealias Doubt = (place: Range<Int>, what: String, reason: String)

  private let bytes: [UInt8]
  private let script: ShellLines
  private let command: Range<Int>
  private let arrays: ShellArrays
  private var variables: ShellVariables { arrays.variables }
  /// The command's words, with nothing expanded.
  private let words: [Word]
  /// The word that is the emulator.
  private let emulator: Word?

  init(_ bytes: [UInt8], _ script: ShellLines, _ command: Range<Int>, _ arrays: ShellArrays) {
    (self.bytes, self.script, self.command, self.arrays) = (bytes, script, command, arrays)
    words = ShellWords(Array(bytes[command])).words
    if case .emulator(let index) = ShellRunner.target(of: words, isEmulator: ShellScript.isEmulator) {
      emulator = words[index]
    } else {
      emulator = nil
    }
  }

  var all: [Doubt] {
    [program, function, continuation, end, placeholder, parenthesis, list, brace, document, input, client].compactMap { $0 }
  }

  private func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

  // MARK: - Arguments

  /// The line behind the command, where a comment or a lost backslash has cut it off: more indented, and of values only.
  private var continuation: Doubt? {
    guard let next = script.commands.first(where: { $0.range.lowerBound >= command.upperBound }), next.beginsLine,
      let start = bytes[next.range].firstIndex(where: { $0 > 0x20 }),
      ["$", "\"$"].contains(where: { bytes[start...].starts(with: $0.utf8) })
    else { return nil }
    let isNext = bytes[command.upperBound..<start].allSatisfy { $0 <= 0x20 }
      || script.comments.contains { $0.upperBound < start && $0.lowerBound > command.lowerBound }
    guard isNext, indent(of: start) > indent(of: bytes[command].firstIndex { $0 > 0x20 } ?? command.lowerBound) else { return nil }
    let reason = "it may be meant as a part of it, and the line before does not continue"
    return (start..<next.range.upperBound, "the line behind the command", reason)
  }

  /// A command whose last line continues, behind which the text ends.
  private var end: Doubt? {
    guard let last = bytes.lastIndex(where: { $0 > 0x20 }), bytes[last] == UInt8(ascii: "\\"), command.upperBound >= last
    else { return nil }
    return (last..<last + 1, "the rest of the command", "its last line continues, and the text ends there")
  }

  private func indent(of index: Int) -> Int {
    let line = bytes[..<index].lastIndex(of: 0x0a).map { $0 + 1 } ?? 0
    return bytes[line..<index].prefix { $0 == 0x20 || $0 == 0x09 }.count
  }

  /// A line of a template's placeholder behind the command.
  private var placeholder: Doubt? {
    for next in script.commands where next.range.lowerBound >= command.upperBound && next.beginsLine {
      guard let start = bytes[next.range].firstIndex(where: { $0 > 0x20 }) else { continue }
      let word = bytes[start...].prefix { $0 > 0x20 }
      // Strings of Nix and Lua, and variables of make, end so, and something may be appended.
      let endsString = word.starts(with: "''".utf8) || word.starts(with: "]]".utf8) || word.elementsEqual("endef".utf8)
      guard endsString || TemplatePlaceholder.begins(Array(word)) else { continue }
      let what = "the text from `\(text(start..<word.endIndex))`"
      return (start..<next.range.upperBound, what, "another program than a shell makes of it what QEMU gets")
    }
    return nil
  }

  /// A parenthesis behind an argument: no shell of POSIX accepts it, and fish replaces it by a command's output.
  private var parenthesis: Doubt? {
    guard command.upperBound < bytes.count, bytes[command.upperBound] == UInt8(ascii: "("),
      let last = bytes[command].last, last == 0x20 || last == 0x09
    else { return nil }
    let place = command.upperBound..<command.upperBound + 1
    return (place, "the text in parentheses", "only another shell, such as fish, has arguments there")
  }

  /// A parenthesis behind a name, before the command: Perl's list `qw(…)`, to which the program may append.
  private var list: Doubt? {
    guard command.lowerBound > 1, bytes[command.lowerBound - 1] == UInt8(ascii: "("), bytes[command.lowerBound - 2].isShellNameByte
    else { return nil }
    return (command.lowerBound - 1..<command.lowerBound, "the list in parentheses", "a program of another language may append to it")
  }

  /// A brace behind an argument, before the command, which opens no group: Tcl's `set cmd {`, but not zsh's `repeat 2 {` and
  /// `} always {`.
  private var brace: Doubt? {
    guard let brace = bytes[..<command.lowerBound].lastIndex(where: { $0 > 0x20 }), bytes[brace] == UInt8(ascii: "{"),
      !script.comments.contains(where: { $0.contains(brace) })
    else { return nil }
    let line = bytes[..<brace].lastIndex(of: 0x0a).map { $0 + 1 } ?? 0
    let words = bytes[line..<brace].split { $0 <= 0x20 }
    let opening = ["!", "coproc", "do", "elif", "else", "function", "if", "repeat", "then", "time", "until", "while", "}"]
    guard words.count > 1, bytes[brace - 1] <= 0x20, !bytes[line..<brace].contains(where: { ";&|()".utf8.contains($0) }),
      !opening.contains(where: { words[0].elementsEqual($0.utf8) })
    else { return nil }
    return (brace..<brace + 1, "the text in braces", "a program of another language may append to it")
  }

  /// A here document before the command that no line closes.
  private var document: Doubt? {
    guard let word = script.unclosedDocument, word.upperBound <= command.lowerBound else { return nil }
    return (word, "the here document `\(text(word))`", "no line ends it: to a shell all that is behind belongs to it")
  }

  // MARK: - The program

  /// A variable that is the command, and that the script sets to more than the path of a QEMU.
  private var program: Doubt? {
    guard let emulator, emulator.bytes.first == UInt8(ascii: "$") else { return nil }
    let text = emulator.bytes.dropFirst().drop { $0 == UInt8(ascii: "{") }
    let name = text.prefix { $0.isShellNameByte }
    // An array that is not followed is unknown already.
    guard !name.isEmpty, text[name.endIndex...].first != UInt8(ascii: "["), !variables.isFollowed(String(decoding: name, as: UTF8.self)),
      let place = assignments(of: Array(name)).first(where: { !isProgram(bytes[$0]) })
    else { return nil }
    return (place, "the value of `$\(String(decoding: name, as: UTF8.self))`", "the script sets it to more than the path of a QEMU")
  }

  /// A function or an alias of the script that has the emulator's name, or that of a program before it: `sudo() { … }`.
  private var function: Doubt? {
    guard let emulator else { return nil }
    var programs: [[UInt8]] = []
    for word in words {
      if !word.bytes.contains(where: { "-=$`".utf8.contains($0) }) || word.range == emulator.range { programs.append(word.bytes) }
      if word.range == emulator.range { break }
    }
    let defined = functions, aliases = names(behind: "alias", upTo: "=")
    for name in programs where !name.isEmpty {
      guard let start = defined[name] ?? (name == emulator.bytes ? nil : aliases[name]) else { continue }
      return (start..<start + name.count, "the function `\(String(decoding: name, as: UTF8.self))`", "it may add arguments")
    }
    // `hash -p PATH NAME` gives a name another program (bash(1), Shell Builtin Commands).
    let hash = script.commands.first { ShellNaming.words(of: bytes[$0.range]).prefix(2).elementsEqual(["hash", "-p"]) }
    return hash.map { ($0.range, "`hash -p`", "the program of that name may be another, and add arguments") }
  }

  /// The functions of the script, `NAME()` and `function NAME`, each with its first place. Found once: a command may have many words.
  private var functions: [[UInt8]: Int] {
    var found = names(behind: "function", upTo: nil)
    for parentheses in bytes.indices(of: Array("()".utf8)) {
      let before = bytes[..<parentheses]
      guard let last = before.lastIndex(where: { $0 != 0x20 }) else { continue }
      let start = before[...last].lastIndex { $0 <= 0x20 || ";()".utf8.contains($0) }.map { $0 + 1 } ?? 0
      let name = Array(bytes[start..<last + 1])
      if found[name] == nil { found[name] = start }
    }
    return found
  }

  /// The names behind a keyword, each with its first place.
  /// - Parameter mark: the character that must follow.
  private func names(behind keyword: String, upTo mark: Character?) -> [[UInt8]: Int] {
    var found: [[UInt8]: Int] = [:]
    for end in bytes.indices(of: Array(keyword.utf8)).map({ $0 + keyword.utf8.count }) {
      let start = bytes[end...].firstIndex { $0 != 0x20 && $0 != 0x09 } ?? bytes.count
      guard start > end else { continue }
      let name = Array(bytes[start...].prefix { $0 > 0x20 && !"=;(){".utf8.contains($0) })
      let follows = bytes[(start + name.count)...].first
      if mark == nil || follows == mark?.asciiValue, found[name] == nil { found[name] = start }
    }
    return found
  }

  /// The values that are assigned to a name, up to a blank outside quotes.
  private func assignments(of name: [UInt8]) -> [Range<Int>] {
    var code = bytes
    for range in script.comments + script.documents { for index in range { code[index] = 0x20 } }
    return code.indices(of: name).compactMap { start in
      guard start == 0 || !code[start - 1].isShellNameByte && !"${".utf8.contains(code[start - 1]) else { return nil }
      var at = start + name.count
      if code[at...].first == UInt8(ascii: "+") { at += 1 }
      guard code[at...].first == UInt8(ascii: "=") else { return nil }
      // A text that is appended is an argument.
      if code[at - 1] == UInt8(ascii: "+") { return start..<at + 1 }
      var end = at + 1, quote: UInt8?
      var depth = 0
      while end < code.count, code[end] != 0x0a, quote != nil || depth > 0 || code[end] > 0x20 && !";&|".utf8.contains(code[end]) {
        switch code[end] {
        case UInt8(ascii: "("): depth += 1
        case UInt8(ascii: ")"): depth -= 1
        case UInt8(ascii: "\""), UInt8(ascii: "'"): quote = quote == nil ? code[end] : quote == code[end] ? nil : quote
        default: break
        }
        end += 1
      }
      return at + 1..<end
    }
  }

  /// Whether a value is the path of one program: `qemu-system-x86_64`, `"$DIR/qemu-kvm"`, `$(command -v kvm)`, `${QEMU:-kvm}`.
  private func isProgram(_ value: ArraySlice<UInt8>) -> Bool {
    var text = String(decoding: value.filter { !"\"'".utf8.contains($0) }, as: UTF8.self)
    let finders = ["$(which ", "$(command -v ", "$(type -p ", "$(realpath ", "$(readlink -f "]
    for finder in finders where text.hasPrefix(finder) && text.hasSuffix(")") {
      text = String(text.dropFirst(finder.count).dropLast())
    }
    // `${1:-kvm}`: another value is the caller's.
    if text.hasPrefix("${"), text.hasSuffix("}"), let mark = text.firstIndex(of: "-") {
      text = String(text[text.index(after: mark)...].dropLast())
    }
    return !text.isEmpty && !text.contains(where: \.isWhitespace) && !text.contains("`")
      && (ShellScript.isEmulator(Word(Array(text.utf8), at: 0)) || text == "qemu")
  }

  // MARK: - Standard input

  /// A monitor on standard input, which is a file or another command's output.
  private var input: Doubt? {
    let words = words.map(\.text)
    let hasMonitor = words.contains { $0 == "-nographic" } || zip(words, words.dropFirst()).contains { option, value in
      ["-monitor", "-qmp", "-qmp-pretty", "-serial", "-chardev", "-mon"].contains(option) && value.contains("stdio")
    }
    guard hasMonitor else { return nil }
    let reason = "QEMU's monitor reads commands from it"
    let shared = ShellInput(bytes, script)
    if let pipe = shared.pipe(before: command.lowerBound) {
      return (pipe..<pipe + 1, "the output that is QEMU's standard input", reason)
    }
    if let coprocess = bytes.firstRange(of: Array("coproc ".utf8)) {
      return (coprocess, "the pipe that is QEMU's standard input", reason)
    }
    // The input of a compound command, a function or the script is QEMU's too.
    if let outer = shared.outer(command) { return (outer, "the standard input of the script", reason) }
    if words.contains("screen"), let sender { return (sender, "the text that `screen` sends to QEMU", reason) }
    let text = bytes[command]
    var quote: UInt8?
    for index in text.indices {
      let byte = text[index]
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") { quote = quote == nil ? byte : quote == byte ? nil : quote }
      guard quote == nil, byte == UInt8(ascii: "<"), index == text.startIndex || text[index - 1] != byte else { continue }
      let file = text[(index + 1)...].drop { $0 == 0x20 }
      // A here document is reported of its own, and `<&-` closes the input.
      let isOther = file.starts(with: "/dev/null".utf8) || file.starts(with: "&-".utf8) || file.starts(with: "%".utf8)
        || file.first == byte && !file.dropFirst().starts(with: [byte]) || file.starts(with: "/dev/tty".utf8)
      if !isOther { return (index..<index + 1, "the file that is QEMU's standard input", reason) }
    }
    return nil
  }

  /// A command that has screen(1) type something that is not written out into its window.
  private var sender: Range<Int>? {
    script.commands.map(\.range).first { range in
      let words = bytes[range].split { $0 <= 0x20 }.map { String(decoding: $0, as: UTF8.self) }
      guard range != command, words.contains("screen"), words.contains("-X"), !words.contains("quit") else { return false }
      return !words.contains("stuff") || !MonitorClients.isWritten(bytes[range])
    }
  }

  /// Another command that may send something to QEMU's monitor.
  private var client: Doubt? {
    let words = arrays.split(Array(bytes[command]), at: command.lowerBound).list
    let options = zip(words, words.dropFirst()).compactMap { option, value in Option.name(option).map { ($0, value.text) } }
    let addresses = MonitorClients.addresses(of: options)
    if addresses.isEmpty { return nil }
    var code = bytes
    for range in script.comments { for index in range { code[index] = 0x20 } }
    let clients = MonitorClients(code, script, variables, addresses: addresses)
    return clients.first(outside: command).map { ($0, "the text that a command sends to QEMU's monitor", "it is not read") }
  }
}

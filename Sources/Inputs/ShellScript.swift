import Facts
import Syntax

/// A shell script of which one command is QEMU. Nothing is run: conditions are not decided, and what a
/// variable stands for is not known.
struct ShellScript {
  /// The script with all but the comments and the first QEMU command blanked out.
  let text: [UInt8]
  /// The further QEMU commands.
  let others: [Range<Int>]
  /// Lines that begin with an option, which a comment or a lost backslash cut off.
  let strays: [Range<Int>]
  /// Text around the command that may be a part of it, each with the reason why it is not read.
  let doubts: [(place: Range<Int>, what: String, reason: String)]
  /// Nil when no command is QEMU's.
  let command: Range<Int>?
  let arrays: ShellArrays
  /// The start of a substitution that is never closed.
  let unclosed: Int?

  /// Words that hold a QEMU command which only another shell reads: `bash -c "…"`.
  let innerCommands: [Range<Int>]
  /// Commands that may start QEMU with options in variables, by a program that is not known.
  let unreadCommands: [Range<Int>]
  let comments: [Range<Int>]
  /// Here documents that are only printed.
  let usages: [Range<Int>]
  /// Texts that nothing is done with but to print some: arguments and here documents of `:`, and `usages`.
  let unused: [Range<Int>]
  /// Comments and here documents: no part of any command.
  let hidden: [Range<Int>]

  var hasInnerCommand: Bool { !innerCommands.isEmpty }

  /// Whether a backslash joins lines of the text, and one is missing: not behind a blank line, or one with a comment.
  let hasForgottenBackslash: Bool

  /// Whether a text begins with a line that names a shell: `#!/bin/bash -e`, `#! /usr/bin/env -S bash`.
  static func isScript(_ bytes: [UInt8]) -> Bool { shell(bytes) != nil }

  /// The shells whose language is read.
  static let shells: Set<String> = ["sh", "bash", "dash", "ash", "zsh", "ksh", "ksh93", "mksh", "rbash", "busybox"]

  /// The shell that the line names.
  static func shell(_ bytes: [UInt8]) -> String? {
    // After a byte order mark, as editors of other systems write one.
    let text = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes[3...] : bytes[...]
    guard text.starts(with: "#!".utf8) else { return nil }
    let line = String(decoding: text.dropFirst(2).prefix { $0 != 0x0a && $0 != 0x0d }.prefix(256), as: UTF8.self)
    let words = line.split { $0 == " " || $0 == "\t" }
    for word in words {
      let name = String(word).fileName ?? ""
      if shells.contains(name) { return name }
      // `env` and its options go before the shell.
      if name == "nix-shell" || name == "nix" { return nixShell(text) }
      guard name == "env" || word.hasPrefix("-") || ShellRunner.isAssignment(String(word)) else { return nil }
    }
    return nil
  }

  /// The shell of a script that begins with two lines for Nix: `#! nix-shell -i bash -p qemu`, `#! nix shell … --command bash`.
  private static func nixShell(_ text: ArraySlice<UInt8>) -> String? {
    let lines = text.prefix(4096).split(separator: 0x0a).dropFirst().prefix { $0.starts(with: "#!".utf8) }
    let words = lines.flatMap { String(decoding: $0, as: UTF8.self).split { $0.isWhitespace }.map(String.init) }
    let shell = zip(words, words.dropFirst()).first { ["-i", "-c", "--command"].contains($0.0) }?.1.fileName
    return shell.flatMap { shells.contains($0) ? $0 : nil }
  }

  /// The recipes of a makefile.
  init(_ make: MakeText) { self.init(make.script, variables: make.variables) }

  /// - Parameter variables: those that another program sets, which has read the text before.
  init(_ source: [UInt8], variables: ShellVariables? = nil) {
    let bytes = ShellEval.plain(source)
    let script = ShellLines(bytes)
    let arrays = variables.map(ShellArrays.init(variables:)) ?? ShellArrays(bytes, script)
    var commands: [Range<Int>] = [], inner: [Range<Int>] = [], rest: [Range<Int>] = []
    for range in script.commands.map(\.range) {
      switch ShellScript.target(Array(bytes[range]), at: range.lowerBound, arrays) {
      case .emulator: commands.append(range)
      case .text(let place): inner.append(range.lowerBound + place.lowerBound..<range.lowerBound + place.upperBound)
      case .other: if bytes[range].contains(UInt8(ascii: "$")) { rest.append(range) }
      }
    }
    let read = commands.first.map { ShellWords(Array(bytes[$0])).words } ?? []
    unreadCommands = rest.filter { CommandMentions.mayStartGuest(ShellWords(Array(bytes[$0])).words, beside: read) }
    self.arrays = arrays
    unclosed = script.unclosed
    comments = script.comments
    usages = CommandMentions.usages(bytes, script.documents)
    let null = script.commands.map(\.range).filter { range in script.isNull(range) && !bytes[range].contains { "$`".utf8.contains($0) } }
    // A script may have a function of that name.
    let isReplaced = [":()", ": ()", "function :", "alias :"].contains { bytes.contains(text: $0) }
    unused = usages + (isReplaced ? [] : script.ignored + null)
    hidden = script.comments + script.documents
    innerCommands = inner
    command = commands.first
    others = Array(commands.dropFirst())
    let lines = EmbeddedCommand.lines(bytes)
    // Lines that a template makes may continue the command.
    let behind = commands.first.map { command in
      lines.filter { command.lowerBound < $0.lowerBound && $0.lowerBound < command.upperBound }
        + script.commands.filter { $0.beginsLine && $0.range.lowerBound >= command.upperBound }.map(\.range)
    }
    let template = behind?.first { TemplatePlaceholder.begins(Array(bytes[$0].drop { $0 <= 0x20 })) }?.lowerBound ?? .max
    strays = script.commands.filter { $0.beginsLine && $0.range.lowerBound < template && ShellScript.isOption(bytes, $0.range) }
      .map(\.range)
    hasForgottenBackslash = lines.contains { EmbeddedCommand.continues(bytes, $0) }
      && strays.contains { stray in
        let before = lines.last { $0.upperBound <= stray.lowerBound && bytes[$0].contains { $0 > 0x20 } }
        guard let before, !EmbeddedCommand.continues(bytes, before) else { return false }
        return !script.comments.contains { before.contains($0.lowerBound) }
      }
    guard let command else {
      text = bytes
      doubts = []
      return
    }
    doubts = ShellDoubts(bytes, script, command, arrays).all
    let inArrays = Set(arrays.parts.flatMap(\.comments))
    text = ShellScript.text(of: command, in: bytes, script.comments.filter { !inArrays.contains($0) })
  }

  /// The command with the comments that may be about it: those on lines of their own, and one behind it.
  private static func text(of command: Range<Int>, in bytes: [UInt8], _ comments: [Range<Int>]) -> [UInt8] {
    let about = comments.filter { comment in
      let line = bytes[..<comment.lowerBound].lastIndex(of: 0x0a).map { $0 + 1 } ?? 0
      let isAlone = bytes[line..<comment.lowerBound].allSatisfy { $0 <= 0x20 }
      let isBehind = comment.lowerBound >= command.upperBound && line < command.upperBound
      return isAlone || isBehind
    }
    return EmbeddedCommand.only(about + [command], of: bytes)
  }

  /// An option where a command should begin, and no pattern of a `case`, such as `-h | --help)`.
  private static func isOption(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
    // The line's own text: a search over many blank lines for each of them would take too long.
    guard bytes[range].first(where: { $0 > 0x20 }) == UInt8(ascii: "-") else { return false }
    let text = bytes[range.lowerBound...].drop { $0 <= 0x20 }
    // An item of a list in YAML.
    guard text.dropFirst().first.map({ $0 > 0x20 }) == true else { return false }
    let pattern = text.prefix { !"\n()".utf8.contains($0) }
    guard pattern.endIndex < bytes.count, bytes[pattern.endIndex] == UInt8(ascii: ")") else { return true }
    return pattern.split(separator: UInt8(ascii: "|")).contains { part in part.split { $0 <= 0x20 }.count != 1 }
  }

  /// The program that the command of a line starts.
  private enum Target {
    case emulator
    /// The place of the word that holds the command.
    case text(Range<Int>)
    case other
  }

  /// - Parameter offset: of the line in the script.
  private static func target(_ line: [UInt8], at offset: Int, _ arrays: ShellArrays) -> Target {
    let target = target(arrays.split(line, at: offset).list)
    guard case .other = target, line.first(where: { $0 > 0x20 }).map({ "$\"".utf8.contains($0) }) == true else { return target }
    // A variable that is named like an emulator counts with any value, such as the path of a wrapper.
    return self.target(ShellWords(line).words)
  }

  private static func target(_ words: [Word]) -> Target {
    var words = words
    while let word = words.first, keywords.contains(word.text) { words.removeFirst() }
    if words.first?.text == "alias" {
      let value = words.dropFirst().first { mentionsEmulator(String($0.text.drop { $0 != "=" }.dropFirst())) }
      return value.map { .text($0.range) } ?? .other
    }
    switch ShellRunner.target(of: words, isEmulator: isEmulator) {
    case .emulator(let index):
      let options = words[(index + 1)...].map(\.text)
      return options.isEmpty || options.contains(where: asksForHelp) ? .other : .emulator
    case .text(let index):
      let text = words[index].text
      return mentionsEmulator(text) ? .text(words[index].range) : .other
    case .other: return .other
    }
  }

  /// `--version`, `-device help`: QEMU prints something and starts nothing.
  static func asksForHelp(_ word: String) -> Bool {
    ["-version", "--version", "-help", "--help", "-h", "help", "?"].contains(word) || word.hasSuffix(",help")
  }

  /// An emulator, or a variable that is named like one and not like something of one: `$QEMU`, not `$QEMU_IMG`.
  static func isEmulator(_ word: Word) -> Bool {
    let text = word.text
    // `$DIR/qemu-system-x86_64` is what its last part says.
    if text.hasPrefix("$"), text.fileName == text || text.fileName?.contains("$") == true {
      let name = Array(text.lowercased().utf8)
      let others = ["img", "pid", "sock", "nbd", "monitor", "log", "(", "dir", "user", "audio", "_io", "_ga"]
      return name.contains(text: "qemu") && !others.contains { name.contains(text: $0) }
    }
    let name = text.fileName ?? ""
    // A word of another language ends in a comma or a bracket.
    let isName = name.utf8.allSatisfy { $0.isASCIILetterOrDigit || "-_.+~".utf8.contains($0) }
    return isName && name.hasPrefix("qemu-system-") || name == "qemu-kvm" || name == "kvm"
  }

  private static func mentionsEmulator(_ text: String) -> Bool {
    let words = text.split { $0.isWhitespace || "\"'();|&".contains($0) }.map(String.init)
    return words.contains { isEmulator(Word(Array($0.utf8), at: 0)) }
  }

  static let keywords: Set<String> = ["if", "then", "else", "elif", "while", "until", "do", "!", "{"]
}

extension ParsedInput {
  /// Reads a script for its QEMU command.
  static func parse(script: ShellScript, _ source: SourceText, _ follow: FileFollower?) -> ParsedInput {
    guard script.command != nil else { return parse(withoutCommand: script, source) }
    var parsed = parse(command: SourceText(name: source.name, bytes: script.text), follow, script.arrays)
    for part in script.arrays.parts {
      CommandComments(source: source, words: part.words).read(part.comments, into: &parsed)
    }
    func complain(_ message: String, _ fix: String, _ range: Range<Int>) {
      let place = Location(source: source.name, range: range, path: "")
      parsed.problems.append(InputProblem(message: message, fix: fix, location: place))
    }
    if script.arrays.variables.isOverCap {
      complain(
        "the variables and arrays of the script expand to more than \(ShellVariables.maximumBytes) bytes, and were not followed",
        "write the arguments into the command", script.command ?? 0..<1)
    }
    if let start = script.unclosed, source.continuesInPowerShell(start) {
      parsed.noteUnread("the lines behind a lone backtick", "PowerShell continues the command there", start..<start + 1, source)
    } else if let start = script.unclosed {
      complain("a substitution is never closed", "close it, as a shell would demand", start..<start + 1)
    }
    for stray in script.strays {
      complain(
        "an option that begins a command of its own: the line before does not continue here",
        "end the line before in a backslash, with no comment between", stray)
    }
    parsed.noteInner(script, source)
    for doubt in script.doubts { parsed.noteUnread(doubt.what, doubt.reason, doubt.place, source) }
    for other in script.others {
      parsed.noteUnread("a second QEMU command", "only the first is judged: give each a script of its own", other, source)
    }
    parsed.noteUnused(script, source)
    let read = script.comments + [script.command].compactMap { $0 }
    parsed.noteUnreadCommand(source, outside: read, further: script.unreadCommands)
    return parsed
  }

  /// A script that starts QEMU in a way that is not followed is undetermined; any other is not a definition.
  static func parse(withoutCommand script: ShellScript, _ source: SourceText) -> ParsedInput {
    let missing = "no command of the script was recognised as QEMU's"
    var parsed = ParsedInput(machine: MachineConfig(source: source.name, emulator: nil, missingPart: missing))
    parsed.noteInner(script, source)
    parsed.noteUnused(script, source)
    parsed.noteUnreadDevices(source, in: 0..<source.bytes.count)
    parsed.noteUnreadCommand(source, outside: script.comments, further: script.unreadCommands)
    if parsed.machine.unreadParts.isEmpty {
      let what = UnrecognisedInput.tool(source.bytes)
      parsed.unrecognised = what ?? "a shell script without a QEMU command: name a script that starts QEMU"
    }
    return parsed
  }

  private mutating func noteInner(_ script: ShellScript, _ source: SourceText) {
    for place in script.innerCommands {
      noteUnread("the QEMU command inside a string", "only the shell that runs it expands it", place, source)
    }
  }

  private mutating func noteUnused(_ script: ShellScript, _ source: SourceText) {
    readElements += script.unused.map { Location(source: source.name, range: $0, path: "text") }
  }

  mutating func noteUnread(_ what: String, _ reason: String, _ range: Range<Int>, _ source: SourceText) {
    let place = Location(source: source.name, range: range, path: "line \(source.position(of: range.lowerBound).line)")
    machine.unreadParts.append(UnreadPart(what: what, reason: reason, location: place))
  }

  /// Notes that a command ends in a backslash, with which its last line continues.
  mutating func noteOpenEnd(of command: Range<Int>, _ source: SourceText) {
    guard source.bytes[command].last(where: { $0 > 0x20 }) == UInt8(ascii: "\\") else { return }
    noteUnread("the rest of the command", "its last line continues, and the text ends there", command, source)
  }
}

extension SourceText {
  /// Whether a backtick ends a line, behind a blank: PowerShell's mark of a line that continues.
  fileprivate func continuesInPowerShell(_ mark: Int) -> Bool {
    let next = bytes[(mark + 1)...].drop { $0 == 0x0d }.first
    return bytes[mark] == UInt8(ascii: "`") && next.map { $0 == 0x0a } ?? true && mark > 0 && bytes[mark - 1] <= 0x20
  }
}

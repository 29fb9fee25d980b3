import Facts
import Syntax

/// Commands beside QEMU's that may send a text which is not read to its monitor: `socat - UNIX:mon < commands`.
struct MonitorClients {
  private let bytes: [UInt8]
  private let commands: [Range<Int>]
  private let script: ShellLines
  private let variables: ShellVariables
  /// Paths of sockets and pipes, and ports.
  let addresses: [[UInt8]]
  /// First words of commands with something that the shell replaces, and functions that are given to other programs.
  private let replaced: Set<String>
  /// Depth of strings that hold commands.
  private let depth: Int

  /// - Parameters:
  ///   - code: a script without its comments.
  ///   - addresses: those that `addresses(of:)` has found.
  init(_ code: [UInt8], _ script: ShellLines, _ variables: ShellVariables, addresses: [[UInt8]], depth: Int = 0) {
    bytes = code
    self.script = script
    self.variables = variables
    self.addresses = addresses
    self.depth = depth
    let commands = addresses.isEmpty ? [] : script.commands.map(\.range).filter { code[$0].contains { $0 > 0x20 } }
    self.commands = commands
    let words = commands.map { (ShellNaming.words(of: code[$0]), MonitorClients.isWritten(code[$0])) }
    let given = words.filter { ["export", "declare", "typeset", "mapfile", "readarray"].contains($0.0.first) }.flatMap(\.0)
    replaced = Set(words.filter { !$0.1 }.compactMap(\.0.first) + given)
  }

  /// Whether a text holds one.
  /// - Parameter variables: of the script that the text is from, where they have the same values in all of it.
  static func areIn(_ text: [UInt8], _ addresses: [[UInt8]], _ variables: ShellVariables = ShellVariables(), depth: Int = 0) -> Bool {
    guard depth < 3 else { return true }
    return MonitorClients(text, ShellLines(text), variables, addresses: addresses, depth: depth).first(outside: nil) != nil
  }

  /// The maximum number of commands with an address that are followed.
  private static let maximumCommands = 64

  /// The first that is not a given command.
  func first(outside qemu: Range<Int>?) -> Range<Int>? {
    if addresses.count > MonitorClients.maximum { return commands.first { $0 != qemu } }
    var count = 0
    for index in commands.indices where commands[index] != qemu && mentionsAddress(index) {
      count += 1
      if count > MonitorClients.maximumCommands || sendsUnread(index) { return commands[index] }
    }
    return nil
  }

  // MARK: - Commands

  /// Programs that send what they read, and read from the terminal where nothing else is given.
  private static let clients: Set<String> = [
    "socat", "nc", "ncat", "netcat", "telnet", "qmp-shell", "qmp-shell-wrap", "minicom", "picocom", "screen", "rlwrap"
  ]
  /// Commands that send nothing, of which some have the address of a socket.
  private static let quiet: Set<String> = [
    "[", "[[", "test", "rm", "unlink", "chmod", "chown", "chgrp", "setfacl", "ls", "stat", "mkdir", "mkfifo", "touch", "sleep", "export",
    "local", "declare", "readonly", "typeset", "wait", "kill", "fuser", "lsof", "inotifywait", "for", "case", "return", "exit", ":", "log"
  ]
  private static let texts: Set<String> = ["echo", "printf", "sleep", "true"]

  /// The words of a command, with the variables that are followed.
  private func words(_ index: Int) -> [Word] {
    variables.split(Array(bytes[commands[index]]), at: commands[index].lowerBound).words.words
  }

  private func mentionsAddress(_ index: Int) -> Bool {
    let raw = Array(bytes[commands[index]])
    if mentions(raw) || document(of: index) != nil { return true }
    let mayMean = raw.contains { "$*?[{~".utf8.contains($0) }
    let isClient = MonitorClients.clients.contains { raw.contains(text: $0) }
    guard mayMean || isClient else { return false }
    let words = words(index)
    if mentions(Array(words.map(\.bytes).joined(separator: [0x20]))) { return true }
    return isClient && program(words).map(MonitorClients.clients.contains) == true
      && words.contains { word in addresses.contains { MonitorClients.mayBe(word.bytes, $0) } }
  }

  private func program(_ words: [Word]) -> String? {
    let own = words.drop { ShellScript.keywords.contains($0.text) }
    return ShellRunner.program(of: Array(own)).map { $0.text.fileName ?? $0.text }
  }

  /// The here document of a command, if it names an address.
  private func document(of index: Int) -> ArraySlice<UInt8>? {
    let text = bytes[commands[index]]
    guard text.contains(text: "<<"), !text.contains(text: "<<<"),
      let document = document(behind: commands[index]), mentions(Array(bytes[document]))
    else { return nil }
    return bytes[document]
  }

  /// The first here document behind a command.
  private func document(behind command: Range<Int>) -> Range<Int>? {
    var low = 0, high = script.documents.count
    while low < high {
      let middle = (low + high) / 2
      if script.documents[middle].lowerBound < command.upperBound { low = middle + 1 } else { high = middle }
    }
    return low < script.documents.count ? script.documents[low] : nil
  }

  private func sendsUnread(_ index: Int) -> Bool {
    let raw = Array(bytes[commands[index]])
    if let text = substitution(raw) { return MonitorClients.areIn(text, addresses, variables, depth: depth + 1) }
    // `args+=( … )`.
    if raw.drop(while: { $0 <= 0x20 }).drop(while: \.isShellNameByte).starts(with: "+=(".utf8) { return false }
    let words = words(index)
    guard let name = program(words) else {
      let own = words.drop { ShellScript.keywords.contains($0.text) }
      return !own.allSatisfy { ShellRunner.isAssignment($0.text) } || own.contains(where: isUnfollowedCommand)
    }
    if MonitorClients.quiet.contains(name) { return false }
    if MonitorClients.texts.contains(name) { return raw.contains(UInt8(ascii: ">")) && !isLiteral(index) }
    // A text that is printed.
    if name == "cat", !raw.contains(UInt8(ascii: ">")), bytes[commands[index].upperBound...].first != UInt8(ascii: "|") { return false }
    if MonitorClients.clients.contains(name) {
      if !hasReadInput(commands[index]) || MonitorClients.readsAnother(name, words) { return true }
      let feeders = feeders(of: index)
      if feeders.isEmpty, !raw.contains(UInt8(ascii: "<")) { return ShellInput(bytes, script).outer(commands[index]) != nil }
      return feeders.contains { !isLiteral($0) }
    }
    // Commands of another shell or of a trap, or a text that is written to a file.
    var strings = words.map(\.bytes).filter { $0.contains(0x20) && mentions($0) }
    if let document = document(of: index) { strings.append(Array(document)) }
    guard !strings.isEmpty else { return true }
    return strings.contains { MonitorClients.areIn($0, addresses, variables, depth: depth + 1) }
  }

  /// Whether an assignment's value is a command with an address, and the uses of the variable are not followed.
  private func isUnfollowedCommand(_ word: Word) -> Bool {
    let name = String(decoding: word.bytes.prefix { $0.isShellNameByte }, as: UTF8.self)
    return word.bytes.contains(0x20) && mentions(word.bytes) && !variables.isFollowed(name)
  }

  /// Whether a program sends what another one prints, or a file, and not its standard input (socat(1), ncat(1)).
  private static func readsAnother(_ name: String, _ words: [Word]) -> Bool {
    let words = words.map(\.text)
    let sources = ["exec:", "system:", "shell:", "open:", "file:", "gopen:"]
    if name == "socat" { return words.contains { word in sources.contains { word.lowercased().hasPrefix($0) } } }
    return words.contains { ["-e", "-c", "--exec", "--sh-exec", "--lua-exec"].contains($0) }
  }

  /// The commands of the first substitution that names an address.
  private func substitution(_ text: [UInt8]) -> [UInt8]? {
    guard let start = text.indices(of: Array("$(".utf8)).first, let end = text.lastIndex(of: UInt8(ascii: ")")), end > start + 2
    else { return nil }
    let inner = Array(text[(start + 2)..<end])
    return mentions(inner) ? inner : nil
  }

  // MARK: - Input

  /// The commands whose output is the input of one: those of its pipe, and of a group in it.
  private func feeders(of index: Int) -> [Int] {
    var found: [Int] = []
    var at = index
    func between(_ at: Int) -> ArraySlice<UInt8> { bytes[commands[at - 1].upperBound..<commands[at].lowerBound] }
    while at > 0, between(at).contains(UInt8(ascii: "|")), !between(at).contains(text: "||") {
      let isSubshell = between(at).contains(UInt8(ascii: ")"))
      at -= 1
      found.append(at)
      let isGroup = bytes[commands[at]].first { $0 > 0x20 } == UInt8(ascii: "}")
      while isSubshell || isGroup, at > 0 {
        let begins = isGroup ? bytes[commands[at]].first { $0 > 0x20 } == UInt8(ascii: "{") : between(at).contains(UInt8(ascii: "("))
        if begins { break }
        at -= 1
        found.append(at)
      }
    }
    return found
  }

  /// Whether a command only prints a text that is written out, or the arguments of calls of a function that are.
  private func isLiteral(_ index: Int) -> Bool {
    let text = bytes[commands[index]]
    let words = ShellNaming.words(of: text)
    if words.isEmpty || words.elementsEqual(["}"]) { return true }
    let isText = MonitorClients.texts.contains(words[words.startIndex].fileName ?? "")
    guard isText, MonitorClients.isWritten(text, parametersToo: true) else { return false }
    if MonitorClients.isWritten(text) { return true }
    return ShellInput(bytes, script).function(around: commands[index].lowerBound).map { !replaced.contains($0) } ?? false
  }

  /// Whether a text has nothing that the shell replaces.
  /// - Parameter parametersToo: `$1` and `"$@"` do not count.
  static func isWritten(_ text: ArraySlice<UInt8>, parametersToo: Bool = false) -> Bool {
    text.indices.allSatisfy { index in
      guard text[index] == UInt8(ascii: "$") else { return text[index] != UInt8(ascii: "`") && text[index] != UInt8(ascii: "<") }
      return parametersToo && text[(index + 1)...].first { $0 != UInt8(ascii: "{") }.map { "@*0123456789".utf8.contains($0) } == true
    }
  }

  /// Whether the input that a command itself gives to its program is written out, or is the terminal.
  private func hasReadInput(_ command: Range<Int>) -> Bool {
    var quote: UInt8?
    for index in command {
      let byte = bytes[index]
      if "\"'".utf8.contains(byte) { quote = quote == nil ? byte : quote == byte ? nil : quote }
      guard quote == nil, byte == UInt8(ascii: "<"), index == command.lowerBound || bytes[index - 1] != byte else { continue }
      let rest = bytes[index..<command.upperBound]
      if rest.starts(with: "<<<".utf8) { return MonitorClients.isWritten(rest.dropFirst(3)) }
      if rest.starts(with: "<<".utf8) {
        let isQuoted = rest.dropFirst(2).drop { $0 <= 0x20 || $0 == UInt8(ascii: "-") }.first.map { "\"'\\".utf8.contains($0) } == true
        guard let document = document(behind: command) else { return false }
        return isQuoted || !bytes[document].contains { "$`".utf8.contains($0) }
      }
      let file = rest.dropFirst().drop { $0 == 0x20 }
      return ["/dev/null", "/dev/tty", "&-"].contains { file.starts(with: $0.utf8) }
    }
    return true
  }
}

extension ParsedInput {
  /// Notes a file that a monitor reads: `-chardev file,input-path=FILE` (QEMU chardev/char-file.c: qmp_chardev_open_file).
  mutating func noteFilesOfMonitors() {
    let monitors = machine.options.filter { ["monitor", "qmp", "qmp-pretty", "mon"].contains($0.name) }.compactMap(\.value.string)
    for option in machine.options where option.name == "chardev" {
      guard let text = option.value.string, let file = KeyValueText(Array(text.utf8), implied: "backend").items
        .first(where: { $0.key == "input-path" })?.value, MonitorClients.isOfMonitor(text, monitors)
      else { continue }
      machine.unreadParts.append(
        UnreadPart(what: "the file `\(file)`", reason: "a monitor of QEMU reads commands from it", location: option.location))
    }
  }
}

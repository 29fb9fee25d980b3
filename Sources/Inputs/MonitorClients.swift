import Facts
import Syntax

/// Commands beside QEMU's that may send a text which is not read to its monitor: `socat - UNIX:mon < commands`.
struct MonitorClients {
  private let bytes: [UInt8]
  private let commands: [Range<Int>]
  private let script: ShellLines
  private let variables: ShellVariables
  /// Paths of sockets and pipes, and ports.
  private let addresses: [[UInt8]]
  /// First words of commands with something that the shell replaces.
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
    replaced = Set(commands.filter { !MonitorClients.isWritten(code[$0]) }.compactMap { ShellNaming.words(of: code[$0]).first })
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

  // MARK: - Addresses

  /// The maximum number of addresses that commands are compared with; of more, every other command counts.
  private static let maximum = 16

  /// The addresses of the monitors that a command line opens.
  /// - Parameter options: names without dashes, each with its argument.
  static func addresses(of options: [(name: String, value: String)]) -> [[UInt8]] {
    let monitors = options.filter { ["monitor", "qmp", "qmp-pretty", "mon", "object"].contains($0.name) }
    var found = options.compactMap { option -> String? in
      switch option.name {
      case "monitor", "qmp", "qmp-pretty": return address(option.value)
      case "serial": return option.value.hasPrefix("mon:") ? address(String(option.value.dropFirst(4))) : nil
      case "chardev":
        guard isOfMonitor(option.value, monitors.map(\.value)) else { return nil }
        let items = KeyValueText(Array(option.value.utf8), implied: "backend").items
        func value(_ key: String) -> String? { items.first { $0.key == key }?.value }
        if value("backend") == "pty" { return "/dev/pts" }
        return value("path").map { value("backend") == "pipe" ? $0 + ".in" : $0 } ?? value("port")
      default: return nil
      }
    }
    found = found.map { String(decoding: plain(Array($0.utf8)), as: UTF8.self) }.filter { !$0.isEmpty && !["0", "$"].contains($0) }
    return found.prefix(maximum + 1).map { Array($0.utf8) }
  }

  /// Whether a monitor uses the character device.
  static func isOfMonitor(_ chardev: String, _ monitors: [String]) -> Bool {
    let items = KeyValueText(Array(chardev.utf8), implied: "backend").items
    guard let id = items.first(where: { $0.key == "id" })?.value else { return false }
    return monitors.contains { monitor in
      KeyValueText(Array(monitor.utf8), implied: "chardev").items.contains { item in
        item.key == "chardev" && (item.value == id || item.value == "chardev:\(id)")
      }
    }
  }

  /// `unix:PATH`, `pipe:PATH`, `tcp:HOST:PORT` and the like.
  private static func address(_ text: String) -> String? {
    let whole = text.prefix { $0 != "," }
    let kind = whole.prefix { $0 != ":" }
    let rest = String(whole.dropFirst(kind.count + 1))
    switch kind {
    case "unix": return rest
    case "pipe": return rest + ".in"
    case "tcp", "telnet", "websocket": return rest.split(separator: ":").last.map(String.init)
    case "pty": return "/dev/pts"
    default: return nil
    }
  }

  /// The text without quotes and braces, so that `"${MON}"` is `$MON`.
  private static func plain(_ text: [UInt8]) -> [UInt8] { text.filter { !"\"'{}\\".utf8.contains($0) } }

  /// Whether a text names one of the addresses.
  private func mentions(_ text: [UInt8]) -> Bool {
    func isPart(_ byte: UInt8?) -> Bool { byte.map { $0.isShellNameByte || "-.".utf8.contains($0) } == true }
    let text = MonitorClients.plain(text)
    return addresses.contains { address in
      text.indices(of: address).contains { start in
        let isApart = !isPart(text[..<start].last) || address.first.map { "/$.".utf8.contains($0) } == true
        return isApart && !isPart(text[(start + address.count)...].first)
      }
    }
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

  private func mentionsAddress(_ index: Int) -> Bool {
    let raw = Array(bytes[commands[index]])
    if mentions(raw) { return true }
    guard raw.contains(UInt8(ascii: "$")) else { return false }
    return mentions(Array(variables.split(raw, at: commands[index].lowerBound).words.words.map(\.bytes).joined(separator: [0x20])))
  }

  private func sendsUnread(_ index: Int) -> Bool {
    let raw = Array(bytes[commands[index]])
    if let text = substitution(raw) { return MonitorClients.areIn(text, addresses, variables, depth: depth + 1) }
    let words = ShellWords(raw).words
    let own = words.drop { ShellScript.keywords.contains($0.text) }
    guard let program = ShellRunner.program(of: Array(own)) else { return !own.allSatisfy { ShellRunner.isAssignment($0.text) } }
    let name = program.text.fileName ?? program.text
    if MonitorClients.quiet.contains(name) { return false }
    if MonitorClients.texts.contains(name) { return raw.contains(UInt8(ascii: ">")) && !isLiteral(index) }
    if MonitorClients.clients.contains(name) {
      return !hasReadInput(commands[index]) || feeders(of: index).contains { !isLiteral($0) }
    }
    // Of another shell, or of a trap.
    let strings = words.filter { $0.bytes.contains(0x20) && mentions($0.bytes) }
    guard !strings.isEmpty else { return true }
    return strings.contains { MonitorClients.areIn($0.bytes, addresses, variables, depth: depth + 1) }
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
    return function(around: commands[index].lowerBound).map { !replaced.contains($0) } ?? false
  }

  /// Whether a text has nothing that the shell replaces.
  /// - Parameter parametersToo: `$1` and `"$@"` do not count.
  private static func isWritten(_ text: ArraySlice<UInt8>, parametersToo: Bool = false) -> Bool {
    text.indices.allSatisfy { index in
      guard text[index] == UInt8(ascii: "$") else { return text[index] != UInt8(ascii: "`") && text[index] != UInt8(ascii: "<") }
      return parametersToo && text[(index + 1)...].first { $0 != UInt8(ascii: "{") }.map { "@*0123456789".utf8.contains($0) } == true
    }
  }

  /// The name of the function that begins last before a position, which is that around it where none has ended.
  private func function(around position: Int) -> String? {
    let before = bytes[..<position]
    let near = Array(before.suffix(4096)), offset = position - near.count
    guard let found = near.indices(of: Array("()".utf8)).last, !near[found...].contains(text: "\n}") else { return nil }
    let parentheses = offset + found
    let name = before[..<parentheses].reversed().drop { $0 == 0x20 }.prefix { $0.isShellNameByte || $0 == UInt8(ascii: "-") }
    return name.isEmpty ? nil : String(decoding: name.reversed(), as: UTF8.self)
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
        guard let document = script.documents.first(where: { $0.lowerBound >= command.upperBound }) else { return false }
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

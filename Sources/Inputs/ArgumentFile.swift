import Facts
import Syntax

/// A file of another program with QEMU's arguments in a list: `command:` of a container, `argv:` of Ansible, `args = [ … ]`.
struct ArgumentFile {
  /// One command, as far as the file has it.
  private struct Command {
    var words: [Word]
    var ranges: [Range<Int>]
    /// Parts that the file does not have.
    var unread: [(what: String, reason: String)] = []
  }

  private let bytes: [UInt8]
  private let values: KeyedValues
  /// Whether the file is of Kubernetes, and whether it has containers of Compose.
  private let isPod: Bool, hasServices: Bool
  private var commands: [Command] = []
  /// The first value that may be QEMU's as well and is not followed: a list with other items than plain strings, or an expression.
  private var other: Range<Int>?

  /// Nil when no list is QEMU's.
  init?(_ bytes: [UInt8], _ format: InputFormat) {
    guard !bytes.starts(with: "#!".utf8), ["qemu", "kvm", "vfio-pci"].contains(where: { bytes.contains(text: $0) }) else { return nil }
    // A CR alone ends a line of YAML, and is not in TOML.
    guard !zip(bytes, bytes.dropFirst() + [0x0d]).contains(where: { $0 == 0x0d && $1 != 0x0a }) else { return nil }
    guard let values = format == .yaml ? YAMLLists.values(bytes) : TOMLLists.values(bytes) else { return nil }
    (self.bytes, self.values) = (bytes, values)
    (isPod, hasServices) = (bytes.contains(text: "apiVersion:"), bytes.contains(text: "services:"))
    // The first of them decide, and a file may have thousands.
    let neighbours = Dictionary(grouping: values.entries.filter(ArgumentFile.mayBePart), by: \.group).mapValues { $0.prefix(16) }
    var others: [Range<Int>] = []
    for entry in values.entries {
      let near = neighbours[entry.group] ?? []
      if let words = entry.value.items, let command = command(entry, words, near) {
        commands.append(command)
      } else if mayBeQEMU(entry, near) {
        others.append(entry.range)
      }
    }
    let read = Set(commands.flatMap(\.ranges))
    let unread = others.lazy.filter { !read.contains($0) }
      + values.braces.filter { bytes[$0].contains(text: "qemu-system-") || bytes[$0].contains(text: "qemu-kvm") }
    guard commands.isEmpty else {
      other = unread.first
      return
    }
    other = unread.first { range in
      let text = bytes[range]
      return (text.first == UInt8(ascii: "{") || CommandMentions.isListOfQEMU(text)) && !DeviceMentions.all(in: Array(text)).isEmpty
    }
    if other == nil { return nil }
  }

  static func isRecognised(_ bytes: [UInt8], _ format: InputFormat) -> Bool { ArgumentFile(bytes, format) != nil }

  static func parse(_ source: SourceText, _ format: InputFormat, _ follow: FileFollower?) -> ParsedInput {
    let file = ArgumentFile(source.bytes, format)
    if let file, file.commands.isEmpty, let list = file.other {
      let machine = MachineConfig(source: source.name, emulator: nil, missingPart: "its list holds more than plain strings")
      var definition = ParsedInput(machine: machine)
      definition.noteUnread("the list of arguments", "it holds more than plain strings, and is not followed", list, source)
      return definition
    }
    guard let file, let command = file.commands.first else {
      return .unreadable(
        source, "the file holds no list of plain strings that begins with a QEMU", at: 0..<min(1, source.bytes.count),
        fix: "give the command line as a JSON list")
    }
    var definition = CommandLineReader(source, words: command.words, follow: follow).definition
    let place = command.ranges[0]
    for part in command.unread { definition.noteUnread(part.what, part.reason, place, source) }
    // Also an object or a port that a device needs.
    if let part = command.unread.first ?? (file.values.hasReferences ? ArgumentFile.anchors : nil) {
      definition.machine.missingPart = definition.machine.missingPart ?? "\(part.what): \(part.reason)"
      definition.problems.removeAll { $0.message.hasSuffix("` has no argument") }
    }
    if file.values.hasReferences {
      definition.noteUnread(ArgumentFile.anchors.what, ArgumentFile.anchors.reason, place, source)
    }
    if let other = file.commands.dropFirst().first {
      definition.noteUnread("a second QEMU command", "only the first is judged", other.ranges[0], source)
    }
    if let other = file.other ?? CommandMentions.option(in: source.bytes, outside: command.ranges) {
      definition.noteUnread("other arguments", "they may be QEMU's, and are not followed", other, source)
    }
    file.noteMonitors(command, source, in: &definition)
    definition.noteUnreadCommand(source, outside: command.ranges, joinsLines: true)
    return definition
  }

  // MARK: - Commands

  private static let anchors = (
    what: "the file's anchors, tags, or blocks of arguments", reason: "they may be a part of the command, and are not followed"
  )
  private static let programKeys: Set<String> = [
    "command", "cmd", "program", "executable", "exec", "binary", "path", "qemu", "emulator", "entrypoint"
  ]
  private static let argumentKeys: Set<String> = ["args", "arguments", "command"]
  /// Keys whose list is run unchanged.
  private static let commandKeys: Set<String> = ["command", "cmd", "argv", "exec", "run", "runcmd", "bootcmd", "entrypoint", "args"]
  /// Keys of a container that are not a part of its command.
  private static let otherKeys: Set<String> = ["environment", "env", "env_file", "volumes", "ports", "devices", "labels", "tmpfs"]

  /// Parts of the names of keys that may be a part of the command.
  private static let parts = [
    "arg", "command", "cmd", "entrypoint", "option", "opts", "flag", "param", "append", "prefix", "wrap", "extends"
  ]
  private static let containerKeys = ["image", "build", "dockerfile"]

  /// Whether the name of a key or of a table contains one of them.
  static func isOfCommand(_ name: String) -> Bool { parts.contains(where: name.lowercased().contains) }

  private static func mayBePart(_ entry: KeyedValues.Entry) -> Bool {
    let key = entry.key.lowercased()
    return programKeys.contains(key) || containerKeys.contains(key) || isOfCommand(key)
  }

  /// The command that a list begins, with those of its neighbours that continue it.
  private func command(_ entry: KeyedValues.Entry, _ words: [Word], _ neighbours: ArraySlice<KeyedValues.Entry>) -> Command? {
    var command = Command(words: words, ranges: [entry.range])
    let key = entry.key.lowercased()
    if startsQEMU(words) {
      if !ArgumentFile.commandKeys.contains(key) {
        command.unread.append(("the rest of the command", "the program that reads `\(entry.key)` may add to the list"))
      }
      let rest = neighbours.first { $0.range != entry.range && key != "args" && ArgumentFile.argumentKeys.contains($0.key.lowercased()) }
      if let rest, let items = rest.value.items, key != "command" || rest.key.lowercased() != "command" {
        command.words += items
        command.ranges.append(rest.range)
      }
    } else if let first = words.first, first.hasUnknown || Option.isKnown(first) {
      // The program's own entry, or another list that goes before, has it.
      if neighbours.contains(where: { $0.range != entry.range && startsQEMU($0) }) { return nil }
      let program = neighbours.first { other in
        ArgumentFile.programKeys.contains(other.key.lowercased()) && other.value.string.map(isEmulator) == true
      }
      if let program, let word = program.value.string, ArgumentFile.argumentKeys.contains(key) {
        command.words = [word] + words
        command.ranges.append(program.range)
      } else {
        let isQEMU = key.contains("qemu") || !DeviceMentions.all(in: Array(bytes[entry.range])).isEmpty
        // Another program may split an item at its blanks.
        guard isQEMU, !words.contains(where: { $0.bytes.first == UInt8(ascii: "-") && $0.bytes.contains(0x20) }) else { return nil }
        command.unread.append(("the rest of the command", "the program that reads `\(entry.key)` adds to the list"))
      }
    } else {
      return nil
    }
    guard command.words.contains(where: { $0.bytes.first == UInt8(ascii: "-") || $0.hasUnknown }),
      !command.words.contains(where: { ShellScript.asksForHelp($0.text) })
    else { return nil }
    noteNeighbours(neighbours, in: &command)
    return command
  }

  /// Whether a value that is not read may be a part of a QEMU's command.
  private func mayBeQEMU(_ entry: KeyedValues.Entry, _ neighbours: ArraySlice<KeyedValues.Entry>) -> Bool {
    let key = entry.key.lowercased()
    let others = neighbours.lazy.filter { $0.range != entry.range }
    guard entry.value.isList else {
      let isOpen = entry.value.isExpression || entry.value.string.map { TemplatePlaceholder.isOpen($0.text) } == true
      if isOpen, ArgumentFile.commandKeys.contains(key) || ArgumentFile.argumentKeys.contains(key) { return true }
      return ArgumentFile.programKeys.contains(key) && entry.value.string.map(isEmulator) == true && others.contains { !startsQEMU($0) }
    }
    let text = bytes[entry.range]
    if let words = entry.value.items {
      let hasInner = zip(words.dropFirst(), words.dropFirst(2)).contains { isEmulator($0) && Option.isKnown($1) }
      return hasInner || words.first.map { Option.isKnown($0) } == true && text.contains(text: "-device")
        || !ArgumentFile.otherKeys.contains(key) && others.contains(where: startsQEMU) && words.contains(where: \.hasUnknown)
    }
    if CommandMentions.isListOfQEMU(text) || text.contains(text: "-device") { return true }
    return ArgumentFile.argumentKeys.contains(key) && others.contains { $0.value.string.map(isEmulator) == true }
  }

  /// Notes texts that a program may send to a monitor of the command.
  private func noteMonitors(_ command: Command, _ source: SourceText, in definition: inout ParsedInput) {
    let options = definition.machine.options.compactMap { option in option.value.string.map { (option.name, $0) } }
    let uses = MonitorClients.addresses(of: options).flatMap(bytes.indices).first { at in !command.ranges.contains { $0.contains(at) } }
    let readsInput = command.words.contains { $0.text == "-nographic" || $0.text.contains("stdio") }
    let input = values.entries.first { ["stdin", "stdin_data", "input"].contains($0.key.lowercased()) }?.range.lowerBound
    guard let place = uses ?? (readsInput ? input ?? bytes.indices(of: Array("stdin:".utf8)).first : nil) else { return }
    definition.noteUnread("the text that a command sends to QEMU's monitor", "it is not read", place..<place + 1, source)
  }

  /// Whether a string is the name of a QEMU. A container has the device `/dev/kvm`.
  private func isEmulator(_ word: Word) -> Bool {
    !word.bytes.contains(0x20) && !word.text.hasPrefix("/dev/") && ShellScript.isEmulator(word)
  }

  private func startsQEMU(_ entry: KeyedValues.Entry) -> Bool { entry.value.items.map(startsQEMU) == true }

  private func startsQEMU(_ words: [Word]) -> Bool {
    switch ShellRunner.target(of: words, isEmulator: isEmulator) {
    case .emulator: return true
    case .text(let index): return ["qemu-system-", "qemu-kvm", "vfio-pci,"].contains { words[index].bytes.contains(text: $0) }
    case .other: return false
    }
  }

  /// Notes what a container adds, and neighbours that may be a part of the command.
  private func noteNeighbours(_ neighbours: ArraySlice<KeyedValues.Entry>, in command: inout Command) {
    let keys = Set(neighbours.map { $0.key.lowercased() })
    let other = neighbours.first { !command.ranges.contains($0.range) && ArgumentFile.isOfCommand($0.key) }
    if let other { command.unread.append(("`\(other.key)`", "it may be a part of the command, and is not followed")) }
    let isContainer = hasServices || ArgumentFile.containerKeys.contains { keys.contains($0) }
    let start = isPod ? "command" : "entrypoint"
    let isStart = neighbours.contains { $0.key == start && command.ranges.contains($0.range) }
    if isContainer || isPod, !isStart {
      command.unread.append(("the program of the image", "it gets the arguments, and may add to the list"))
    }
  }
}

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
  private var commands: [Command] = []
  /// The first list that is QEMU's as well and has other items than plain strings, or options of which the program is not known.
  private var unplain: Range<Int>?

  /// Nil when no list is QEMU's.
  init?(_ bytes: [UInt8], _ format: InputFormat) {
    guard !bytes.starts(with: "#!".utf8), ["qemu", "kvm", "vfio-pci"].contains(where: { bytes.contains(text: $0) }) else { return nil }
    // A CR alone ends a line of YAML, and is not in TOML.
    guard !zip(bytes, bytes.dropFirst() + [0x0d]).contains(where: { $0 == 0x0d && $1 != 0x0a }) else { return nil }
    guard let values = format == .yaml ? YAMLLists.values(bytes) : TOMLLists.values(bytes) else { return nil }
    (self.bytes, self.values) = (bytes, values)
    // The first of them decide, and a file may have thousands.
    let neighbours = Dictionary(grouping: values.entries.filter(ArgumentFile.mayBePart), by: \.group).mapValues { $0.prefix(16) }
    var others: [Range<Int>] = []
    for entry in values.entries {
      let near = neighbours[entry.group] ?? []
      if let words = entry.value.items, let command = command(entry, words, near) {
        commands.append(command)
      } else if entry.value.isList, mayBeQEMU(entry, near) {
        others.append(entry.range)
      }
    }
    let read = Set(commands.flatMap(\.ranges))
    unplain = others.first { !read.contains($0) }
      ?? values.braces.first { bytes[$0].contains(text: "qemu-system-") || bytes[$0].contains(text: "qemu-kvm") }
    if commands.isEmpty {
      guard let unplain, bytes[unplain].first == UInt8(ascii: "{") || CommandMentions.isListOfQEMU(bytes[unplain]),
        !DeviceMentions.all(in: Array(bytes[unplain])).isEmpty
      else { return nil }
    }
  }

  static func isRecognised(_ bytes: [UInt8], _ format: InputFormat) -> Bool { ArgumentFile(bytes, format) != nil }

  static func parse(_ source: SourceText, _ format: InputFormat, _ follow: FileFollower?) -> ParsedInput {
    let file = ArgumentFile(source.bytes, format)
    if let file, file.commands.isEmpty, let list = file.unplain {
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
    if let other = file.unplain {
      definition.noteUnread("another list of arguments", "it may be QEMU's, and is not followed", other, source)
    }
    file.noteMonitors(command, source, in: &definition)
    definition.noteUnreadCommand(source, outside: command.ranges)
    return definition
  }

  // MARK: - Commands

  private static let anchors = (what: "the file's anchors and tags", reason: "they may be a part of the command, and are not followed")
  private static let programKeys: Set<String> = [
    "command", "cmd", "program", "executable", "exec", "binary", "path", "qemu", "emulator", "entrypoint"
  ]
  private static let argumentKeys: Set<String> = ["args", "arguments", "command"]
  /// Keys whose list is run unchanged.
  private static let commandKeys: Set<String> = ["command", "cmd", "argv", "exec", "run", "entrypoint", "args"]

  /// Parts of the names of keys that may be a part of the command.
  private static let parts = ["arg", "command", "cmd", "entrypoint", "option", "flag", "param", "extends"]
  private static let containerKeys = ["image", "build", "dockerfile"]

  private static func mayBePart(_ entry: KeyedValues.Entry) -> Bool {
    let key = entry.key.lowercased()
    return programKeys.contains(key) || containerKeys.contains(key) || parts.contains(where: key.contains)
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
    } else if let first = words.first, first.hasUnknown || Option.name(first).map(Option.isKnown) == true {
      // The program's own entry, or another list that goes before, has it.
      if neighbours.contains(where: { $0.range != entry.range && $0.value.items.map(startsQEMU) == true }) { return nil }
      let program = neighbours.first { other in
        guard let word = other.value.string, ArgumentFile.programKeys.contains(other.key.lowercased()) else { return false }
        return !word.bytes.contains(0x20) && ShellScript.isEmulator(word)
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

  /// Whether a list that is not read has the form of one of QEMU's.
  private func mayBeQEMU(_ entry: KeyedValues.Entry, _ neighbours: ArraySlice<KeyedValues.Entry>) -> Bool {
    let text = bytes[entry.range]
    if let words = entry.value.items {
      return Option.name(words.first ?? Word([], at: 0)).map(Option.isKnown) == true && text.contains(text: "-device")
        || neighbours.contains { $0.range != entry.range && $0.value.items.map(startsQEMU) == true } && words.contains(where: \.hasUnknown)
    }
    if CommandMentions.isListOfQEMU(text) || text.contains(text: "-device") { return true }
    return ArgumentFile.argumentKeys.contains(entry.key.lowercased())
      && neighbours.contains { $0.value.string.map(ShellScript.isEmulator) == true }
  }

  /// Notes texts that a program may send to a monitor of the command.
  private func noteMonitors(_ command: Command, _ source: SourceText, in definition: inout ParsedInput) {
    let options = definition.machine.options.compactMap { option in option.value.string.map { (option.name, $0) } }
    let uses = MonitorClients.addresses(of: options).flatMap(bytes.indices).first { at in !command.ranges.contains { $0.contains(at) } }
    let readsInput = command.words.contains { $0.text == "-nographic" || $0.text.contains("stdio") }
    let input = readsInput ? bytes.indices(of: Array("stdin:".utf8)).first : nil
    guard let place = uses ?? input else { return }
    definition.noteUnread("the text that a command sends to QEMU's monitor", "it is not read", place..<place + 1, source)
  }

  private func startsQEMU(_ words: [Word]) -> Bool {
    // A container has the device of that name.
    let isEmulator: (Word) -> Bool = { !$0.bytes.contains(0x20) && !$0.text.hasPrefix("/dev/") && ShellScript.isEmulator($0) }
    switch ShellRunner.target(of: words, isEmulator: isEmulator) {
    case .emulator: return true
    case .text(let index): return ["qemu-system-", "qemu-kvm", "vfio-pci,"].contains { words[index].bytes.contains(text: $0) }
    case .other: return false
    }
  }

  /// Notes what a container adds, and neighbours that may be a part of the command.
  private func noteNeighbours(_ neighbours: ArraySlice<KeyedValues.Entry>, in command: inout Command) {
    let keys = Set(neighbours.map { $0.key.lowercased() })
    let other = neighbours.first { entry in
      !command.ranges.contains(entry.range) && ArgumentFile.parts.contains(where: entry.key.lowercased().contains)
    }
    if let other { command.unread.append(("`\(other.key)`", "it may be a part of the command, and is not followed")) }
    let isPod = bytes.contains(text: "apiVersion:")
    let isContainer = ArgumentFile.containerKeys.contains { keys.contains($0) } || bytes.contains(text: "services:")
    let start = isPod ? "command" : "entrypoint"
    let isStart = neighbours.contains { $0.key == start && command.ranges.contains($0.range) }
    if isContainer || isPod, !isStart {
      command.unread.append(("the program of the image", "it gets the arguments, and may add to the list"))
    }
  }
}

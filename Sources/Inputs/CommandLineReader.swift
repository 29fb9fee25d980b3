import Facts
import Syntax

/// A QEMU command line, word by word, to a machine request.
struct CommandLineReader {
  var definition: ParsedInput
  let source: SourceText
  /// Number of occurrences of each option, for the path `-device[2]`.
  private var counts: [String: Int] = [:]
  /// The key=value devices of each id, in their order, and the properties that `-set` adds to devices, each by its index: one reads all
  /// of its properties when one is added.
  var keyValueDevices: [String: [Int]] = [:]
  /// Whether a device has an id that only the shell knows.
  var hasOpenID = false
  var added: [Int: [Property]] = [:]
  /// Reads configuration files; nil leaves them out.
  let follow: FileFollower?
  /// Whether a word that is `$NAME` becomes any number of words, as for systemd (systemd.service(5), Command Lines).
  private let splitsVariables: Bool
  /// The groups of which options that are not read here, of another program, have made items.
  let madeBefore: Set<String>
  /// Whether QEMU reads the options, as far as the program's name shows it.
  private var isReadByQEMU = true

  /// Options that another program appends to its own for QEMU. A word that belongs to none is a disk image.
  /// - Parameter groups: those of its own options, as far as they are written as key=value.
  init(_ source: SourceText, options: [Word], after groups: Set<String>) {
    self.source = source
    follow = nil
    splitsVariables = false
    madeBefore = groups
    definition = ParsedInput(machine: MachineConfig(source: source.name, emulator: nil))
    read(options[...])
  }

  init(_ source: SourceText, words: [Word], follow: FileFollower? = nil, splitsVariables: Bool = false) {
    self.source = source
    self.follow = follow
    self.splitsVariables = splitsVariables
    madeBefore = []
    definition = ParsedInput(machine: MachineConfig(source: source.name, emulator: nil))
    var rest = words[...]
    // Words before QEMU: `exec`, `sudo`, an assignment.
    let start = CommandLineReader.start(of: rest)
    if let start { rest = rest[start...] }
    // Some other program: nothing of it is known.
    let isForeign = start.map { $0 > words.startIndex && !CommandLineReader.isStarted(by: words[..<$0], words) } ?? true
    isReadByQEMU = !isForeign
    if isForeign, let program = words.first(where: { !ShellRunner.isAssignment($0.text) }) {
      definition.machine.unreadParts.append(
        UnreadPart(
          what: "the program `\(program.text)`", reason: "it is not QEMU, nor known to start one with these options alone",
          location: location(program, "argument")))
    }
    if let first = rest.first, first.bytes.first != UInt8(ascii: "-") {
      definition.machine.emulator = first.text.fileName
      definition.machine.program = first.hasUnknown ? nil : first.text
      definition.readElements.append(location(first, "program"))
      if !first.hasUnknown, let name = first.text.fileName, !InputFormat.isNamedLikeEmulator(name) {
        isReadByQEMU = false
        definition.machine.unreadParts.append(
          UnreadPart(
            what: "the emulator `\(first.text)`", reason: "by its name it is not QEMU, and may add devices",
            location: location(first, "argument")))
      }
      rest = rest.dropFirst()
      let isDaemon = words[..<rest.startIndex].contains { $0.text.fileName == "start-stop-daemon" }
      if isDaemon, rest.first?.text == "--" { rest = rest.dropFirst() }
    }
    // An array that the emulator is in may hold its options too.
    for word in words[..<rest.startIndex] where word.startsUnknown && word.text.contains("[") {
      unknown(word, location(word, "argument"))
    }
    if definition.machine.emulator != nil, !rest.contains(where: { Option.name($0) == "no-user-config" }) { readDefaultConfig() }
    read(rest)
  }

  /// A file of `-readconfig` without a command line.
  init(_ source: SourceText, configuration: IniText) {
    self.init(source, words: [])
    read(configuration, of: source.name)
    // Incus and LXD give -nodefaults beside their file (Incus internal/server/instance/drivers/driver_qemu.go).
    if definition.machine.devices.contains(where: { $0.id?.hasPrefix("qemu_pcie") == true }) {
      note("nodefaults", "", Location(source: source.name, range: nil, path: "-nodefaults"))
    } else {
      definition.machine.hasUnknownDefaults = true
    }
  }

  /// The emulator's word, or its first option. `sudo -u qemu` has options of its own.
  private static func start(of words: ArraySlice<Word>) -> Int? {
    if words.first?.bytes.first == UInt8(ascii: "-") { return words.startIndex }
    let command = words.drop { ShellScript.keywords.contains($0.text) }
    if case .emulator(let index) = ShellRunner.target(of: Array(command), isEmulator: ShellScript.isEmulator) {
      return command.startIndex + index
    }
    return words.firstIndex { InputFormat.isEmulator($0.text) && $0.text != "qemu" }
      ?? words.firstIndex { $0.bytes.first == UInt8(ascii: "-") || isEmulator($0.text) }
  }

  /// Whether the words before QEMU's are programs that start it, with their options, or assignments.
  private static func isStarted(by before: ArraySlice<Word>, _ words: [Word]) -> Bool {
    let runners = before.drop { ShellScript.keywords.contains($0.text) || ShellRunner.isAssignment($0.text) }
    let target = ShellRunner.target(of: Array(words[runners.startIndex...]), isEmulator: ShellScript.isEmulator)
    return runners.isEmpty || target == .emulator(runners.count)
  }

  private static func isEmulator(_ word: String) -> Bool {
    word.fileName.map { $0.hasPrefix("qemu") || $0 == "kvm" } ?? false
  }

  private mutating func read(_ words: ArraySlice<Word>) {
    defer {
      addProperties()
      definition.noteFilesOfMonitors()
    }
    var rest = words
    // A text that only the shell knows may end in an option, of which the next word is the argument.
    var mayBeArgument = false
    while let word = rest.popFirst() {
      let isArgument = mayBeArgument
      mayBeArgument = false
      guard let name = Option.name(word) else {
        // A disk image, or a text that only the shell or a template's reader knows.
        if word.startsUnknown || TemplatePlaceholder.omits(word.bytes) {
          unknown(word, location(word, "argument"))
          mayBeArgument = true
        } else if isArgument {
          unknown(word, location(word, "argument"))
        } else if definition.problems.count < CommandLineReader.unreadLimit,
          let problem = StrayArgument.problem(word, after: words[..<rest.startIndex].dropLast().last, location(word, "argument"))
        {
          definition.problems.append(problem)
        } else {
          if word.bytes.isEmpty {
            let reason = "QEMU opens it as a disk, and stops with `Device needs media, but drive is empty`"
            definition.machine.unreadParts.append(
              UnreadPart(what: "an empty argument", reason: reason, location: location(word, "argument")))
          }
          if !word.bytes.isEmpty, !StrayArgument.isLikeFile(word), definition.machine.unreadParts.count < CommandLineReader.unreadLimit {
            definition.machine.unreadParts.append(
              UnreadPart(
                what: "the argument `\(word.text)`", reason: "QEMU opens it as a disk image, and stops where there is none",
                location: location(word, "argument")))
          }
          // QEMU reads a disk image as the argument of -hda.
          note("hda", word.text, location(word, "disk"))
        }
        continue
      }
      let index = counts[name, default: 0]
      counts[name] = index + 1
      let path = "-\(name)[\(index)]"
      if word.hasUnknown {
        unknown(word, location(word, "argument"))
        if let next = rest.first, Option.name(next) == nil { rest.removeFirst() }
      } else if !Option.isKnown(name) {
        invalid(name, word.text, location(word, path))
        // Its argument is not an option.
        if let next = rest.first, Option.name(next) == nil { rest.removeFirst() }
      } else if Option.withoutArgument.contains(name) {
        note(name, "", location(word, path))
        if ["h", "help", "version", "audio-help"].contains(name) {
          definition.machine.unreadParts.append(
            UnreadPart(what: "guest behind `\(word.text)`", reason: "QEMU prints it and starts none", location: location(word, path)))
        }
      } else if let argument = rest.popFirst() {
        option(name, argument, path)
      } else {
        definition.problems.append(
          InputProblem(
            message: "option `-\(name)` has no argument", fix: "give the argument, or take the option out",
            location: location(word, path)))
      }
    }
  }

  /// QEMU stops at an option that it does not have (QEMU system/vl.c: lookup_opt). One that resembles another is an error, and so is
  /// one with a character that no option's name has, as in `-device=vfio-pci`; any other may be of a QEMU that is not known here.
  private mutating func invalid(_ name: String, _ text: String, _ place: Location) {
    let head = String(name.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") })
    func refuse(_ fix: String) {
      let opening = head.count < name.count ? "QEMU gets `\(text)` as one argument" : "QEMU has no option `\(text)`"
      definition.problems.append(InputProblem(message: "\(opening) and stops: `\(text): invalid option`", fix: fix, location: place))
    }
    if isReadByQEMU, head.count < name.count {
      let argument = name.dropFirst(head.count + 1).drop { $0 == " " }
      if Option.withoutArgument.contains(head) { return refuse("write `-\(head)`, which has no argument") }
      if Option.withArgument.contains(head) { return refuse("give `-\(head)` and `\(argument)` as two arguments") }
      return refuse("write the name of an option, and its argument behind a blank")
    }
    if isReadByQEMU, let meant = Option.meant(by: name) { return refuse("write `-\(meant)`") }
    definition.machine.unreadParts.append(
      UnreadPart(what: "option `\(text)`", reason: "it is not an option of QEMU up to 11.1", location: place))
  }

  private mutating func option(_ name: String, _ argument: Word, _ path: String) {
    let whole = location(argument, path)
    if argument.hasUnknown { definition.machine.shellLocations.insert(whole) }
    // A list may have more items than this argument, and those are options.
    // A name of one letter is a specifier, `%i`, which is one word.
    let isVariable = argument.bytes.count > 2 && argument.bytes.first == UInt8(ascii: "$")
      && argument.bytes.dropFirst().allSatisfy(\.isShellNameByte)
    let isReported = ["device", "object", "global", "set", "readconfig"].contains(name)
    if argument.isList || splitsVariables && isVariable, !isReported { unknown(argument, whole) }
    if HelpRequest.isOne(argument.text, of: name) { return help(name, argument, whole) }
    switch name {
    case "device":
      if hasUnknownName(argument) { return unknown(argument, whole) }
      guard let device = device(argument, whole) else { return }
      device.asksForHelp ? help(name, argument, whole) : append(device)
    case "object":
      if hasUnknownName(argument) { return unknown(argument, whole) }
      guard let properties = properties(argument, whole, implied: "qom-type") else { return }
      definition.machine.objects.append(
        ObjectRequest(properties: properties, location: whole, isJSON: argument.bytes.first == UInt8(ascii: "{")))
      // Any object may have that id.
      if properties.contains(where: { $0.name == "id" && $0.value.string == nil }) { unknown(argument, whole) }
    case "machine", "M": definition.machine.machine += machine(argument, whole)
    case "global": global(argument, whole)
    case "set": set(argument, whole)
    case "readconfig":
      if argument.hasUnknown { return unknown(argument, whole) }
      readConfig(argument, whole)
    default:
      if CommandLineReader.jsonOptions.contains(name) { readMembers(argument, whole) }
      note(name, argument.isOpen(of: name) ? "$(...)" : argument.text, whole)
    }
  }

  /// Whether the shell decides which driver or which property it is: then it may be any device.
  private func hasUnknownName(_ argument: Word) -> Bool {
    if argument.startsUnknown { return true }
    if TemplatePlaceholder.isOpen(argument.text) { return true }
    guard argument.hasUnknown else { return false }
    if argument.bytes.first == UInt8(ascii: "{") {
      // A value without quotes is not JSON before the shell has replaced it.
      guard let json = try? JSON.parse(JSON.inDoubleQuotes(argument.bytes)) else { return true }
      return ["driver", "qom-type"].contains { json[$0]?.string?.contains { $0 == "$" || $0 == "`" } == true }
    }
    return KeyValueText(argument.bytes, implied: "driver").items.contains { item in
      item.key.contains { $0 == "$" || $0 == "`" }
        || ["driver", "qom-type"].contains(item.key) && item.value.contains { $0 == "$" || $0 == "`" }
    }
  }

  /// Limit of parts that are reported as unread, and of arguments that are errors: one decides.
  private static let unreadLimit = 1000

  /// Records an argument that only the shell, or who reads a template, knows: it may be any device.
  mutating func unknown(_ word: Word, _ place: Location) {
    // The word has only a mark for a text with blanks.
    if definition.machine.unreadParts.count >= CommandLineReader.unreadLimit { return }
    let isMarked = word.text.contains("(...)") && word.range.upperBound <= source.bytes.count
    let written = isMarked ? Array(source.bytes[word.range].prefix(60)) : Array(word.bytes.prefix(1024))
    let isTemplates = TemplatePlaceholder.begins(written)
    let text = String(decoding: written, as: UTF8.self)
    let reason = isTemplates ? "it is a placeholder of a template" : "only the shell knows it"
    if definition.machine.missingPart == nil { definition.machine.missingPart = "the value of `\(text)`: \(reason)" }
    definition.machine.unreadParts.append(UnreadPart(what: "value of `\(text)`", reason: reason, location: place))
  }

  /// Options that name a block node.
  private static let disks: Set<String> = ["drive", "blockdev", "hda", "hdb", "hdc", "hdd", "cdrom", "sd", "pflash", "mtdblock"]

  mutating func note(_ name: String, _ argument: String, _ location: Location) {
    if CommandLineReader.disks.contains(name), let disk = HostStorage(text: argument) {
      definition.machine.unreadParts.append(disk.part(at: location))
    }
    // QEMU reads it as that (system/vl.c: qemu_init).
    if name == "enable-kvm" { return definition.machine.machine.append(Property(name: "accel", value: .string("kvm"), location: location)) }
    definition.machine.options.append(Property(name: name, value: .string(argument), location: location))
  }

  private func location(_ word: Word, _ path: String) -> Location { Location(source: source.name, range: word.range, path: path) }

  private mutating func device(_ word: Word, _ whole: Location) -> DeviceRequest? {
    guard let properties = properties(word, whole, implied: "driver") else { return nil }
    let form: DeviceRequest.Form = word.bytes.first == UInt8(ascii: "{") ? .json : .keyval
    return DeviceRequest(form: form, plug: .cold, properties: properties, location: whole)
  }

  /// JSON exactly when the first byte is `{`; a leading blank makes it key=value text.
  private mutating func properties(_ word: Word, _ whole: Location, implied: String) -> [Property]? {
    guard word.bytes.first == UInt8(ascii: "{") else { return keyval(word, whole, implied: implied) }
    do {
      return try JSONProperties.read(word, keys: [], source: source.name, path: whole.path, isStream: false)
    } catch {
      definition.problems.append(JSONProperties.problem(error, in: word, source: source.name, path: whole.path))
      return nil
    }
  }

  func keyval(_ word: Word, _ whole: Location, implied: String) -> [Property] {
    KeyValueProperties.read(word, source: source.name, path: whole.path, implied: implied)
  }
}

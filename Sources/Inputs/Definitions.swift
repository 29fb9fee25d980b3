import Facts
import Syntax

/// A text that asks something of QEMU, lowered to facts. Text that cannot be read is a problem with a location.
public struct ParsedInput: Sendable {
  /// The machine that the text describes, or that the plugs go into.
  public var machine: MachineConfig
  /// `device_add` requests into a running machine, in order.
  public var plugs: [DeviceRequest] = []
  /// Errors in the text.
  public var problems: [InputProblem] = []
  /// Files that it refers to and that were read.
  public var sources: [SourceText] = []
  /// Allowances in comments of the text.
  public var allowances: [Policy.Allowance] = []
  /// Devices that comments of the text expect.
  public var pins: [Policy.Pin] = []
  /// Whether it is a domain without passthrough, which was not converted because no rule reports anything for it.
  var isWithoutPassthrough = false
  /// Set when the text is not a definition: what it looks like, and the way to one. Nothing else is set then.
  public var unrecognised: String?
  /// Places that a reader understood and that ask nothing of the host, such as a USB `<hostdev>`.
  var readElements: [Location] = []
  /// The line that it begins in, when the text holds other definitions too.
  public internal(set) var firstLine: Int?
  /// The text and the position that a document of libvirt's was read from; nil of other formats.
  var document: (source: SourceText, start: Int)?
  /// The machine of Proxmox that it was lowered from; to be lowered again when the host is known.
  public var proxmox: ProxmoxMachine?
}

/// The format of a definition.
public enum InputFormat: String, Sendable, CaseIterable {
  /// One command as typed into a shell.
  case shell
  /// One argument a line.
  case lines
  /// Arguments that end in NUL, as /proc/PID/cmdline has them.
  case nul
  /// QMP commands, or the arguments of a `device_add`.
  case qmp
  /// A libvirt domain, or devices of one.
  case xml
  /// A human monitor's commands, one a line.
  case hmp
  /// A file of `-readconfig`.
  case readconfig
  /// A Proxmox VE virtual machine, `/etc/pve/qemu-server/VMID.conf`.
  case proxmox
  /// A systemd service whose `ExecStart=` is QEMU.
  case systemd
  /// A command line as a JSON list of strings.
  case list = "json"
  /// A Python program with a command line as a list of strings.
  case python
  /// A YAML file of another program with a command line as a list of strings.
  case yaml
  /// The same in TOML, or in HCL.
  case toml
  /// libvirt's log of a guest, `/var/log/libvirt/qemu/NAME.log`.
  case libvirtLog = "libvirt-log"
}

extension ParsedInput {
  /// The size of the largest file that is read, in bytes.
  public static let maximumSize = XMLTree.maximumSize

  /// The configuration file that a QEMU reads unless it has `-no-user-config`: that of a distribution, or of a build for /usr/local. Nil
  /// for a program elsewhere, which has it in a folder that only its build knows.
  public static func defaultConfig(of program: String?) -> String? {
    guard let program, program.contains("/") else { return "/etc/qemu/qemu.conf" }
    if program.hasPrefix("/usr/local/") { return "/usr/local/etc/qemu/qemu.conf" }
    return ["/usr/", "/bin/"].contains(where: program.hasPrefix) ? "/etc/qemu/qemu.conf" : nil
  }
  /// The size of the largest command line or stream of commands that is read, in bytes; QEMU's own are far smaller.
  private static let maximumOptionsSize = 4 << 20

  /// The part of a libvirt domain that is lowered; all other formats are lowered whole.
  public enum Extent: Sendable {
    case all
    /// Nothing where it plainly has no passthrough: then nothing is said about it.
    case passthrough
  }

  /// - Parameters:
  ///   - detected: the text's own format, where the caller has determined it.
  ///   - follow: reads the files of `-readconfig`; without it they stay unread, and the machine incomplete.
  public static func parse(
    _ source: SourceText, as format: InputFormat? = nil, detected: InputFormat? = nil, follow: FileFollower? = nil, extent: Extent = .all
  ) -> ParsedInput {
    guard isReadable(source, as: format) else {
      let limit = limit(of: source, as: format)
      return .empty(source, "the definition is larger than \(limit) bytes and was not read")
    }
    // A caller that knows the format has the whole text; a file may have been cut.
    let isWhole = format != nil
    guard let format = format ?? detected ?? .detect(source.bytes) else {
      return .unrecognised(source, UnrecognisedInput.describe(source.bytes))
    }
    guard source.bytes.contains(where: { $0 > 0x20 }) else { return .empty(source, "the definition is empty") }
    if format == .xml { return onlyDocument(source, extent) }
    let hasMark = format != .yaml && source.bytes.starts(with: [0xef, 0xbb, 0xbf]) && !ShellScript.isScript(source.bytes)
    let text = hasMark ? SourceText(name: source.name, bytes: SourceText.withoutMark(source.bytes)) : source
    var definition = parse(text, format, follow, extent)
    // Proxmox's configuration is lowered again for each host, and only a part of it starts.
    if format != .proxmox { definition.noteUnreadDevices(source, in: 0..<source.bytes.count) }
    if [.shell, .python, .yaml, .toml, .systemd].contains(format) { definition.noteHotPlug(source) }
    definition.noteUnreadPins(source)
    if !isWhole { definition.noteCut(source, format) }
    return definition
  }

  /// Whether a text is not larger than what is read of its format.
  static func isReadable(_ source: SourceText, as format: InputFormat?) -> Bool {
    source.bytes.count <= limit(of: source, as: format)
  }

  private static func limit(of source: SourceText, as format: InputFormat?) -> Int {
    let isXML = format.map { $0 == .xml } ?? (source.bytes.first { $0 > 0x20 } == UInt8(ascii: "<"))
    return isXML ? maximumSize : maximumOptionsSize
  }

  /// The document of a text that holds one: `ParsedInputs` reads several.
  private static func onlyDocument(_ source: SourceText, _ extent: Extent) -> ParsedInput {
    var documents = LibvirtDocuments(source, extent)
    guard let first = documents.next() else { return .empty(source, "the definition holds no document") }
    guard first.firstLine == nil else {
      return .unreadable(
        source, "the text holds several XML documents, where one is expected", at: 0..<1, fix: "give each a file of its own")
    }
    return first
  }

  private static func parse(
    _ source: SourceText, _ format: InputFormat, _ follow: FileFollower?, _ extent: Extent
  ) -> ParsedInput {
    switch format {
    case .xml: return onlyDocument(source, extent)
    case .qmp: return QMPReader(source).definition
    case .hmp: return HMPReader.parse(source)
    case .proxmox:
      return ProxmoxMachine(source, follow: follow).lowered(isArm: nil) { _ in .unknown("functions", "no host was inspected") }
    case .systemd:
      guard let service = YAMLBlocks(source.bytes)?.service else { return SystemdUnit.parse(source, follow) }
      let only = EmbeddedCommand.only([service], of: source.bytes)
      var definition = SystemdUnit.parse(SourceText(name: source.name, bytes: only), follow)
      definition.noteUnreadCommand(source, outside: [service])
      return definition
    case .libvirtLog: return LibvirtLog.parse(source, follow)
    case .readconfig: return CommandLineReader(source, configuration: IniText(source.bytes, isStrict: true)).definition
    case .python: return PythonArguments.parse(source, follow)
    case .yaml, .toml: return ArgumentFile.parse(source, format, follow)
    case .list:
      guard let words = ArgumentList.words(source.bytes) else {
        return unreadable(
          source, "the text is not a JSON list of strings", at: 0..<min(1, source.bytes.count),
          fix: "write every argument as a string of its own")
      }
      return CommandLineReader(source, words: words, follow: follow).definition
    case .nul: return CommandLineReader(source, words: split(source.bytes, at: 0), follow: follow).definition
    case .lines:
      let all = split(source.bytes, at: 0x0a)
      let words = all.filter { $0.bytes.first != UInt8(ascii: "#") }
      var definition = CommandLineReader(source, words: words, follow: follow).definition
      let comments = all.filter { $0.bytes.first == UInt8(ascii: "#") }.map(\.range)
      CommandComments(source: source, words: words).read(comments, into: &definition)
      return definition
    case .shell:
      var parsed = parse(shell: source, follow)
      if let place = MakeText.otherShell(just: source.bytes) {
        parsed.noteUnread("the recipes", "just does not give them to a plain shell", place, source)
      }
      return parsed
    }
  }

  private static func parse(shell source: SourceText, _ follow: FileFollower?) -> ParsedInput {
    if let make = MakeText.recipes(source.bytes) {
      var parsed = parse(script: ShellScript(make), source, follow)
      if let place = make.otherShell {
        parsed.noteUnread("the recipes", "make does not give them to a plain shell", place, source)
      }
      return parsed
    }
    if let script = YAMLBlocks(source.bytes)?.script { return parse(script: ShellScript(script), source, follow) }
    let script = ShellScript(source.bytes)
    if ShellScript.isScript(source.bytes) { return parse(script: script, source, follow) }
    // Without a line that names a shell, options may go over lines that no backslash joins: one command.
    if script.strays.isEmpty || script.hasForgottenBackslash, script.command != nil || script.hasInnerCommand {
      return parse(script: script, source, follow)
    }
    let isCommand = script.command != nil || InputFormat.beginsWithArgument(source.bytes)
    return isCommand ? parse(command: source, follow) : parse(withoutCommand: script, source)
  }

  /// A text that no reader knows: nothing of it may be called safe.
  /// - Parameter what: what it looks like, and the way to a definition.
  static func unrecognised(_ source: SourceText, _ what: String) -> ParsedInput {
    var definition = ParsedInput(machine: MachineConfig(source: source.name, emulator: nil, missingPart: "not a definition"))
    definition.unrecognised = what
    return definition
  }

  /// The path of a variable's assignment among `readElements`.
  static let assignment = "assignment"

  /// - Parameter restore: the byte that each byte of a word stands for.
  static func parse(
    command source: SourceText, _ follow: FileFollower?, _ arrays: ShellArrays = ShellArrays(),
    restore: ((UInt8) -> UInt8)? = nil
  ) -> ParsedInput {
    let (split, words, uses) = arrays.split(source.bytes, at: 0)
    let list = restore.map { restore in split.map { $0.mapping(restore) } } ?? split
    var reader = CommandLineReader(source, words: list, follow: follow, splitsVariables: restore != nil)
    var problems = words.problems
    // A shell has no command before it, and PowerShell calls a program by it.
    if words.words.isEmpty, let first = problems.first, source.bytes[first.range].elementsEqual("&".utf8) {
      reader.definition.noteUnread("the command behind `&`", "the operator is PowerShell's, which is not read", first.range, source)
      problems = []
    }
    reader.definition.problems += problems.map { problem in
      InputProblem(
        message: problem.message, fix: "give one plain command, its quotes closed",
        location: Location(source: source.name, range: problem.range, path: ""))
    }
    // One decides, and a line may have thousands.
    for document in words.documents.prefix(64) {
      reader.definition.noteUnread("the here document", "QEMU may read commands from it", document, source)
    }
    CommandComments(source: source, words: list).read(words.comments, into: &reader.definition)
    if restore == nil, let last = source.bytes.firstRange(of: [0x0d, 0x0a]) {
      reader.definition.machine.carriageReturn = Location(source: source.name, range: last, path: "")
    }
    reader.definition.readElements += arrays.variables.places(of: uses).map {
      Location(source: source.name, range: $0, path: assignment)
    }
    return reader.definition
  }

  private static func empty(_ source: SourceText, _ message: String) -> ParsedInput {
    let location = Location(source: source.name, range: 0..<min(1, source.bytes.count), path: "")
    return ParsedInput(
      machine: MachineConfig(source: source.name, emulator: nil, missingPart: message),
      problems: [InputProblem(message: message, fix: "give a QEMU command line, a QMP command or a libvirt domain", location: location)])
  }

  /// Arguments one by one. A line's end may be CR LF, and blank lines are none.
  private static func split(_ bytes: [UInt8], at separator: UInt8) -> [Word] {
    var words: [Word] = []
    var start = 0
    for end in bytes.indices + [bytes.count] where end == bytes.count || bytes[end] == separator {
      var piece = Array(bytes[start..<end])
      if separator == 0x0a {
        if piece.last == 0x0d { piece.removeLast() }
        if !piece.isEmpty { words.append(Word(piece, at: start)) }
      } else if end < bytes.count || !piece.isEmpty {
        words.append(Word(piece, at: start))
      }
      start = end + 1
    }
    return words
  }
}

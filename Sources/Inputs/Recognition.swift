import Syntax

extension InputFormat {
  /// The format of a text, by its content.
  /// - Parameter isPart: only the beginning of the text is given.
  /// - Returns: nil when it is not recognised; `UnrecognisedInput.describe` says what it looks like.
  public static func detect(_ bytes: [UInt8], isPart: Bool = false) -> InputFormat? {
    let bytes = UTF16Text.utf8(bytes, isPart: isPart) ?? bytes
    let text = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes[3...] : bytes[...]
    guard let first = text.first(where: { $0 > 0x20 }) else { return nil }
    if SourceText.holdsNUL(bytes) { return startsWithEmulator(bytes) ? .nul : nil }
    // `<- {"return": {}}` begins a transcript.
    if UnrecognisedInput.isTemplate(bytes) { return nil }
    if first == UInt8(ascii: "<"), !startsAfterRemarks(bytes, ["<- "]) {
      return UnrecognisedInput.isPartOfXML(bytes, from: text.startIndex) ? nil : .xml
    }
    if ShellScript.isScript(bytes) { return .shell }
    if bytes.starts(with: "#!".utf8) { return PythonArguments.isRecognised(bytes) ? .python : nil }
    return detect(text: SourceText.withoutMark(bytes), marked: bytes, first, isPart)
  }

  /// The format of a text that is neither XML nor a script.
  /// - Parameter marked: the text with its byte order mark, behind which the columns of YAML begin.
  private static func detect(text bytes: [UInt8], marked: [UInt8], _ first: UInt8, _ isPart: Bool) -> InputFormat? {
    if UnrecognisedInput.isManualPage(bytes) { return nil }
    // Its first byte and a device in JSON are those of a QMP array.
    if SystemdUnit.isService(bytes) { return SystemdUnit.isRelevant(bytes) ? .systemd : nil }
    if let format = json(bytes, first, isPart) { return format }
    // Whole JSON is nothing else, regardless of the words in its strings.
    if first == UInt8(ascii: "{"), !isPart, (try? JSON.parse(bytes)) != nil { return nil }
    if LibvirtLog.isRecognised(bytes) { return .libvirtLog }
    if isReadConfig(bytes) { return .readconfig }
    if ProxmoxConfig.isRecognised(bytes) { return .proxmox }
    if HMPReader.isRecognised(bytes) { return .hmp }
    if ArgumentFile.isRecognised(marked, .yaml) { return .yaml }
    if ArgumentFile.isRecognised(bytes, .toml) { return .toml }
    if PythonArguments.isRecognised(bytes) { return .python }
    if let format = commandLine(bytes) { return format }
    guard let start = LibvirtDocument.embedded(bytes), !UnrecognisedInput.isPartOfXML(bytes) else { return nil }
    // A manual's `<domain>` is a place holder, and nothing closes it.
    return isPart || LibvirtDocument.isClosed(bytes, from: start) ? .xml : nil
  }

  /// The format of a file that was not named, such as one in a directory: nil when it is not a definition, as most
  /// are not.
  /// - Parameter head: the file, or its beginning.
  public static func recognise(_ head: [UInt8]) -> InputFormat? {
    guard let format = detect(head, isPart: true) else { return nil }
    if let text = UnrecognisedInput.withoutFencedBlocks(head), detect(text, isPart: true) == nil { return nil }
    switch format {
    case .xml:
      let text = UTF16Text.utf8(head, isPart: true) ?? head
      return LibvirtDocument.isRelevant(text) || LibvirtDocument.isAfterHeading(text) ? .xml : nil
    // Programs that start QEMU without a device, such as tests, are many.
    case .python, .yaml, .toml: return DeviceMentions.all(in: head).isEmpty ? nil : format
    case .shell: return !ShellScript.isScript(head) || isGuestScript(head, ShellScript(head)) ? .shell : nil
    default: return format
    }
  }

  /// The line in which a text that is not a definition mentions a host device; nil where none does, or only an example.
  public static func mention(_ head: [UInt8]) -> Int? {
    let text = UTF16Text.head(head) ?? head
    guard let place = DeviceMentions.all(in: text).first else { return nil }
    if let prose = UnrecognisedInput.withoutFencedBlocks(text), DeviceMentions.all(in: prose).isEmpty { return nil }
    return SourceText(name: "", bytes: text).position(of: place.lowerBound).line
  }

  /// `qemu-system-x86_64`, `/usr/libexec/qemu-kvm`, `kvm`.
  static func isEmulator(_ word: String) -> Bool {
    let name = word.fileName ?? ""
    return name.hasPrefix("qemu-system-") && !isOfOtherLanguage(name) || name == "qemu-kvm" || name == "qemu" || name == "kvm"
  }

  /// Whether a word continues as a list of another language does: `qemu-system-x86_64","-m"`.
  private static func isOfOtherLanguage(_ name: String) -> Bool { name.utf8.contains { ",;\"'()[]".utf8.contains($0) } }

  /// Whether a file's name is that of an emulator, as distributions name it or with a prefix, and not that of a script of the user's
  /// own that starts QEMU with further options.
  public static func isNamedLikeEmulator(_ name: String) -> Bool {
    // Nearly every definition's.
    if name == "qemu-system-x86_64" || name == "qemu-system-aarch64" { return true }
    let bytes = Array(name.utf8)
    var isEmulator = ["qemu", "kvm", "kvm-spice"].contains(name) || name.hasPrefix("qemu-kvm")
    if let start = bytes.firstRange(of: Array("qemu-system-".utf8))?.upperBound {
      let architecture = bytes[start...].prefix { $0.isASCIILetterOrDigit || $0 == UInt8(ascii: "_") }
      isEmulator = architectures.contains(String(decoding: architecture, as: UTF8.self))
    }
    let languages = [".sh", ".bash", ".zsh", ".ksh", ".fish", ".py", ".pl", ".rb", ".lua", ".cmd"]
    return isEmulator && !isOfOtherLanguage(name) && !languages.contains(where: name.hasSuffix)
      && !["wrapper", "launch", "hook", "script"].contains { bytes.contains(text: $0) }
  }

  /// Architectures that QEMU emulates, as in the names of its programs (QEMU configs/targets).
  private static let architectures: Set<String> = [
    "x86_64", "i386", "aarch64", "arm", "alpha", "avr", "cris", "hppa", "loongarch64", "m68k", "microblaze", "microblazeel",
    "mips", "mips64", "mips64el", "mipsel", "nios2", "or1k", "ppc", "ppc64", "riscv32", "riscv64", "rx", "s390x", "sh4", "sh4eb",
    "sparc", "sparc64", "tricore", "xtensa", "xtensaeb"
  ]

  private static func startsWithEmulator(_ bytes: [UInt8]) -> Bool {
    isEmulator(String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self))
  }

  // MARK: - JSON

  /// QMP, or a command line as a list. Text that is not JSON counts by its beginning: it is malformed, which is a
  /// finding with a place.
  private static func json(_ bytes: [UInt8], _ first: UInt8, _ isPart: Bool) -> InputFormat? {
    switch first {
    case UInt8(ascii: "{"): return isQMP(bytes) ? .qmp : nil
    case UInt8(ascii: "["):
      if let words = ArgumentList.words(bytes) { return ArgumentList.mayBeQEMU(words, bytes) ? .list : nil }
      // One with other items than strings is a list that cannot be read.
      if ArgumentList.beginsWithQEMU(bytes) { return .list }
      return isQMPList(bytes) ? .qmp : nil
    case UInt8(ascii: "-") where startsAfterRemarks(bytes, ["-> "]): return .qmp
    default: return startsAfterRemarks(bytes, ["{", "-> ", "<- "]) && isQMP(bytes) ? .qmp : nil
    }
  }

  /// A transcript may begin with remarks.
  private static func startsAfterRemarks(_ bytes: [UInt8], _ marks: [String]) -> Bool {
    var text = bytes[...]
    while true {
      text = text.drop { $0 <= 0x20 }
      guard text.first == UInt8(ascii: "#") else { break }
      text = text.drop { $0 != 0x0a }
    }
    return marks.contains { text.starts(with: $0.utf8) }
  }

  /// A message of QMP or the arguments of a command among the values; where one cannot be parsed, its words decide.
  private static func isQMP(_ bytes: [UInt8]) -> Bool {
    let text = Transcript.messages(JSON.inDoubleQuotes(bytes))
    for range in JSONPlaces(text).values.prefix(64) {
      guard let value = try? JSON.parse(Array(text[range])) else { return mentionsQMP(bytes) }
      if isMessage(value) { return true }
    }
    return false
  }

  private static func isQMPList(_ bytes: [UInt8]) -> Bool {
    guard let value = try? JSON.parse(JSON.inDoubleQuotes(bytes)) else { return mentionsQMP(bytes) }
    guard case .array(let items) = value else { return false }
    return items.contains(where: isMessage)
  }

  private static func isMessage(_ value: JSON) -> Bool {
    ["execute", "exec-oob", "driver", "QMP", "return"].contains { value[$0] != nil }
  }

  private static func mentionsQMP(_ bytes: [UInt8]) -> Bool {
    ["execute", "driver", "exec-oob"].contains { bytes.contains(text: "\"\($0)\"") || bytes.contains(text: "'\($0)'") }
  }

  // MARK: - Configuration files

  /// Groups of QEMU's configuration files (QEMU util/qemu-config.c: vm_config_groups) that other ini files do not have.
  static let groups: Set<String> = [
    "device", "object", "machine", "drive", "chardev", "netdev", "net", "global", "mon", "memory", "smp-opts", "numa",
    "boot-opts", "accel", "rtc", "fsdev", "virtfs", "spice", "vnc", "trace", "sandbox", "add-fd", "msg",
    "name", "icount", "semihosting-config", "fw_cfg", "overcommit", "iscsi", "throttle-groups", "audiodev", "plugin",
    "nic", "tpmdev", "option-rom", "action", "run-with", "acpi", "smbios",
  ]

  private static func isReadConfig(_ bytes: [UInt8]) -> Bool {
    guard startsAfterRemarks(bytes, ["["]) else { return false }
    let text = IniText(bytes)
    let known = text.sections.filter { groups.contains($0.name) }
    // Another program's file with a section of that name has values without quotes, and no id in quotes.
    if known.contains(where: { $0.name == "device" && $0.id != nil }) { return true }
    guard !known.isEmpty, known.count == text.sections.count else { return false }
    return text.sections.allSatisfy { $0.entries.isEmpty } || text.sections.contains { $0.entries.contains(where: \.isQuoted) }
  }

  // MARK: - Command lines

  /// Commands of a shell, or a list of arguments.
  private static func commandLine(_ bytes: [UInt8]) -> InputFormat? {
    let make = MakeText.recipes(bytes)
    let script = make.map(ShellScript.init) ?? ShellScript(YAMLBlocks(bytes)?.script ?? bytes)
    // A command has its options on its line.
    if script.command != nil { return .shell }
    if make != nil { return isGuestScript(bytes, script) ? .shell : nil }
    if beginsWithArgument(bytes) { return isOneArgumentALine(bytes) ? .lines : .shell }
    return isGuestScript(bytes, script) ? .shell : nil
  }

  /// Whether the first word is an emulator or looks like an option.
  static func beginsWithArgument(_ bytes: [UInt8]) -> Bool {
    let lines = bytes.split(separator: 0x0a).lazy.map { $0.drop { $0 <= 0x20 } }
    guard let first = lines.first(where: { !$0.isEmpty && $0.first != UInt8(ascii: "#") }) else { return false }
    let word = String(decoding: first.prefix { $0 > 0x20 }, as: UTF8.self)
    if isEmulator(word) { return true }
    guard word.hasPrefix("-"), word.count > 1, isOptionLike(word) else { return false }
    // Lists of another program's options begin alike.
    let name = String(word.dropFirst(word.hasPrefix("--") ? 2 : 1))
    return Option.isKnown(name) || Option.meant(by: name) != nil || !DeviceMentions.all(in: bytes).isEmpty
  }

  /// No option shares its line with its argument.
  private static func isOneArgumentALine(_ bytes: [UInt8]) -> Bool {
    let lines = bytes.split(separator: 0x0a).map { $0.drop { $0 <= 0x20 } }
      .filter { !$0.isEmpty && $0.first != UInt8(ascii: "#") }
    let sharesLine = lines.enumerated().contains { index, line in
      line.last == UInt8(ascii: "\\")
        || (index == 0 || line.first == UInt8(ascii: "-")) && line.contains(UInt8(ascii: " "))
    }
    return !sharesLine && lines.count > 1
  }

  /// Letters, digits and dashes behind one dash or two.
  private static func isOptionLike(_ word: String) -> Bool {
    let name = word.dropFirst(word.hasPrefix("--") ? 2 : 1)
    return name.first?.isLetter == true && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
  }

  /// Whether a script starts a guest. One that names an emulator and devices may do so in a way that no reader
  /// follows; of others that only speak of QEMU, such as `usermod -aG kvm`, there are many.
  private static func isGuestScript(_ bytes: [UInt8], _ script: ShellScript) -> Bool {
    if script.command != nil || script.hasInnerCommand { return true }
    var code = bytes
    for range in script.hidden { for index in range { code[index] = 0x20 } }
    let names = code.split { $0 <= 0x20 || "\"'`();|&".utf8.contains($0) }.contains { word in
      String(decoding: word, as: UTF8.self).fileName.map { $0.hasPrefix("qemu-system-") } ?? false
    }
    return names && !DeviceMentions.all(in: code).isEmpty
  }
}

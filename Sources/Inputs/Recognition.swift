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
    if first == UInt8(ascii: "<"), !startsAfterRemarks(bytes, ["<- "]) { return UnrecognisedInput.isPartOfXML(text) ? nil : .xml }
    if UnrecognisedInput.isTemplate(bytes) { return nil }
    if ShellScript.isScript(bytes) { return .shell }
    if bytes.starts(with: "#!".utf8) { return PythonArguments.isRecognised(bytes) ? .python : nil }
    return detect(text: SourceText.withoutMark(bytes), first, isPart)
  }

  /// The format of a text that is neither XML nor a script.
  private static func detect(text bytes: [UInt8], _ first: UInt8, _ isPart: Bool) -> InputFormat? {
    if UnrecognisedInput.isManualPage(bytes) { return nil }
    // Its first byte and a device in JSON are those of a QMP array.
    if SystemdUnit.isRecognised(bytes) { return .systemd }
    if let format = json(bytes, first, isPart) { return format }
    // Whole JSON is nothing else, regardless of the words in its strings.
    if first == UInt8(ascii: "{"), !isPart, (try? JSON.parse(bytes)) != nil { return nil }
    if LibvirtLog.isRecognised(bytes) { return .libvirtLog }
    if isReadConfig(bytes) { return .readconfig }
    if ProxmoxConfig.isRecognised(bytes) { return .proxmox }
    if HMPReader.isRecognised(bytes) { return .hmp }
    if PythonArguments.isRecognised(bytes) { return .python }
    if let format = commandLine(bytes) { return format }
    return LibvirtDocument.embedded(bytes) == nil || UnrecognisedInput.isPartOfXML(bytes[...]) ? nil : .xml
  }

  /// The format of a file that was not named, such as one in a directory: nil when it is not a definition, as most
  /// are not.
  /// - Parameter head: the file, or its beginning.
  public static func recognise(_ head: [UInt8]) -> InputFormat? {
    guard let format = detect(head, isPart: true) else { return nil }
    switch format {
    case .xml: return LibvirtDocument.isRelevant(UTF16Text.utf8(head, isPart: true) ?? head) ? .xml : nil
    // Programs that start QEMU without a device, such as tests, are many.
    case .python: return DeviceMentions.all(in: head).isEmpty ? nil : .python
    case .shell: return !ShellScript.isScript(head) || isGuestScript(head) ? .shell : nil
    default: return format
    }
  }

  /// `qemu-system-x86_64`, `/usr/libexec/qemu-kvm`, `kvm`.
  static func isEmulator(_ word: String) -> Bool {
    let name = word.fileName ?? ""
    return name.hasPrefix("qemu-system-") || name == "qemu-kvm" || name == "qemu" || name == "kvm"
  }

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
    let text = String(decoding: bytes, as: UTF8.self)
    return ["execute", "driver", "exec-oob"].contains { text.contains("\"\($0)\"") || text.contains("'\($0)'") }
  }

  // MARK: - Configuration files

  /// Groups of QEMU's configuration files (QEMU util/qemu-config.c: vm_config_groups) that other ini files do not have.
  static let groups: Set<String> = [
    "device", "object", "machine", "drive", "chardev", "netdev", "net", "global", "mon", "memory", "smp-opts", "numa",
    "boot-opts", "accel", "rtc", "fsdev", "virtfs", "spice", "vnc", "trace", "sandbox", "add-fd", "msg",
    "name", "icount", "semihosting-config", "fw_cfg", "overcommit", "iscsi", "throttle-groups", "audiodev", "plugin"
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
    // A command has its options on its line.
    if ShellScript(bytes).command != nil { return .shell }
    if beginsWithArgument(bytes) { return isOneArgumentALine(bytes) ? .lines : .shell }
    return isGuestScript(bytes) ? .shell : nil
  }

  /// Whether the first word is an emulator or looks like an option.
  static func beginsWithArgument(_ bytes: [UInt8]) -> Bool {
    let lines = bytes.split(separator: 0x0a).lazy.map { $0.drop { $0 <= 0x20 } }
    guard let first = lines.first(where: { !$0.isEmpty && $0.first != UInt8(ascii: "#") }) else { return false }
    let word = String(decoding: first.prefix { $0 > 0x20 }, as: UTF8.self)
    return isEmulator(word) || word.hasPrefix("-") && word.count > 1 && isOptionLike(word)
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
  private static func isGuestScript(_ bytes: [UInt8]) -> Bool {
    let script = ShellScript(bytes)
    if script.command != nil || script.hasInnerCommand { return true }
    var code = bytes
    for range in script.hidden { for index in range { code[index] = 0x20 } }
    let names = code.split { $0 <= 0x20 || "\"'`();|&".utf8.contains($0) }.contains { word in
      String(decoding: word, as: UTF8.self).fileName.map { $0.hasPrefix("qemu-system-") } ?? false
    }
    return names && !DeviceMentions.all(in: code).isEmpty
  }
}

/// A text that is not a definition: its likely kind, and the way to a definition.
public enum UnrecognisedInput {
  /// One line for people: `a KubeVirt VirtualMachine: use vfiogate hook kubevirt, or …`.
  public static func describe(_ bytes: [UInt8]) -> String {
    let bytes = UTF16Text.utf8(bytes) ?? bytes
    guard bytes.contains(where: { $0 > 0x20 }) else { return "an empty file" }
    if bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]) {
      return "a program: `lint --qemu PATH` asks a QEMU about itself, and `run PATH ARGUMENT…` judges a command line"
    }
    if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) {
      return "text in UTF-16, which is read of XML only: convert it to UTF-8, as with iconv"
    }
    if bytes.contains(0) {
      return "arguments of a program that is not QEMU, or a binary file: name /proc/PID/cmdline of a running QEMU"
    }
    let isXML = bytes.first { $0 > 0x20 } == UInt8(ascii: "<") || LibvirtDocument.embedded(bytes) != nil
    if isXML, isPartOfXML(bytes[...]) { return "a patch, a program or another part of an XML document: give the whole document" }
    if isManualPage(bytes) { return "a manual page: give the text of the definition that it shows" }
    if isTemplate(bytes) { return "a template of another program, with lines such as `{% for … %}`: give the text that it makes" }
    let text = String(decoding: bytes.prefix(256 << 10), as: UTF8.self)
    for (what, marks) in kinds where marks.contains(where: text.contains) { return what }
    if text.hasPrefix("#!") { return "a script that no shell runs: `vfiogate run` judges the command line that it starts" }
    if bytes.split(separator: 0x0a).allSatisfy({ $0.first { $0 > 0x20 }.map { $0 == UInt8(ascii: "#") } ?? true }) {
      return "comments only: give a QEMU command line, a QMP command or a libvirt domain"
    }
    let lines = bytes.split(separator: 0x0a).map { $0.drop { $0 <= 0x20 } }.filter { !$0.isEmpty && $0.first != UInt8(ascii: "#") }
    if let first = lines.first, first.first == UInt8(ascii: "["), first.last(where: { $0 > 0x20 }) == UInt8(ascii: "]"), lines.count > 1 {
      return "a configuration file of another program: of systemd units services whose ExecStart= is QEMU are read, and of others "
        + "those of -readconfig, as `[device \"ID\"]` with `key = \"value\"`"
    }
    if text.first(where: { !$0.isWhitespace }) == "{" || text.first(where: { !$0.isWhitespace }) == "[" {
      return "JSON without a QMP command: give `{\"execute\": \"device_add\", …}`, its arguments, or a list of QEMU's arguments"
    }
    return "text without a QEMU command: give a QEMU command line, a QMP command, a libvirt domain or a Proxmox "
      + "configuration, and its format with --input where the content does not show it"
  }

  /// One line about an XML document that is not a definition.
  static func document(_ root: String) -> String {
    root.lowercased() == "html"
      ? "a page in HTML: give the text of the definition that it shows"
      : "an XML document `<\(root)>`: give a libvirt domain, as `virsh dumpxml --inactive NAME` prints it, or a device of one"
  }

  /// Whether a text is lines of XML with the marks of a patch, or begins inside a document or a program.
  static func isPartOfXML(_ text: ArraySlice<UInt8>) -> Bool {
    let start = text.drop { $0 <= 0x20 }
    // A document cannot begin with an end tag, nor with an instruction to another program, as PHP's `<?php`.
    if start.starts(with: "</".utf8) || start.starts(with: "<?php".utf8) || start.starts(with: "<?=".utf8) { return true }
    var line = text
    while let mark = line.first {
      if mark == UInt8(ascii: "+") || mark == UInt8(ascii: "-"),
        line.dropFirst().first(where: { $0 != 0x20 && $0 != 0x09 }) == UInt8(ascii: "<") { return true }
      line = line[(line.firstIndex(of: 0x0a) ?? line.endIndex - 1)...].dropFirst()
    }
    return false
  }

  /// Whether a text begins with a request of roff: `.Dd`, `.TH`, a comment.
  static func isManualPage(_ bytes: [UInt8]) -> Bool {
    let start = bytes.drop { $0 <= 0x20 }.prefix(3)
    if start.starts(with: ".\\\"".utf8) || start.starts(with: "'\\\"".utf8) { return true }
    return start.first == UInt8(ascii: ".") && start.dropFirst().first.map { 0x41...0x5a ~= $0 } == true
  }

  /// Whether a line is a statement of a template language: `{% for gpu in gpus %}`.
  static func isTemplate(_ bytes: [UInt8]) -> Bool {
    bytes.split(separator: 0x0a).contains { line in
      let line = line.drop { $0 <= 0x20 }
      guard line.starts(with: "{%".utf8), let end = line.lastIndex(where: { $0 > 0x20 }) else { return false }
      return line[...end].suffix(2).elementsEqual("%}".utf8)
    }
  }

  /// The tool that a script makes or changes a guest with; nil when it mentions none.
  static func tool(_ bytes: [UInt8]) -> String? {
    let text = String(decoding: bytes.prefix(256 << 10), as: UTF8.self)
    return tools.first { $0.1.contains(where: text.contains) }?.0
  }

  private static let tools: [(String, [String])] = [
    ("a virt-install command: lint what it prints with --print-xml", ["virt-install "]),
    ("a command of Proxmox: lint /etc/pve/qemu-server/VMID.conf when it is done", ["qm set ", "qm create "]),
    (
      "a script of virsh: lint the XML that it gives to libvirt, or `virsh dumpxml NAME`",
      ["virsh attach-", "virsh define", "virsh create", "virsh nodedev-", "virsh start"]
    ),
    ("a command of cloud-hypervisor: vfiogate judges QEMU only", ["cloud-hypervisor "]),
    ("a command of crosvm: vfiogate judges QEMU only", ["crosvm "])
  ]

  private static let kinds: [(String, [String])] = tools + [
    (
      "a KubeVirt VirtualMachine: use vfiogate hook kubevirt, or virsh dumpxml in the pod",
      ["kubevirt.io/", "kind: VirtualMachine", "\"kind\": \"VirtualMachine", "\"kind\":\"VirtualMachine"]
    ),
    (
      "an Incus instance: lint the qemu.conf that Incus writes for it",
      ["volatile.", "type: virtual-machine", "security.secureboot", "gputype:", "nictype:"]
    ),
    ("a profile of LXD or Incus: lint the qemu.conf that is written for an instance with it", ["raw.qemu"]),
    ("a container of Proxmox, which QEMU does not run", ["\nlxc.", "\nrootfs: "]),
    ("a Compose file: lint /proc/PID/cmdline of the QEMU that its container runs", ["services:\n"]),
    ("a Packer template: lint the command line that it starts QEMU with", ["source \"qemu\"", "qemuargs"]),
    ("a configuration of Firecracker: vfiogate judges QEMU only", ["\"boot-source\""]),
    ("a quickemu configuration: lint the script that quickemu writes beside it", ["guest_os=", "disk_img=", "extra_args="]),
    ("a Vagrantfile: lint `virsh dumpxml NAME` of its guest", ["Vagrant.configure"]),
    (
      "a Terraform file: lint what it deploys, with `virsh dumpxml NAME` or the Proxmox configuration",
      ["resource \"libvirt_", "resource \"proxmox_"]
    ),
    ("an Ansible playbook or another YAML file: lint the definition that it deploys", ["\n- hosts:", "apiVersion:", "---\n"]),
    ("a NixOS configuration: lint the definition that it builds", ["{ config, pkgs", "{ pkgs, ", "virtualisation.", "microvm"]),
    ("a Python program: lint the command line that it builds, as a JSON list", ["import subprocess", "\ndef ", "import os"])
  ]
}

import Facts
import Syntax

/// A Proxmox VE virtual machine, `/etc/pve/qemu-server/VMID.conf`, as lines of `key: value`.
///
/// The part before the first `[section]` describes the machine, with the changes of `[PENDING]`, which Proxmox applies before it
/// starts the machine (qemu-server PVE/QemuServer.pm: vm_start_nolock). Other sections are snapshots (parse_vm_config).
struct ProxmoxConfig: Sendable {
  struct Entry: Sendable {
    let key: String
    let value: Word
    /// The text from the key to the end of the value.
    let range: Range<Int>
  }

  let source: SourceText
  /// The entries that count, in the order of the text.
  private(set) var entries: [Entry] = []
  /// Entries that a later one with the same key replaces, or that pending changes delete.
  private(set) var unused: [Entry] = []
  /// The first change of `[PENDING]`, also one that deletes.
  private(set) var firstChange: Range<Int>?
  /// Lines that are neither an entry nor a comment.
  private(set) var problems: [InputProblem] = []
  /// Entries that Proxmox leaves out, as the value has another type.
  private(set) var typeProblems: [InputProblem] = []
  /// Lines that begin with `#`, which Proxmox keeps as the machine's description.
  private(set) var comments: [Range<Int>] = []
  /// The start of the first snapshot, or the end of the text.
  private(set) var end: Int

  init(_ source: SourceText) {
    self.source = source
    end = source.bytes.count
    var isPending = false, isSnapshot = false
    var all: [Entry] = [], changes: [Entry] = []
    var deleted: Set<String> = []
    for line in ProxmoxConfig.lines(source.bytes) {
      let bytes = source.bytes[line]
      if bytes.first == UInt8(ascii: "[") {
        isPending = String(decoding: bytes, as: UTF8.self).uppercased() == "[PENDING]"
        isSnapshot = !isPending
        if isSnapshot { end = min(end, line.lowerBound) }
        continue
      }
      if isSnapshot { continue }
      if bytes.first == UInt8(ascii: "#") {
        comments.append(line)
        continue
      }
      let isIndented = line.lowerBound > 0 && source.bytes[line.lowerBound - 1] != 0x0a
      guard !isIndented, let entry = ProxmoxConfig.entry(source.bytes, line) else {
        let blank = line.lowerBound == 3 ? "a blank or a byte order mark" : "a blank"
        let what = isIndented ? "the line begins with \(blank)" : "the line is not `key: value`"
        problems.append(
          InputProblem(
            message: "\(what): Proxmox ignores it", fix: "write `key: value` at the beginning of the line, or remove the line",
            location: Location(source: source.name, range: line, path: "")))
        continue
      }
      if isPending { firstChange = firstChange ?? entry.range }
      if isPending, entry.key == "delete" {
        deleted.formUnion(entry.value.text.split { ",; \t!".contains($0) }.map(String.init))
        continue
      }
      if let problem = typeProblem(entry) {
        typeProblems.append(problem)
        unused.append(entry)
        continue
      }
      if isPending { changes.append(entry) } else { all.append(entry) }
      guard let meant = ProxmoxConfig.meant(by: entry.key) else { continue }
      problems.append(
        InputProblem(message: "Proxmox does not know `\(entry.key)`, and ignores it", fix: "write \(meant)", location: location(entry)))
    }
    // The changes delete first, and set then (pve-guest-common PVE/AbstractConfig.pm: parse_pending_delete).
    unused += all.filter { deleted.contains($0.key) }
    all = all.filter { !deleted.contains($0.key) } + changes
    var last: [String: Int] = [:]
    for (index, entry) in all.enumerated() { last[entry.key] = index }
    for (index, entry) in all.enumerated() {
      if last[entry.key] == index { entries.append(entry) } else { unused.append(entry) }
    }
  }

  /// `hostpci0` to `hostpci15` (qemu-server PVE/QemuServer/PCI.pm: $MAX_HOSTPCI_DEVICES).
  static func isHostPCI(_ key: String) -> Bool { (0..<16).contains { key == "hostpci\($0)" } }

  /// The keys of host devices that an unknown one means; nil for any other key.
  static func meant(by key: String) -> String? {
    if isHostPCI(key) { return nil }
    let name = withoutNumber(key), letters = name.lowercased().filter { $0 != "-" && $0 != "_" }
    guard letters.hasPrefix("hostpci") || Misspelling.meant(by: letters, among: ["hostpci"], errors: 2) != nil else { return nil }
    let number = Int(key.dropFirst(name.count)).flatMap { $0 < 16 ? $0 : nil }
    return number.map { "`hostpci\($0):`" } ?? "`hostpci0:` to `hostpci15:`"
  }

  /// The entry that counts: the last one with that key.
  func entry(_ key: String) -> Entry? { entries.first { $0.key == key } }

  func text(_ key: String) -> String? { entry(key)?.value.text }

  /// Whether a boolean is set.
  func flag(_ key: String, default: Bool = false) -> Bool { text(key).flatMap(ProxmoxProperties.boolean) ?? `default` }

  func location(_ entry: Entry) -> Location { Location(source: source.name, range: entry.range, path: entry.key) }

  /// Whether a text is such a file: every line an entry that is not indented, a comment or a section, and
  /// among the entries one that names a machine's hardware. YAML, which looks alike, indents.
  ///
  /// A file with an entry of a host device may have some lines of another form, which Proxmox ignores: a damaged machine is not
  /// another program's file.
  static func isRecognised(_ bytes: [UInt8]) -> Bool {
    if !bytes.contains(0x0a), bytes.contains(0x0d) { return isRecognised(bytes.map { $0 == 0x0d ? 0x0a : $0 }) }
    var isHardware = false, isProxmox = false, isForeign = false
    var asksForDevice = false, isKeyAlone = false
    var entries = 0, ignored = 0
    for line in lines(bytes) {
      let isIndented = line.lowerBound > 0 && bytes[line.lowerBound - 1] != 0x0a
      if bytes[line.lowerBound] == UInt8(ascii: "#") {
        guard isIndented else { continue }
      } else if bytes[line.lowerBound] == UInt8(ascii: "["), !isIndented {
        break
      }
      // YAML has items, and mappings below a key.
      if isKeyAlone && isIndented || bytes[line].starts(with: "- ".utf8) { return false }
      let entry = entry(bytes, line)
      if let entry {
        asksForDevice = asksForDevice || isHostPCI(entry.key)
        isHardware = isHardware || isHardwareKey(entry.key)
        isProxmox = isProxmox || isOwnKey(entry.key)
        isForeign = isForeign || !isSetting(entry.key)
      }
      // Proxmox ignores a key without a value.
      isKeyAlone = entry?.value.bytes.isEmpty == true
      if isIndented || entry == nil { ignored += 1 } else { entries += 1 }
    }
    if ignored > 0 { return asksForDevice && !isForeign && entries > ignored }
    return isHardware && (isProxmox || !isForeign)
  }

  /// Keys of the machine's hardware (qemu-server PVE/QemuServer.pm: $confdesc).
  private static let hardware: Set<String> = [
    "machine", "scsihw", "ostype", "bios", "sockets", "cores", "memory", "balloon", "vga", "vmgenid", "bootdisk"
  ]
  /// Keys that have a number behind them.
  private static let numbered: Set<String> = [
    "hostpci", "net", "scsi", "virtio", "ide", "sata", "efidisk", "smbios", "usb", "serial"
  ]

  /// Keys that no other file of `key: value` lines has, without the numbers behind them. Beside one, an unknown key is
  /// one of another release; without one, the file is another program's.
  private static let own: Set<String> = ["scsihw", "ostype", "vmgenid", "smbios", "efidisk", "bootdisk", "tpmstate"]

  private static func isOwnKey(_ key: String) -> Bool {
    isHostPCI(key) || meant(by: key) != nil || own.contains(key) || own.contains(withoutNumber(key))
  }

  /// Every other key, without its number (qemu-server PVE/QemuServer.pm: $confdesc and parse_vm_config).
  private static let settings: Set<String> = [
    "acpi", "affinity", "agent", "allow-ksm", "amd-sev", "arch", "args", "audio", "autostart", "boot", "cdrom", "cicustom",
    "cipassword", "citype", "ciupgrade", "ciuser", "cpu", "cpulimit", "cpuunits", "description", "digest", "freeze", "hookscript",
    "hotplug", "hugepages", "intel-tdx", "ipconfig", "ivshmem", "keephugepages", "keyboard", "kvm", "localtime", "lock", "meta",
    "migrate_downtime", "migrate_speed", "name", "nameserver", "numa", "onboot", "parallel", "parent", "protection", "reboot", "rng",
    "runningcpu", "runningmachine", "searchdomain", "shares", "smp", "snapstate", "snaptime", "spice_enhancements", "sshkeys",
    "startdate", "startup", "tablet", "tags", "tdf", "template", "unused", "vcpus", "virtiofs", "vmstate", "vmstatestorage", "watchdog"
  ]

  private static func isSetting(_ key: String) -> Bool {
    isHardwareKey(key) || isOwnKey(key) || settings.contains(key) || settings.contains(withoutNumber(key))
  }

  private static func withoutNumber(_ key: String) -> String { String(key.reversed().drop { $0.isNumber }.reversed()) }

  private static func isHardwareKey(_ key: String) -> Bool {
    let name = withoutNumber(key)
    return hardware.contains(key) || name != key && numbered.contains(name) || meant(by: key) != nil
  }

  /// The lines that hold more than blanks, without their ends.
  private static func lines(_ bytes: [UInt8]) -> [Range<Int>] {
    bytes.split(separator: 0x0a).compactMap { line in
      guard let start = line.firstIndex(where: { $0 > 0x20 }), let end = line.lastIndex(where: { $0 > 0x20 }) else {
        return nil
      }
      return start..<end + 1
    }
  }

  /// `key: value`: the key of letters, digits, `-` and `_`, the blanks after the colon optional. A carriage return inside
  /// shows a file whose lines end with it alone: for Proxmox it is one line, whose first value is wrong.
  private static func entry(_ bytes: [UInt8], _ line: Range<Int>) -> Entry? {
    guard let colon = bytes[line].firstIndex(of: UInt8(ascii: ":")), colon > line.lowerBound, !bytes[line].contains(0x0d)
    else { return nil }
    let key = bytes[line.lowerBound..<colon]
    guard key.allSatisfy({ isKeyByte($0) }) else { return nil }
    let start = bytes[colon + 1..<line.upperBound].firstIndex { $0 > 0x20 } ?? line.upperBound
    return Entry(
      key: String(decoding: key, as: UTF8.self), value: Word(Array(bytes[start..<line.upperBound]), at: start), range: line)
  }

  private static func isKeyByte(_ byte: UInt8) -> Bool {
    byte.isASCIILetterOrDigit || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
  }
}

/// A property string of Proxmox, `DEFAULT,key=value,…`: separated by commas, without quoting
/// (pve-common PVE/JSONSchema.pm: parse_property_string).
struct ProxmoxProperties: Sendable {
  struct Item: Sendable {
    /// Empty for the item that is written without a key.
    let key: String
    let value: String
    let range: Range<Int>
  }

  let items: [Item]

  init(_ word: Word) {
    var items: [Item] = []
    for part in word.bytes.split(separator: UInt8(ascii: ",")) {
      let text = String(decoding: part, as: UTF8.self)
      let range = word.range(of: part.startIndex..<part.endIndex)
      guard let equals = text.firstIndex(of: "=") else {
        items.append(Item(key: "", value: text, range: range))
        continue
      }
      items.append(Item(key: String(text[..<equals]), value: String(text[text.index(after: equals)...]), range: range))
    }
    self.items = items
  }

  func item(_ key: String) -> Item? { items.last { $0.key == key } }

  subscript(key: String) -> String? { item(key)?.value }

  /// A boolean of Proxmox; nil when the key is not given, or its value is none of them.
  func flag(_ key: String) -> Bool? { self[key].flatMap(ProxmoxProperties.boolean) }

  /// A boolean of Proxmox; nil for another text (pve-common PVE/JSONSchema.pm: parse_boolean).
  static func boolean(_ text: String) -> Bool? {
    switch text.lowercased() {
    case "1", "on", "yes", "true": return true
    case "0", "off", "no", "false": return false
    default: return nil
    }
  }
}

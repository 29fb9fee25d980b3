import Facts

/// Values of options that QEMU refuses on every host (recorded from 7.2.22, 10.0.13 and 11.1.3).
struct OptionValues {
  let machine: MachineConfig
  let release: QEMURelease
  /// Ids of character devices; nil when not all are known.
  let characterDevices: Set<String>?
  /// Ids of networks; nil when not all are known.
  let networks: Set<String>?

  typealias Items = [(key: String, value: String)]

  static func last(_ key: String, _ items: Items) -> String? { items.last { $0.key == key }?.value }

  /// The first parameter of an option, where its name can be left out.
  private static let implied = [
    "chardev": "backend", "fw_cfg": "name", "icount": "shift", "mon": "chardev", "name": "guest", "sandbox": "enable",
    "fsdev": "fsdriver", "netdev": "type", "tpmdev": "type", "boot": "order", "accel": "accel", "nic": "type",
    "vnc": "vnc", "display": "type", "trace": "enable", "virtfs": "fsdriver", "audiodev": "driver",
  ]

  /// Options whose text has an identifier (QEMU util/qemu-option.c: qemu_opts_create).
  private static let withIdentifiers: Set<String> = ["chardev", "fsdev", "mon", "netdev", "nic", "tpmdev", "virtfs"]

  /// QEMU's refusal of an option's text; nil where it accepts it, and where only the host decides.
  func refusal(_ option: Property) -> String? {
    if option.name == "netdev", let members = machine.jsonMembers[option.location] { return network(ofMembers: members) }
    if option.name == "audiodev", let members = machine.jsonMembers[option.location] {
      if members.contains(where: \.value.isUnknown) { return nil }
      return OptionValues.audio(members.compactMap { member in member.value.string.map { (member.name, $0) } })
    }
    guard let text = written(option) else { return nil }
    switch option.name {
    case "uuid": return OptionValues.isUUID(text) ? nil : "failed to parse UUID string: wrong format"
    case "watchdog-action": return OptionValues.choice("watchdog", text)
    case "vga": return OptionValues.vga(text)
    case "seed": return OptionValues.isWord(text) ? "Invalid seed number: \(text)" : nil
    case "semihosting-config":
      return MachineKind(machine) == .q35 || MachineKind(machine) == .i440fx ? "Option not supported for this target" : nil
    case "serial", "parallel", "monitor", "qmp", "qmp-pretty": return port(option.name, text)
    default: break
    }
    let items = items(option.name, text)
    if OptionValues.withIdentifiers.contains(option.name), let id = OptionValues.last("id", items), !QEMUIdentifier.isWellFormed(id) {
      return "Parameter 'id' expects an identifier"
    }
    switch option.name {
    case "audiodev": return OptionValues.audio(items)
    case "vnc": return OptionValues.display(items)
    case "netdev": return network(items)
    case "nic": return card(items)
    case "chardev": return OptionTable("chardev", release)?.refusal(items) ?? characterDevice(items)
    case "smbios": return smbios(items)
    case "tpmdev": return tpm(items)
    case "boot": return OptionValues.boot(items)
    case "accel": return accelerator(items)
    case let name:
      guard let table = OptionTable(name, release) else { return nil }
      return table.refusal(items) ?? values(name, items)
    }
  }

  /// The option's text, where it is written out; nil for JSON.
  func written(_ option: Property) -> String? {
    machine.shellLocations.contains(option.location) ? nil : OptionValues.written(option.value)
  }

  /// A text in which nothing is left to a shell or a template; nil also for JSON.
  static func written(_ value: PropertyValue) -> String? {
    guard let text = value.string, !value.isOfShell, !["@", "<", "{", "…", "...", "%"].contains(where: text.contains) else { return nil }
    return text
  }

  /// Whether a value is not a number. One that begins like a number and is too large has another text.
  static func isWord(_ value: String) -> Bool { !(value.utf8.first.map { $0 < 0x3a } ?? false) }

  func items(_ name: String, _ text: String) -> Items {
    // A rule has the name of the option of ROMs.
    let implied = OptionValues.implied[name] ?? (name.hasSuffix("-rom") ? "romfile" : "")
    var items: Items = OptionText.items(text, implied: implied)
    if items.first?.key == "", let word = items.first?.value { items[0] = (word, "on") }
    return items
  }

  /// Values of options whose parameters have few.
  private func values(_ name: String, _ items: Items) -> String? {
    func last(_ key: String) -> String? { OptionValues.last(key, items) }
    switch name {
    case "action":
      return items.lazy.compactMap { OptionValues.choice($0.key, $0.value) }.first
    case "fw_cfg":
      let sources = ["file", "string", "gen_id"].filter { last($0) != nil }
      guard let name = last("name"), sources.count == 1 else { return "name, plus exactly one of file, string and gen_id, are needed" }
      return name.utf8.count > 55 ? "name too long (max. 55 char)" : nil
    case "rtc":
      if let base = last("base"), base != "utc", base != "localtime", base.first.map({ !$0.isNumber }) ?? true {
        return "invalid datetime format"
      }
      for (key, values) in [("clock", ["host", "rt", "vm"]), ("driftfix", ["slew", "none"])] {
        if let value = last(key), !values.contains(value) { return "invalid option value '\(value)'" }
      }
      return nil
    case "icount":
      // Another accelerator refuses it.
      guard machine.usesTCG else { return nil }
      if let rr = last("rr") { return ["record", "replay"].contains(rr) ? nil : "Invalid icount rr option: \(rr)" }
      guard let shift = last("shift") else {
        return last("align") == nil ? nil : "Please specify shift option when using align"
      }
      guard shift == "auto" || Int(shift).map({ (0...10).contains($0) }) ?? false else { return "icount: Invalid shift value" }
      let isStrict = last("align").map { QEMUBool($0) == .on } ?? false && last("sleep").map { QEMUBool($0) == .off } ?? false
      return isStrict ? "align=on and sleep=off are incompatible" : nil
    case "mon":
      if let mode = last("mode"), mode != "control", mode != "readline" { return "Parameter 'mode' does not accept value '\(mode)'" }
      if last("chardev") == nil { return "Parameter 'chardev' is missing" }
      let isPretty = last("pretty").map { QEMUBool($0) == .on } ?? false
      return isPretty && last("mode") != "control" ? "'pretty' is not compatible with HMP monitors" : nil
    case "overcommit":
      guard let lock = last("mem-lock"), QEMUBool(lock) == .invalid else { return nil }
      if release == QEMURelease(7, 2) { return "Parameter 'mem-lock' expects 'on' or 'off'" }
      return lock == "on-fault" ? nil : "parameter 'mem-lock' expects one of 'on', 'off', 'on-fault'"
    case "sandbox":
      guard QEMUBool(last("enable") ?? "off") == .on else { return nil }
      for (key, values) in [
        ("obsolete", ["allow", "deny"]), ("elevateprivileges", ["allow", "deny", "children"]), ("spawn", ["allow", "deny"]),
        ("resourcecontrol", ["allow", "deny"]),
      ] {
        if let value = last(key), !values.contains(value) { return "invalid argument for \(key)" }
      }
      return nil
    case "fsdev": return files(items)
    case "virtfs": return sharedFolder(items)
    default: return nil
    }
  }

  private static let watchdog = ["reset", "shutdown", "poweroff", "pause", "debug", "none", "inject-nmi"]

  private static func choice(_ name: String, _ value: String) -> String? {
    let values = [
      "watchdog": watchdog, "reboot": ["reset", "shutdown"], "shutdown": ["poweroff", "pause"],
      "panic": ["pause", "shutdown", "none", "exit-failure"],
    ][name]
    return values.map { $0.contains(value) } ?? true ? nil : "Parameter '\(name)' does not accept value '\(value)'"
  }

  static func isUUID(_ text: String) -> Bool {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    return parts.map(\.utf8.count) == [8, 4, 4, 4, 12] && parts.allSatisfy { $0.allSatisfy { $0.isASCII && $0.isHexDigit } }
  }

  /// Other names are those of other boards, or of modules.
  private static func vga(_ text: String) -> String? {
    let name = text.prefix { $0 != "," }
    if name.hasPrefix("qxl") || ["tcx", "cg3", "help"].contains(name) { return nil }
    let rest = text.dropFirst(name.count)
    let isKnown = ["std", "cirrus", "vmware", "virtio", "none", "xenfb"].contains(name)
    return isKnown && ["", ",retrace=dumb", ",retrace=precise"].contains(rest) ? nil : "unknown vga type: \(text)"
  }

  private static func boot(_ items: Items) -> String? {
    for (key, value) in items {
      let isWord = isWord(value)
      switch key {
      case "menu", "strict": if QEMUBool(value) == .invalid { return "Parameter 'boot.\(key)' expects 'on' or 'off'" }
      case "splash-time", "reboot-timeout": if isWord { return "Parameter 'boot.\(key)' expects integer" }
      case "order", "once", "splash", "id": break
      default: return key.utf8.allSatisfy(\.isASCIILetterOrDigit) ? "Parameter 'boot.\(key)' is unexpected" : nil
      }
    }
    for value in ["order", "once"].compactMap({ last($0, items) }) {
      var seen: Set<Character> = []
      for device in value {
        if !("a"..."p").contains(device) { return "Invalid boot device '\(device)'" }
        if !seen.insert(device).inserted { return "Boot device '\(device)' was given twice" }
      }
    }
    if let time = last("splash-time", items).flatMap({ Int($0) }), !(0...65535).contains(time) {
      return "splash-time is invalid,it should be a value between 0 and 65535"
    }
    if let time = last("reboot-timeout", items).flatMap({ Int($0) }), !(-1...65535).contains(time) {
      return "reboot timeout is invalid,it should be a value between -1 and 65535"
    }
    return nil
  }

  private func accelerator(_ items: Items) -> String? {
    let name = OptionValues.last("accel", items)
    for (key, value) in items {
      let isWord = OptionValues.isWord(value)
      switch (name, key) {
      case ("tcg", "thread"): if value != "single", value != "multi" { return "Invalid 'thread' setting \(value)" }
      case ("tcg", "tb-size"), ("kvm", "dirty-ring-size"): if isWord { return "Parameter '\(key)' expects uint64" }
      case ("tcg", "split-wx"): if QEMUBool(value) == .invalid { return "Parameter 'split-wx' expects 'on' or 'off'" }
      case ("tcg", "one-insn-per-tb") where release > QEMURelease(7, 2):
        if QEMUBool(value) == .invalid { return "Parameter '\(key)' expects 'on' or 'off'" }
      case ("kvm", "notify-vmexit"):
        if !["run", "internal-error", "disable"].contains(value) { return "Parameter '\(key)' does not accept value '\(value)'" }
      case ("tcg", "accel"), ("tcg", "id"): break
      case ("tcg", _): return "Property 'tcg-accel.\(key)' not found"
      default: break
      }
    }
    return nil
  }

  private func smbios(_ items: Items) -> String? {
    guard let type = OptionValues.last("type", items) else {
      return OptionValues.last("file", items) == nil ? "Must specify type= or file=" : nil
    }
    if type.utf8.first.map({ $0 > 0x39 }) ?? true { return "Parameter 'type' expects a number" }
    guard let number = Int(type), number != 9 || release == QEMURelease(7, 2) else { return nil }
    guard let table = OptionTable("smbios.\(number)", release) else { return "Don't know how to build fields for SMBIOS type \(number)" }
    if let text = table.refusal(items, also: ["type", "id"]) { return text }
    if number == 1, let uuid = OptionValues.last("uuid", items), !OptionValues.isUUID(uuid) { return "Invalid UUID" }
    guard number == 0, let release = OptionValues.last("release", items) else { return nil }
    return release.first.map { $0.isNumber } ?? false ? nil : "Invalid release"
  }
}

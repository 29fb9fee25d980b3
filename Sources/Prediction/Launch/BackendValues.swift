import Facts

/// Values of networks, character devices, TPMs and shared folders.
extension OptionValues {
  /// Types that some builds of QEMU have.
  private static let networks: Set<String> = [
    "user", "tap", "l2tpv3", "socket", "stream", "dgram", "vde", "bridge", "hubport", "netmap", "vhost-user", "vhost-vdpa", "af-xdp",
    "vmnet-host", "vmnet-shared", "vmnet-bridged", "none", "nic",
  ]

  /// Parameters that a network must have, in QEMU's order.
  private static let needed = ["l2tpv3": ["src", "dst", "txsession"], "vhost-user": ["chardev"], "hubport": ["hubid"]]

  /// - Parameter areChecked: whether the names and types of the parameters are.
  func network(_ items: Items, areChecked: Bool = false) -> String? {
    guard let id = OptionValues.last("id", items) else { return "Parameter 'id' is missing" }
    guard let type = OptionValues.last("type", items) else { return "Parameter 'type' is missing" }
    // A type of this release whose parameters are lists too.
    if type == "passt", release > QEMURelease(10, 0) { return nil }
    if !OptionValues.networks.contains(type) { return "Parameter 'type' does not accept value '\(type)'" }
    if type == "none" || type == "nic" { return "network backend '\(type)' is not compiled into this binary" }
    guard !id.isEmpty || areChecked, let table = OptionTable("netdev." + type, release) else { return nil }
    for name in OptionValues.needed[type] ?? [] where OptionValues.last(name, items) == nil { return "Parameter '\(name)' is missing" }
    if !areChecked, let text = table.refusal(items, also: ["type", "id"]) { return text }
    switch type {
    case "tap": return tap(items)
    case "user": return user(items)
    case "hubport":
      guard let peer = OptionValues.last("netdev", items), networks?.contains(peer) == false else { return nil }
      return "netdev '\(peer)' not found"
    case "socket":
      let ways = ["listen", "connect", "mcast", "udp"].filter { OptionValues.last($0, items) != nil }
      if OptionValues.last("fd", items) == nil, ways.count != 1 {
        return "exactly one of listen=, connect=, mcast= or udp= is required"
      }
      return ways == ["udp"] && OptionValues.last("localaddr", items) == nil ? "localaddr= is mandatory with udp=" : nil
    case "vhost-user":
      guard let chardev = OptionValues.last("chardev", items), characterDevices?.contains(chardev) == false else { return nil }
      return "chardev \"\(chardev)\" not found"
    case "vhost-vdpa":
      let isNamed = OptionValues.last("vhostdev", items) != nil || OptionValues.last("vhostfd", items) != nil
      return isNamed ? nil : "vhost-vdpa: neither vhostdev= nor vhostfd= was specified"
    default: return nil
    }
  }

  /// A card and its network in one option.
  func card(_ items: Items) -> String? {
    guard let type = OptionValues.last("type", items) ?? (items.isEmpty ? nil : "") else { return nil }
    if type.isEmpty { return "Parameter 'type' is missing" }
    if type == "none" || type == "passt" { return nil }
    if !OptionValues.networks.contains(type) { return "Parameter 'type' does not accept value '\(type)'" }
    if let text = OptionTable("netdev." + type, release)?.refusal(items, also: ["type", "id", "model", "mac"]) { return text }
    if let text = OptionValues.last("mac", items).flatMap(OptionValues.macRefusal) { return text }
    return type == "tap" ? tap(items) : type == "user" ? user(items) : nil
  }

  /// Types that some builds of QEMU have.
  private static let characterTypes: Set<String> = [
    "null", "socket", "udp", "msmouse", "wctablet", "vc", "ringbuf", "memory", "file", "pipe", "console", "stdio", "serial", "tty", "pty",
    "parallel", "parport", "mux", "braille", "testdev", "spicevmc", "spiceport", "qemu-vdagent", "dbus",
  ]

  func characterDevice(_ items: Items) -> String? {
    func has(_ key: String) -> Bool { OptionValues.last(key, items) != nil }
    func isOn(_ key: String) -> Bool { OptionValues.last(key, items).map { QEMUBool($0) == .on } ?? false }
    guard let type = OptionValues.last("backend", items) else { return nil }
    if !has("id") { return "chardev: no id specified" }
    switch type {
    case "hub" where release > QEMURelease(7, 2): return has("chardevs.0") ? nil : "hub: 'chardevs' list is not defined"
    case _ where !OptionValues.characterTypes.contains(type): return "'\(type)' is not a valid char driver name"
    case "file": return has("path") ? nil : "chardev: file: no filename given"
    case "pipe": return has("path") ? nil : "chardev: pipe: no device path given"
    case "serial", "tty": return has("path") ? nil : "chardev: serial/tty: no device path given"
    case "parallel", "parport": return has("path") ? nil : "chardev: parallel: no device path given"
    case "udp": return has("port") ? nil : "chardev: udp: remote port not specified"
    case "ringbuf", "memory":
      guard let size = OptionValues.last("size", items).flatMap({ UInt64($0) }) else { return nil }
      return size.nonzeroBitCount == 1 || size == 0 ? nil : "size of ringbuf chardev must be power of two"
    case "mux":
      guard let base = OptionValues.last("chardev", items) else { return "chardev: mux: no chardev given" }
      return characterDevices?.contains(base) == false ? "mux: base chardev \(base) not found" : nil
    case "socket":
      if ["path", "fd", "host"].filter(has).count > 1 { return "None or one of 'path', 'fd' or 'host' option required." }
      if has("host"), !has("port") { return "chardev: socket: no port given" }
      if has("wait"), !isOn("server") { return "'wait' option is incompatible with socket in client connect mode" }
      return isOn("websocket") && !isOn("server") ? "Websocket client is not implemented" : nil
    default: return nil
    }
  }

  func tpm(_ items: Items) -> String? {
    guard OptionValues.last("id", items) != nil else { return "Parameter 'id' is missing" }
    guard let type = OptionValues.last("type", items) else { return nil }
    guard let table = OptionTable("tpmdev." + type, release) else { return "Parameter 'type' expects a TPM backend type" }
    if let text = table.refusal(items, also: ["type", "id"]) { return text }
    guard type == "emulator" else { return nil }
    guard let chardev = OptionValues.last("chardev", items) else { return "tpm-emulator: parameter 'chardev' is missing" }
    return characterDevices?.contains(chardev) == false ? "tpm-emulator: tpm chardev '\(chardev)' not found" : nil
  }

  func files(_ items: Items) -> String? {
    guard OptionValues.last("id", items) != nil else { return "fsdev: No id specified" }
    return folder(items)
  }

  /// A folder and its device in one option (QEMU system/vl.c).
  func sharedFolder(_ items: Items) -> String? {
    guard OptionValues.last("fsdriver", items) != nil, OptionValues.last("mount_tag", items) != nil else {
      return "Usage: -virtfs fsdriver,mount_tag=tag"
    }
    return folder(items)
  }

  private func folder(_ items: Items) -> String? {
    guard let type = OptionValues.last("fsdriver", items) else { return nil }
    guard ["local", "synth"].contains(type) || type == "proxy" && release == QEMURelease(7, 2) else {
      return "fsdev: fsdriver \(type) not found"
    }
    guard type == "local" else { return nil }
    guard let model = OptionValues.last("security_model", items) else { return "security_model property not set" }
    if !["passthrough", "mapped", "mapped-xattr", "mapped-file", "none"].contains(model) {
      return "invalid security_model property '\(model)'"
    }
    if OptionValues.last("path", items) == nil { return "path property not set" }
    for name in ["fmode", "dmode"] where !model.hasPrefix("mapped") && OptionValues.last(name, items) != nil {
      return "\(name) is only valid for mapped security modes"
    }
    guard let devices = OptionValues.last("multidevs", items), !["remap", "forbid", "warn"].contains(devices) else { return nil }
    return "invalid multidevs property '\(devices)'"
  }

  // MARK: - Sound and displays

  private static let audioDrivers: Set<String> = [
    "alsa", "coreaudio", "dbus", "dsound", "jack", "none", "oss", "pa", "pipewire", "sdl", "sndio", "spice", "wav",
  ]

  /// QEMU qapi/audio.json: Audiodev, without the parameters of a driver.
  static func audio(_ items: Items) -> String? {
    guard let driver = last("driver", items) else { return "Parameter 'driver' is missing" }
    if !audioDrivers.contains(driver) { return "Parameter 'driver' does not accept value '\(driver)'" }
    return last("id", items) == nil ? "Parameter 'id' is missing" : nil
  }

  /// QEMU ui/vnc.c: vnc_display_get_address, vnc_display_open.
  static func display(_ items: Items) -> String? {
    if let text = last("vnc", items), !["", "none"].contains(text), !text.hasPrefix("unix:"), last("reverse", items) == nil {
      guard let colon = text.lastIndex(of: ":") else { return "no vnc port specified" }
      let port = text[text.index(after: colon)...]
      if port.isEmpty { return "vnc port cannot be empty" }
      guard port.utf8.allSatisfy(\.isASCIIDigit) else { return "can't convert to a number: \(port)" }
      guard let number = UInt64(port), number <= 65535 - 5900 else { return "port \(port) out of range" }
    }
    guard let share = last("share", items), !["allow-exclusive", "force-shared", "ignore"].contains(share) else { return nil }
    return "unknown vnc share= option"
  }

  // MARK: - Ports

  private static let words: Set<String> = ["null", "pty", "msmouse", "wctablet", "braille", "testdev", "stdio", "vc"]
  private static let prefixes = ["vc:", "file:", "pipe:", "tcp:", "telnet:", "tn3270:", "websocket:", "udp:", "unix:", "/dev/"]

  /// The old form of a character device (QEMU chardev/char.c: qemu_chr_parse_compat).
  func port(_ option: String, _ text: String) -> String? {
    let isPort = option == "serial" || option == "parallel"
    if text == "none", !option.hasPrefix("qmp") { return nil }
    if text.hasPrefix("chardev:") {
      let id = String(text.dropFirst("chardev:".count))
      guard !id.contains(",") else { return nil }
      if !isPort { return characterDevices?.contains(id) == false ? "chardev \"\(id)\" not found" : nil }
      guard machine.proxmox == nil, machine.ids(of: .characterDevice)?.contains(id) == false, !machine.isOfBoard(id) else { return nil }
      return "could not connect \(option) device to character backend '\(text)'"
    }
    let bare = text.hasPrefix("mon:") ? String(text.dropFirst("mon:".count)) : text
    var isKnown = OptionValues.words.contains(bare) || OptionValues.prefixes.contains(where: bare.hasPrefix)
    let isConnection = ["tcp:", "unix:"].contains(where: bare.hasPrefix)
    if isConnection, let comma = bare.firstIndex(of: ",") {
      let items = OptionText.items("backend=socket" + bare[comma...], implied: "")
      isKnown = OptionTable("chardev", release)?.refusal(items) == nil
    }
    if isKnown { return nil }
    return isPort ? "could not connect \(option) device to character backend '\(text)'" : "parse error: \(text)"
  }
}

extension MachineConfig {
  /// The refusals of values of options that no host makes good.
  func optionValueFailures(_ qemu: QEMUProfile) -> [LaunchFailure] {
    guard let release = qemu.modelledRelease else { return [] }
    let networks = networkIDs
    let values = OptionValues(machine: self, release: release, characterDevices: characterDeviceIDs, networks: networks)
    return filtersWithoutNetwork(among: networks) + options.compactMap { option in
      values.refusal(option).map { text in
        let isCrash = text.contains(": Assertion ")
        return LaunchFailure(
          RealizeFailure(isCrash ? .crashingProperty : .badOption, text, signal: isCrash ? "SIGABRT" : nil), at: option.location)
      }
    }
  }

  /// The refusal of a network card's address (QEMU hw/core/qdev-properties-system.c: set_mac).
  func badMAC(of device: DeviceRequest) -> LaunchFailure? {
    guard let text = device.property("mac").flatMap({ OptionValues.written($0.value) }), let driver = device.driver,
      let (part, owner) = MachineConfig.part("netdev", of: driver), part == .network
    else { return nil }
    let bytes = Array(text.utf8)
    let isAddress = bytes.count == 17 && bytes.enumerated().allSatisfy { place, byte in
      place % 3 == 2 ? byte == UInt8(ascii: ":") || byte == UInt8(ascii: "-") : Character(UnicodeScalar(byte)).isHexDigit
    }
    if isAddress { return nil }
    return LaunchFailure(RealizeFailure(.badOption, property: "mac", "Property '\(owner).mac' doesn't take value '\(text)'"), of: device)
  }

  /// Options with a parameter, or a value of one, that QEMU is not known to accept.
  public func unknownValues(_ qemu: QEMUProfile) -> [(fact: Unknown, location: Location)] {
    guard let release = qemu.modelledRelease, libvirt == nil else { return [] }
    let values = OptionValues(machine: self, release: release, characterDevices: nil, networks: nil)
    return options.compactMap { option in
      guard values.isUnknown(option) else { return nil }
      let reason = "not among those that QEMU \(release) is known to accept; `--qemu PATH` or `--rehearse emulator` asks QEMU"
      return (Unknown("value of `-\(option.name)`", reason: reason), option.location)
    }
  }
}

extension OptionValues {
  private static let logItems: Set<String> = [
    "all", "none", "out_asm", "in_asm", "op", "op_opt", "op_ind", "op_plugin", "int", "exec", "cpu", "fpu", "mmu", "pcall", "cpu_reset",
    "unimp", "guest_errors", "page", "nochain", "plugin", "strace", "tid", "vpu", "invalid_mem", "help", "?",
  ]

  /// Values that some displays have.
  private static let displays: Set<String> = [
    "none", "gtk", "sdl", "egl-headless", "curses", "cocoa", "spice-app", "dbus", "default", "help",
  ]

  func isUnknown(_ option: Property) -> Bool {
    guard let text = written(option) else { return false }
    let items = items(option.name, text)
    let name: String
    switch option.name {
    case "d":
      return !text.split(separator: ",").allSatisfy { OptionValues.logItems.contains(String($0)) || $0.hasPrefix("trace:") }
    case "display":
      if text.hasPrefix("vnc=") { return false }
      if OptionValues.last("type", items).map({ !OptionValues.displays.contains($0) }) ?? true { return true }
      if let gl = OptionValues.last("gl", items), !["on", "off", "core", "es"].contains(gl) { return true }
      name = "display"
    case "vnc", "spice", "trace", "acpitable": name = option.name
    case "accel" where OptionValues.last("accel", items) == "kvm": name = "kvm"
    case "smbios": name = "smbios." + (OptionValues.last("type", items) ?? "")
    case "netdev": name = "netdev." + (OptionValues.last("type", items) ?? "")
    default: return false
    }
    let also: Set<String> = name.contains(".") ? ["type", "id"] : []
    return OptionTable(name, release, isOpen: true)?.refusal(items, also: also) != nil
  }
}

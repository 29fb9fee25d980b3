import Facts
import Syntax

/// One option of the definition other than its machine, objects, devices and globals, as the rehearsal's.
struct PlannedOption {
  let option: Property
  let text: String
  var name: String { "`-\(option.name)`" }

  init(_ option: Property) {
    self.option = option
    text = option.value.string ?? ""
  }

  /// Options that describe the machine and touch nothing.
  private static let kept: Set<String> = [
    "smp", "m", "numa", "rtc", "uuid", "vga", "compat", "action", "watchdog", "watchdog-action", "g", "soundhw", "prom-env",
  ]
  /// The same, without an argument.
  private static let flags: Set<String> = [
    "nodefaults", "no-user-config", "only-migratable", "no-hpet", "no-acpi", "no-fd-bootchk", "usb", "win2k-hack",
  ]
  /// Options that the rehearsal has itself, or that change nothing before the guest runs.
  private static let silent: Set<String> = [
    "S", "nographic", "no-kvm", "daemonize", "no-shutdown", "no-reboot", "full-screen", "no-quit", "no-frame", "alt-grab",
    "ctrl-grab", "show-cursor", "s",
  ]
  /// Options whose texts only matter to what the rehearsal has itself, or to a running guest.
  private static let ofProcess: Set<String> = [
    "display", "monitor", "qmp", "qmp-pretty", "accel", "pidfile", "trace", "D", "d", "sandbox", "runas", "run-with", "chroot", "k",
    "gdb", "tb-size",
  ]
  /// Options that QEMU checks while it reads the command line, and that are replaced or left out.
  private static let read: Set<String> = [
    "blockdev", "audiodev", "display", "fsdev", "vnc", "sandbox", "overcommit", "semihosting-config",
  ]

  func add(to plan: inout RehearsalPlan) {
    if PlannedOption.read.contains(option.name) { plan.read("-\(option.name)", text, option.location) }
    if PlannedOption.flags.contains(option.name) { return plan.keep("-\(option.name)", nil, option.location) }
    if PlannedOption.kept.contains(option.name) { return plan.keep("-\(option.name)", text, option.location) }
    if PlannedOption.silent.contains(option.name) { return }
    if PlannedOption.ofProcess.contains(option.name) {
      if option.name == "display" { ask(implied: "type", naming: [], &plan) }
      return plan.note(name, "left out: the rehearsal has its own, or it is about a running guest")
    }
    if isUnnamed(plan) { return plan.obstruct("only the shell knows the value of `\(text)`") }
    switch option.name {
    case "cpu" where plan.isOfDomain(option.location): processorOfDomain(&plan)
    case "cpu": processor(text, &plan)
    case "boot": boot(&plan)
    case "smbios", "fw_cfg": withoutFiles(&plan)
    case "name": process(without: [], implied: "guest", &plan)
    case "overcommit": process(without: ["mem-lock", "cpu-pm"], implied: nil, &plan)
    case "msg": process(without: ["timestamp", "guest-name"], implied: nil, &plan)
    // The first monitors are the rehearsal's.
    case "mon" where !text.contains("compat_monitor"): process(without: [], implied: "chardev", &plan)
    case "L": plan.keep("-L", text.hasPrefix("/") ? text : plan.directory + "/" + text, option.location)
    // QEMU refuses them and opens nothing (QEMU system/vl.c: qemu_validate_options).
    case "append" where plan.isWithoutKernel, "initrd" where plan.isWithoutKernel:
      plan.keep("-\(option.name)", "x", option.location)
    case "usbdevice": usbDevice(&plan)
    case "serial", "parallel", "debugcon": port(&plan)
    case "icount" where !plan.asksForKVM && !text.contains("rr"): plan.keep("-icount", text, option.location)
    case "chardev" where isOfMemory(plan): plan.keep("-chardev", text, option.location)
    case "chardev":
      plan.tryOnMonitor(option, text)
      backend("null", implied: "backend", keeping: ["id", "mux"], &plan)
    case "fsdev": backend("synth", implied: "fsdriver", keeping: ["id"], &plan)
    case "audiodev": backend("none", implied: "driver", keeping: ["id"], &plan)
    case "audio": sound(&plan)
    case "netdev": network(&plan)
    case "nic", "net": card(&plan)
    case "drive": drive(&plan)
    case "blockdev": node(&plan)
    case "hda", "hdb", "hdc", "hdd", "cdrom": disk(&plan)
    case "fda", "fdb": floppy(&plan)
    case "virtfs": sharedFolder(&plan)
    case "tpmdev":
      ask(implied: "type", naming: ["id"], &plan)
      plan.note(name, "left out: it is the host's")
    case "set": plan.note("`-set \(text)`", "left out: what it changes is replaced", isUntried: true)
    default: plan.note(name, "left out: it is not needed to create the devices")
    }
  }

  /// Names that a replacement has from the definition; QEMU, or a device that uses the part, asks for them.
  private static let names = [
    "chardev": "id", "netdev": "id", "fsdev": "id", "audiodev": "id", "drive": "id", "blockdev": "node-name", "virtfs": "mount_tag",
    "audio": "model",
  ]

  /// Whether such a name is in what the definition does not show. A drive may have none.
  private func isUnnamed(_ plan: RehearsalPlan) -> Bool {
    guard let name = PlannedOption.names[option.name] else { return false }
    let items = OptionText.members(text, implied: nil)
    if items.contains(where: { $0.name == name }) { return false }
    return items.contains { isOpen($0.name, plan) || TemplatePlaceholder.omits(Array($0.name.utf8)) }
      || option.name != "drive" && isOpen(text, plan)
  }

  /// Whether the shell, or who fills in a template, knows a part of a text.
  func isOpen(_ text: String, _ plan: RehearsalPlan) -> Bool {
    plan.isShells(option.location) && OptionText.isOfShell(text) || TemplatePlaceholder.isIn(text)
  }

  /// An option of the process, without the items that would change this one.
  private func process(without items: Set<String>, implied: String?, _ plan: inout RehearsalPlan) {
    if plan.isShells(option.location) { return plan.note(name, "left out: only the shell knows it") }
    let all = OptionText.items(text, implied: implied)
    let kept = all.filter { !items.contains($0.name) }
    if kept.count < all.count {
      plan.note(name, "without \(items.sorted().map { "`\($0)`" }.joined(separator: " and ")): of the process, and not of the machine")
    }
    if !kept.isEmpty { plan.keep("-\(option.name)", OptionText.keyval(kept), option.location) }
  }

  private func usbDevice(_ plan: inout RehearsalPlan) {
    // Others are disks, serial ports, and devices of the host.
    guard ["mouse", "tablet", "keyboard", "wacom-tablet"].contains(text) else {
      return plan.note("`-usbdevice \(text)`", "left out: it may connect to the host", isUntried: true)
    }
    plan.keep("-usbdevice", text, option.location)
  }

  /// Has QEMU asked whether it has the type that the option names.
  private func ask(implied: String, naming ids: Set<String>, _ plan: inout RehearsalPlan) {
    let members = OptionText.members(text, implied: implied)
    let own = members.filter { $0.name == implied || ids.contains($0.name) }
    let type = own.last { $0.name == implied }?.value
    plan.ask(BackendType(option.name, type, option.location, text: bare(own)))
    let other = members.first { BackendType.isUncommon($0.name, of: "netdev") }
    guard option.name == "netdev", let type, let other else { return }
    plan.ask(BackendType(parameter: other.name, ofNetwork: type, option.location, text: bare(own + [(other.name, "x")])))
  }

  /// The items in the form that the option has.
  private func bare(_ items: [(name: String, value: String)]) -> String {
    text.hasPrefix("{") ? JSON.object(items.map { JSON.Member($0.name, .string($0.value)) }).text() : OptionText.keyval(items)
  }

  func replaced(_ option: String, _ text: String, _ why: String, _ plan: inout RehearsalPlan) {
    plan.note(name, why)
    plan.keep("-\(option)", text, self.option.location, isChanged: true)
  }

  /// Bits of an address where the host's processor decides: prediction has a rule about the host's.
  private static let addressBits = 52
  /// Features of `-cpu` that only KVM has, or that compare with the host's processor.
  private static let ofKVM: Set<String> = [
    "enforce", "check", "hv-passthrough", "hv_passthrough", "hv-vpindex", "hv_vpindex", "host-cache-info", "kvm-no-adjvtime",
    "kvm-steal-time", "host-phys-bits",
  ]

  /// The model is libvirt's choice: of `host-model` always, of others where QEMU or the host lacks a part of them. Its width of
  /// addresses limits the guest's memory.
  private func processorOfDomain(_ plan: inout RehearsalPlan) {
    guard plan.isX86 else { return plan.note("`<cpu>`", "left out: libvirt chooses the model", isUntried: true) }
    let isHosts = option.value.isUnknown || text == "host" || text.hasPrefix("host,")
    if !isHosts { plan.note("`<cpu>`", "replaced by `max`: libvirt chooses the model", isUntried: true) }
    processor((isHosts ? "host" : "max") + text.drop { $0 != "," }, &plan)
  }

  private func processor(_ text: String, _ plan: inout RehearsalPlan) {
    if plan.isOfTCG { return plan.keep("-cpu", text, option.location) }
    var items = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    let isHosts = items.first == "host"
    if isHosts { items[0] = "max" }
    plan.hasHostProcessor = isHosts
    var width = isHosts ? PlannedOption.addressBits : nil
    items.removeAll { item in
      let (key, value) = (item.prefix { $0 != "=" }, item.drop { $0 != "=" }.dropFirst())
      if key == "host-phys-bits", value.isEmpty || value == "on" { width = width ?? PlannedOption.addressBits }
      if key == "host-phys-bits-limit", let limit = Int(value) { width = limit }
      if key == "hv-vpindex" || key == "hv_vpindex" { return plan.asksForKVM }
      return PlannedOption.ofKVM.contains(String(key)) || key == "host-phys-bits-limit"
    }
    if isHosts { plan.note("`-cpu`", "`host` is `max`: the host's processor needs KVM") }
    if let width, plan.isX86, !items.contains(where: { $0.hasPrefix("phys-bits") }) {
      plan.note("`-cpu`", "addresses have \(width) bits, regardless of the host")
      items.append("phys-bits=\(width)")
    }
    plan.keep("-cpu", items.joined(separator: ","), option.location, isChanged: isHosts || text != self.text)
  }

  /// Members of `-fw_cfg` and `-smbios` that are text.
  private static let texts: Set<String> = ["name", "string", "manufacturer", "version", "family", "sku", "asset", "value", "date"]

  private func boot(_ plan: inout RehearsalPlan) {
    let items = OptionText.items(text, implied: "order")
    let kept = items.filter { HostProperty.reason($0.name, $0.value) == nil && !isOpen($0.name, plan) && !isOpen($0.value, plan) }
    if kept.count == items.count { return plan.keep("-boot", text, option.location) }
    plan.note(name, "without what names a file, or is not written out")
    if !kept.isEmpty { plan.keep("-boot", OptionText.keyval(kept), option.location) }
  }

  private func withoutFiles(_ plan: inout RehearsalPlan) {
    let items = OptionText.items(text, implied: option.name == "fw_cfg" ? "name" : nil)
    let isKept = items.allSatisfy { item in
      item.name != "gen_id" && (PlannedOption.texts.contains(item.name) || HostProperty.reason(item.name, item.value) == nil)
    }
    if isKept { return plan.keep("-\(option.name)", text, option.location) }
    plan.note(name, "left out: it names a file")
  }

  private func port(_ plan: inout RehearsalPlan) {
    let isKept = text == "none" || text.hasPrefix("chardev:")
    plan.keep("-\(option.name)", isKept ? text : "null", option.location, isChanged: !isKept)
  }

  /// A backend of another kind with the same id.
  private func backend(_ kind: String, implied: String, keeping: Set<String>, _ plan: inout RehearsalPlan) {
    ask(implied: implied, naming: ["id"], &plan)
    let items = OptionText.members(text, implied: implied).filter { name, value in
      if keeping.contains(name) { return true }
      // QEMU has one list of parameters for character devices of all types, and `null` ignores those of others.
      return BackendType.isUncommon(name, of: option.name) && HostProperty.reason(name, value) == nil && !isOpen(value, plan)
    }
    replaced(
      option.name, OptionText.keyval([(implied, kind)] + items), "replaced by `\(kind)`: the backend is the host's", &plan)
  }

  private func sound(_ plan: inout RehearsalPlan) {
    let model = OptionText.items(text, implied: "driver").filter { $0.name == "model" }
    replaced("audio", OptionText.keyval([("driver", "none")] + model), "replaced by `none`: the backend is the host's", &plan)
  }

  /// Whether it is a character device that opens nothing.
  private func isOfMemory(_ plan: RehearsalPlan) -> Bool {
    let items = OptionText.items(text, implied: "backend")
    let type = items.last { $0.name == "backend" }?.value ?? ""
    return ["null", "ringbuf", "memory", "mux", "hub"].contains(type) && !text.hasPrefix("{") && !items.contains { $0.name == "logfile" }
      && RehearsalPlan.isWritten(text) && !plan.isShells(option.location)
  }

  /// Parameters of `-netdev user` that open nothing.
  private static let ofUser: Set<String> = [
    "type", "id", "net", "host", "restrict", "hostname", "dhcpstart", "dns", "dnssearch", "domainname", "ipv4", "ipv6", "ip", "ipv6-net",
    "ipv6-host", "ipv6-prefix", "ipv6-prefixlen", "ipv6-dns",
  ]

  private func network(_ plan: inout RehearsalPlan) {
    let items = OptionText.items(text, implied: "type")
    let kept = items.filter { PlannedOption.ofUser.contains($0.name) }
    let isTried = items.last { $0.name == "type" }?.value == "user" && !text.hasPrefix("{") && RehearsalPlan.isWritten(text)
      && !plan.isShells(option.location)
    if isTried, kept.count == items.count { return plan.keep("-netdev", text, option.location) }
    plan.tryOnMonitor(option, text)
    ask(implied: "type", naming: ["id"], &plan)
    if isTried { return replaced("netdev", OptionText.keyval(kept), "without what opens a port or names a file", &plan) }
    let members = OptionText.members(text, implied: "type")
    let id = members.filter { $0.name == "id" }
    if let type = members.first(where: { $0.name == "type" })?.value, ["vhost-user", "vhost-vdpa", "passt"].contains(type) {
      plan.networksOfProcesses.formUnion(id.map(\.value))
    }
    // Each is alone on a hub of its own.
    let hub = plan.parts.count + 1
    replaced(
      "netdev", OptionText.keyval([("type", "hubport")] + id + [("hubid", "\(hub)")]), "replaced by a hub without a connection", &plan)
  }

  private func card(_ plan: inout RehearsalPlan) {
    let items = OptionText.items(text, implied: "type")
    let type = items.first { $0.name == "type" }?.value
    if type == "none" { return plan.keep("-\(option.name)", text, option.location) }
    plan.note(name, "without a connection")
    if option.name == "net", type != "nic" { return }
    let kept = items.filter { ["model", "macaddr", "addr", "vectors"].contains($0.name) }
    let mac = items.filter { $0.name == "mac" }.map { (name: "macaddr", value: $0.value) }
    plan.keep("-net", OptionText.keyval([("type", "nic")] + kept + mac), option.location, isChanged: true)
  }

  private func node(_ plan: inout RehearsalPlan) {
    ask(implied: "driver", naming: ["node-name"], &plan)
    let members = OptionText.members(text, implied: "driver").filter { ["node-name", "read-only"].contains($0.name) }
    guard members.contains(where: { $0.name == "node-name" }) else { return plan.note(name, "left out: it has no name") }
    replaced(
      "blockdev", PlannedOption.null + "," + OptionText.keyval(members), "replaced by an empty disk: the image is the host's", &plan)
  }

  private func disk(_ plan: inout RehearsalPlan) {
    let index = ["hda": 0, "hdb": 1, "hdc": 2, "hdd": 3][option.name] ?? 2
    let media = option.name == "cdrom" ? "cdrom" : "disk"
    replaced(
      "drive", PlannedOption.null + ",index=\(index),media=\(media)", "replaced by an empty disk: the image is the host's", &plan)
  }

  private func floppy(_ plan: inout RehearsalPlan) {
    let text = "driver=null-co,read-zeroes=on,size=1474560,if=floppy,index=\(option.name == "fda" ? 0 : 1)"
    replaced("drive", text, "replaced by an empty disk: the image is the host's", &plan)
  }

  /// QEMU makes a backend and its device, and chooses what is not given (QEMU system/vl.c).
  private func sharedFolder(_ plan: inout RehearsalPlan) {
    let items = OptionText.items(text, implied: "fsdriver").filter { ["fsdriver", "id", "mount_tag"].contains($0.name) }
    let own = items.map { $0.name == "fsdriver" ? (name: "fsdriver", value: "synth") : $0 }
    replaced("virtfs", OptionText.keyval(own), "replaced by `synth`: the folder is the host's", &plan)
  }
}

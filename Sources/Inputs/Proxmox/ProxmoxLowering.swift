import Facts
import Syntax

/// Lowers one machine for one host.
struct ProxmoxLowering {
  let machine: ProxmoxMachine
  /// Whether the host is an Arm machine; nil where its recording does not show it.
  let isArm: Bool?
  let functions: ProxmoxMachine.FunctionsOfSlot
  var definition: ParsedInput
  /// The type of the `vga:` entry; nil where it is not given.
  var display: String?
  /// Host functions that an entry has been given.
  var used: Set<String> = []

  var config: ProxmoxConfig { machine.config }

  init(_ machine: ProxmoxMachine, isArm: Bool?, _ functions: @escaping ProxmoxMachine.FunctionsOfSlot) {
    self.machine = machine
    self.isArm = isArm
    self.functions = functions
    definition = ParsedInput(machine: MachineConfig(source: machine.config.source.name, emulator: "kvm"))
    display = machine.config.entry("vga").map { entry in
      let vga = ProxmoxProperties(entry.value)
      return vga[""] ?? vga["type"] ?? "std"
    }
  }

  /// Lowers everything, in the order of Proxmox's command line.
  mutating func lower() {
    definition.readElements = machine.readEntries
    if machine.isTemplate { return lowerTemplate() }
    noteLock()
    if noteOtherArchitecture() { return }
    definition.machine.proxmox = ProxmoxStart(needsKVM: !isEmulated)
    definition.machine.service = ServiceLimits(user: .known("root"))
    readMachine()
    readOptions()
    refuseMemory()
    readIOMMU()
    addBoard()
    for entry in machine.assigned { assign(entry) }
    addDisplay()
    addBalloon()
    addStorage()
    addNetwork()
    if let device = viommu, device.model == "virtio" { add(device.properties, place("machine")) }
    addLaunchSecurity()
    appendArguments()
  }

  /// Lowers a template, which starts for its backup only: with its disks, and nothing else of the configuration.
  private mutating func lowerTemplate() {
    definition.machine.machine.append(Property(name: "type", value: .string("pc"), location: place("template")))
    note("nodefaults", "", whole)
    note("accel", "tcg", place("template"))
    definition.readElements += [config.entry("args").map(config.location)].compactMap { $0 }
  }

  /// Notes a machine that is not x86's. Without `arch:` it has the host's architecture (qemu-server
  /// PVE/QemuServer.pm: get_vm_arch).
  /// - Returns: whether a device of the host may be in it; it is not lowered then.
  private mutating func noteOtherArchitecture() -> Bool {
    let entry = config.entry("arch")
    guard entry.map({ $0.value.text != "x86_64" }) ?? (isArm == true) else { return false }
    let arguments = config.entry("args").flatMap { $0.value.text.contains("vfio") ? $0.range : nil }
    guard let first = machine.assigned.first?.location.range ?? arguments else { return false }
    definition.noteUnread(
      entry.map { "the machine of `arch: \($0.value.text)`" } ?? "the machine of an Arm host without `arch:`",
      "of Proxmox's machines only those of x86 are modelled", entry?.range ?? first, config.source)
    return true
  }

  /// Notes a machine that another task of Proxmox holds, which starts none until then; and one that was suspended to disk and has pending
  /// changes: its next start resumes it as it was, and which of the two configurations it gets is not modelled (qemu-server
  /// PVE/QemuServer.pm: vm_start, vm_start_nolock).
  private mutating func noteLock() {
    guard let lock = config.entry("lock"),
      (config.entries + config.unused).contains(where: { $0.key.hasPrefix("hostpci") || $0.value.text.contains("vfio") })
    else { return }
    if lock.value.text != "suspended" {
      definition.noteUnread(
        "`lock: \(lock.value.text)`", "Proxmox starts no machine that a task holds: `VM is locked (\(lock.value.text))`", lock.range,
        config.source)
    } else if let change = config.firstChange {
      definition.noteUnread(
        "the pending changes of a suspended machine", "whether they are applied when it is resumed is not modelled", change,
        config.source)
    }
  }

  private mutating func readMachine() {
    let place = config.entry("machine").map(config.location) ?? whole
    func option(_ name: String, _ value: String) {
      definition.machine.machine.append(Property(name: name, value: .string(value), location: place))
    }
    option("type", machine.machineType)
    // Otherwise the program's name, `kvm`, decides.
    if isEmulated { option("accel", "tcg") }
    if !config.flag("acpi", default: true) { option("acpi", "off") }
    if machine.machineOptions?["viommu"] == "intel" { option("kernel-irqchip", "split") }
    if let id = launchSecurity?.id { option("confidential-guest-support", id) }
  }

  /// Whether the machine is to run without KVM.
  private var isEmulated: Bool { !config.flag("kvm", default: true) }

  /// The entry of a confidential guest, and the id of its object.
  private var launchSecurity: (entry: ProxmoxConfig.Entry, id: String, name: String)? {
    if let entry = config.entry("amd-sev") { return (entry, "sev0", "AMD SEV") }
    return config.entry("intel-tdx").map { ($0, "tdx0", "Intel TDX") }
  }

  /// The object of a confidential guest. The width that SEV takes from addresses is the host's (qemu-server
  /// PVE/QemuServer/CPUConfig.pm: get_amd_sev_object, get_intel_tdx_object).
  private mutating func addLaunchSecurity() {
    guard let (entry, id, name) = launchSecurity else { return }
    let options = ProxmoxProperties(entry.value)
    let isSNP = (options[""] ?? options["type"]) == "snp"
    let type = id == "tdx0" ? "tdx-guest" : isSNP ? "sev-snp-guest" : "sev-guest"
    let place = config.location(entry)
    if !machine.isUEFI { refuse("To use \(name), you need to change the BIOS to OVMF.", "write `bios: ovmf`", place) }
    var properties = [("qom-type", type), ("id", id)].map { Property(name: $0.0, value: .string($0.1), location: place) }
    if id == "sev0" { properties.append(Property(name: "reduced-phys-bits", value: .unknown("the processor's own"), location: place)) }
    definition.machine.objects.append(ObjectRequest(properties: properties, location: place))
  }

  private mutating func readOptions() {
    note("nodefaults", "", whole)
    note("m", memoryOption, place("memory"))
    if let processors = processorOption { note("smp", processors, place(config.entry("cores") == nil ? "sockets" : "cores")) }
    if let entry = config.entry("cpu") {
      let value = ProxmoxLowering.cpu(ProxmoxProperties(entry.value))
      definition.machine.options.append(Property(name: "cpu", value: value, location: config.location(entry)))
    }
    if let entry = config.entry("name") { note("name", entry.value.text, config.location(entry)) }
    if machine.isUEFI { note("drive", "if=pflash,unit=0,format=raw,readonly=on", place("bios")) }
  }

  /// The part of `-cpu` that determines the width of guest addresses. Names that QEMU does not have are Proxmox's own (qemu-server
  /// PVE/QemuServer/CPUConfig.pm: builtin_models); a model of /etc/pve/virtual-guest/cpu-models.conf is not known.
  private static func cpu(_ cpu: ProxmoxProperties) -> PropertyValue {
    var model = cpu[""] ?? cpu["cputype"] ?? "kvm64"
    if model.hasPrefix("custom-") { return .unknown(model) }
    if model.hasPrefix("x86-64-v") { model = "qemu64" }
    if model.hasPrefix("Icelake-Client") { model = "Icelake-Server\(model.dropFirst("Icelake-Client".count))" }
    switch cpu["phys-bits"] {
    case "host": return .string(model + ",host-phys-bits=on")
    case let bits?: return .string(model + ",phys-bits=" + bits)
    case nil: return .string(model)
    }
  }

  /// The device of `viommu=`, and its model.
  private var viommu: (model: String, properties: [(String, String)])? {
    guard let model = machine.machineOptions?["viommu"] else { return nil }
    let bits = machine.machineOptions?["aw-bits"].map { [("aw-bits", $0)] } ?? []
    switch model {
    case "intel": return (model, [("driver", "intel-iommu"), ("intremap", "on"), ("caching-mode", "on")] + bits)
    case "virtio": return (model, [("driver", "virtio-iommu-pci")] + bits)
    default: return (model, [])
    }
  }

  /// `viommu=` of the machine: Proxmox puts an Intel one before every other device, and a virtio one behind them
  /// (qemu-server PVE/QemuServer/Machine.pm: assert_valid_machine_property).
  private mutating func readIOMMU() {
    let place = place("machine")
    let bits = machine.machineOptions?["aw-bits"]
    switch viommu?.model {
    case "intel":
      if !machine.isQ35 {
        return refuse("to use Intel vIOMMU please set the machine type to q35", "write `machine: q35,viommu=intel`", place)
      }
      if let bits, bits != "39", bits != "48" {
        refuse("Intel vIOMMU supports only 39 or 48 bits as address width", "write `aw-bits=39` or `aw-bits=48`", place)
      }
      add(viommu?.properties ?? [], place)
    case "virtio": break
    case let other?: refuse("'\(other)' is not a vIOMMU", "write `viommu=intel` or `viommu=virtio`", place)
    case nil where bits != nil:
      refuse("cannot set aw-bits if no vIOMMU is configured", "add `viommu=intel` or `viommu=virtio`, or remove `aw-bits`", place)
    case nil: break
    }
  }

  /// Adds the devices that every machine of Proxmox has.
  private mutating func addBoard() {
    if machine.isQ35 {
      for device in ProxmoxSlots.q35Configuration { add(device, whole) }
      return
    }
    // The slot 0x1f is that of the bridge which a graphics device in legacy mode needs.
    let isLegacyIGD = machine.assigned.contains(where: \.isLegacyIGD)
    for (number, bus, slot) in [(1, "pci.0", 0x1e), isLegacyIGD ? (2, "pci.1", 0x1e) : (2, "pci.0", 0x1f)] {
      add(
        [
          ("driver", "pci-bridge"), ("id", "pci.\(number)"), ("chassis_nr", "\(number)"), ("bus", bus),
          ("addr", ProxmoxSlots.hex(slot))
        ], whole)
    }
    add([("driver", "piix3-usb-uhci"), ("id", "uhci"), ("bus", "pci.0"), ("addr", "0x1.0x2")], whole)
  }

  private mutating func addDisplay() {
    let drivers = [
      "std": "VGA", "cirrus": "cirrus-vga", "vmware": "vmware-svga", "qxl": "qxl-vga", "virtio": "virtio-vga",
      "virtio-gl": "virtio-vga-gl"
    ]
    // Proxmox refuses a graphics device in legacy mode beside any display; QEMU never sees one.
    if machine.assigned.contains(where: \.isLegacyIGD) { return }
    let kind = display ?? "std"
    // Several screens of one qxl card: `qxl2` to `qxl4`.
    guard let driver = drivers[kind] ?? (kind.hasPrefix("qxl") ? "qxl-vga" : nil) else { return }
    let slot = machine.isQ35 ? ("pcie.0", "0x1") : ("pci.0", "0x2")
    add([("driver", driver), ("id", "vga"), ("bus", slot.0), ("addr", slot.1)], place("vga"))
  }

  private mutating func addBalloon() {
    if config.text("balloon").flatMap({ Int($0) }) == 0 { return }
    add([("driver", "virtio-balloon-pci"), ("id", "balloon0"), ("bus", "pci.0"), ("addr", "0x3")], place("balloon"))
  }

  /// Network cards, with which a host device may share a bus.
  private mutating func addNetwork() {
    let drivers = ["virtio": "virtio-net-pci"]
    // Each is a key too, whose value is the address: `virtio=BC:24:11:…` (qemu-server PVE/QemuServer.pm: $nic_model_list, parse_net).
    let models = [
      "e1000", "e1000-82540em", "e1000-82544gc", "e1000-82545em", "e1000e", "i82551", "i82557b", "i82559er", "ne2k_isa", "ne2k_pci",
      "pcnet", "rtl8139", "virtio", "vmxnet3"
    ]
    for entry in config.entries where entry.key.hasPrefix("net") {
      guard let index = Int(entry.key.dropFirst(3)), (0..<32).contains(index) else { continue }
      let card = ProxmoxProperties(entry.value)
      let model = card[""] ?? card["model"] ?? card.items.first { models.contains($0.key) }?.key ?? "e1000"
      let slot = ProxmoxSlots.network(index)
      add(
        [("driver", drivers[model] ?? model), ("id", entry.key), ("bus", slot.bus), ("addr", slot.address)],
        config.location(entry))
    }
  }

  /// `args:` is split at blanks outside quotes and appended unchanged: nothing else is special (Perl's Text::ParseWords, by
  /// qemu-server PVE/QemuServer.pm: config_to_command).
  private mutating func appendArguments() {
    guard let entry = config.entry("args") else { return }
    let words = ShellWords(LiteralBytes.hidden(EmbeddedCommand.only([entry.value.range], of: config.source.bytes)))
    let more = CommandLineReader(
      config.source, options: words.words.map { $0.mapping(LiteralBytes.shown) }, after: ["chardev", "drive", "mon", "netdev", "tpmdev"]
    ).definition
    var own = more.machine
    own.sets.removeAll { $0.group == "device" && hasDevice($0.id) }
    definition.machine.append(own)
    definition.problems += more.problems
    definition.problems += words.problems.map { problem in
      InputProblem(
        message: problem.message, fix: "close the quote",
        location: Location(source: config.source.name, range: problem.range, path: "args"))
    }
  }

  /// The part that belongs to the file as a whole.
  private var whole: Location { Location(source: config.source.name, range: nil, path: "") }

  func place(_ key: String) -> Location { config.entry(key).map(config.location) ?? whole }

  private mutating func note(_ name: String, _ value: String, _ place: Location) {
    definition.machine.options.append(Property(name: name, value: .string(value), location: place))
  }

  mutating func add(_ properties: [(String, String)], _ place: Location) {
    add(properties.map { Property(name: $0.0, value: .string($0.1), location: place) }, place)
  }

  mutating func add(_ properties: [Property], _ place: Location) {
    definition.machine.devices.append(DeviceRequest(form: .keyval, plug: .cold, properties: properties, location: place))
  }

  mutating func refuse(_ message: String, _ fix: String, _ place: Location) {
    definition.problems.append(ProxmoxMachine.refusal(message, fix, place))
  }
}

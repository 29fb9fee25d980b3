import Facts

extension Guest {
  /// The topology that a machine type starts with, from the QEMU 11.1 source of each. A static definition is assumed
  /// not to be migrating.
  init(_ machine: MachineConfig, _ qemu: QEMUProfile) {
    let kind = MachineKind(machine)
    var root: GuestBus?
    switch kind {
    case .q35: root = Guest.q35(machine)
    case .i440fx: root = Guest.i440fx(machine)
    case .virt, .microvm: root = Guest.virt
    case .withoutPCI, .unknown: break
    }
    let usb = machine.boardUSB(kind)
    root?.occupants.merge(usb) { there, _ in there }
    for device in machine.addedDevices(kind, qemu) { root?.place(device) }
    root?.unplacedDeviceCount += machine.devicesOfOptions
    var rootBus: Known<String?> = .known(root?.name)
    if case .unknown(let why) = kind { rootBus = .unknown("guest's PCI topology", why) }
    self.init(buses: root.map { [$0] } ?? [], rootBus: rootBus, ids: [:], migrating: .known(false))
    otherBuses = SharedMap(kind.otherBuses)
    hostBridge = kind.hostBridge
    if root != nil, let index = machine.indexOfHostBridge(qemu) { acpiIndexes.insert(index) }
    if kind == .q35, !machine.hasBoardDevice("sata") { for (name, type) in otherBuses where type == "IDE" { otherBuses[name] = nil } }
    if kind == .q35 && !machine.hasBoardDevice("smbus") || kind == .i440fx && !machine.hasACPI { otherBuses["i2c"] = nil }
    automaticBuses["ide"] = otherBuses.values.count { $0 == "IDE" }
    // The host bridge of i440fx has named its bus by the type.
    if kind == .i440fx { automaticBuses["pci"] = 1 }
    // The controller of microvm is not a PCI device (QEMU hw/i386/microvm.c: microvm_devices_init).
    if !usb.isEmpty || kind == .microvm && machine.hasUSB {
      otherBuses["usb-bus.0"] = "usb-bus"
      automaticBuses["usb-bus"] = 1
    }
    if machine.hasAudioBus {
      otherBuses["hda.0"] = "HDA"
      automaticBuses["hda"] = 1
    }
    iommus = Guest.iommu(of: machine, kind).map { [$0] } ?? []
    isPlacedByLibvirt = machine.libvirt != nil
    hasACPIBridges = rootBus.flatMap { _ in machine.hasACPIBridges(kind) }
    checksChosenSlots = !qemu.isBefore(8, 0)
    stopsACPIAtPorts = qemu.isBefore(8, 0)
    makesVirtualFunctions = !qemu.isBefore(10, 0)
    if machine.libvirt == nil, qemu.modelledRelease != nil, let memory = MemoryOption(machine, qemu) {
      memoryDevices = MemoryDevices(machine, memory, qemu)
    }
  }

  /// `q35` (QEMU hw/i386/pc_q35.c: pc_q35_init); the devices as 11.1.3 names them.
  private static func q35(_ machine: MachineConfig) -> GuestBus {
    var taken = [0: SlotDevice(board: "mch"), 0xf8: SlotDevice(board: "ICH9-LPC", multifunction: true)]
    if machine.hasBoardDevice("sata") { taken[0xfa] = SlotDevice(board: "ich9-ahci") }
    if machine.hasBoardDevice("smbus") { taken[0xfb] = SlotDevice(board: "ICH9-SMB") }
    return GuestBus(
      "pcie.0", kind: .root, isExpress: true, takesHotplug: .known(false), isHandledByACPI: machine.hasACPIBridges(.q35),
      parent: nil, occupants: taken)
  }

  /// `pc` (QEMU hw/i386/pc_piix.c: pc_init1). ACPI plugs into the root bus, unless acpi-root-pci-hotplug is off
  /// (hw/acpi/piix4.c).
  private static func i440fx(_ machine: MachineConfig) -> GuestBus {
    var taken = [
      0: SlotDevice(board: "i440FX"), 8: SlotDevice(board: "PIIX3", multifunction: true), 9: SlotDevice(board: "piix3-ide"),
    ]
    // Without ACPI there is no power management.
    if machine.hasACPI { taken[0xb] = SlotDevice(board: "PIIX4_PM") }
    let hotplug = machine.hasACPI && machine.global("acpi-root-pci-hotplug", of: "PIIX4_PM") ?? true
    return GuestBus(
      "pci.0", kind: .root, isExpress: false, takesHotplug: .known(hotplug), isHandledByACPI: .known(machine.hasACPI),
      parent: nil, occupants: taken)
  }

  /// `virt`: a generic Express host bridge (QEMU hw/arm/virt.c: create_pcie).
  private static var virt: GuestBus {
    GuestBus(
      "pcie.0", kind: .root, isExpress: true, takesHotplug: .known(false), parent: nil,
      occupants: [0: SlotDevice(board: "gpex-root")])
  }
}

extension GuestBus {
  /// Puts a device into its slot, or the first free one.
  mutating func place(_ device: AddedDevice) {
    switch device {
    case .fixed(let there, let slot): put(there, at: slot * 8)
    case .placed(let there):
      if unplacedDeviceCount == 0, let devfn = freeDevfn { put(there, at: devfn) } else { unplacedDeviceCount += 1 }
    case .unplaced: unplacedDeviceCount += 1
    }
  }

  private mutating func put(_ device: SlotDevice, at devfn: Int) {
    occupants[devfn] = device
    // No modelled release has an igb that makes them later.
    if device.driver == "igb" { add(EmulatedSRIOV.igb, of: devfn) }
  }
}

extension MachineKind {
  /// The buses of the board that are not PCI, with the names that QEMU gives to their types (observed on 11.1.3).
  fileprivate var otherBuses: [String: String] {
    switch self {
    case .q35: return MachineKind.otherBusesOfQ35
    case .i440fx: return MachineKind.otherBusesOfPC
    case .virt: return ["main-system-bus": "System"]
    case .microvm, .withoutPCI: return ["main-system-bus": "System", "isa.0": "ISA"]
    case .unknown: return [:]
    }
  }

  /// The type of the board's host bridge.
  fileprivate var hostBridge: String? {
    switch self {
    case .q35: "q35-pcihost"
    case .i440fx: "i440FX-pcihost"
    case .virt, .microvm: "gpex-pcihost"
    case .withoutPCI, .unknown: nil
    }
  }

  private static let otherBusesOfPC = [
    "main-system-bus": "System", "isa.0": "ISA", "i2c": "i2c-bus", "ide.0": "IDE", "ide.1": "IDE",
  ]
  private static let otherBusesOfQ35 = otherBusesOfPC.merging((2..<6).map { ("ide.\($0)", "IDE") }) { first, _ in first }
}

extension SlotDevice {
  /// A device that is part of the board.
  init(board driver: String, multifunction: Bool = false) {
    self.init(driver: driver, id: nil, isMultifunction: .known(multifunction))
  }
}

/// The machine types whose topology is known.
enum MachineKind: Hashable {
  case q35, i440fx, virt, microvm, withoutPCI
  case unknown(String)

  init(_ machine: MachineConfig) {
    if let missing = machine.missingPart {
      self = .unknown(missing)
      return
    }
    switch machine.machineType?.value {
    case .string("microvm"):
      // QEMU hw/i386/microvm.c: the same generic host bridge as virt's, only with `pcie=on`, an OnOffAuto.
      // It needs ACPI.
      self = machine.machineOption("pcie") == "on" && machine.hasACPI ? .microvm : .withoutPCI
    case .string(let type):
      let kind = MachineKind(type: type)
      // Other processors have a `virt` of their own.
      if kind == .virt, EmulatedProcessor(machine.emulator) == .other {
        self = .unknown("`\(type)` of `\(machine.emulator ?? "")` is not a machine that vfiogate models")
      } else {
        self = kind
      }
    case .none: self = MachineKind(emulator: machine.emulator)
    case .unknown(let text): self = .unknown("the machine type is written as `\(text)`")
    case .some: self = .unknown("the machine type is not a text")
    }
  }

  private init(type: String) {
    if type == "q35" || type.hasPrefix("pc-q35-") { self = .q35 }
    else if type == "pc" || type.hasPrefix("pc-i440fx-") { self = .i440fx }
    else if type == "virt" || type.hasPrefix("virt-") { self = .virt }
    else if ["none", "isapc"].contains(type) { self = .withoutPCI }
    else { self = .unknown("machine type `\(type)` is not one that vfiogate models") }
  }

  /// The default machine of x86 is `pc`; Arm has none, and QEMU stops. Debian has `kvm` on x86 alone; `qemu-kvm` is the
  /// QEMU of the distribution's architecture.
  private init(emulator: String?) {
    switch emulator {
    case "qemu-system-x86_64", "qemu-system-i386", "kvm": self = .i440fx
    case "qemu-kvm":
      self = .unknown("no machine type is given, and the default of `qemu-kvm` depends on its architecture")
    default: self = .unknown("no machine type is given")
    }
  }
}

extension MachineConfig {
  /// Whether a machine of x86 has ACPI, which `-machine acpi=off` removes. i440fx plugs PCI devices by it alone, and q35's ICH9
  /// without it too; memory modules need it on both.
  var hasACPI: Bool {
    hasBoardDevice("acpi") && !hasOption("no-acpi")
  }

  /// Whether a part of the board that is there by default is not switched off. With a value that only the shell knows
  /// it counts as there: its slot must not be given to another device.
  fileprivate func hasBoardDevice(_ name: String) -> Bool {
    machine.last { $0.name == name }.map { QEMUBool($0.value) } != .off
  }

  /// The last `-global` for a boolean property of a board's device.
  fileprivate func global(_ property: String, of driver: String) -> Bool? {
    globals.last { $0.driver == driver && $0.property == property }.map { QEMUBool($0.value) != .off }
  }

  /// Whether ACPI plugs behind bridges (QEMU hw/acpi/ich9.c and piix4.c); on for q35 since 6.1 (query-machines of
  /// 11.1.3: pc-q35-6.0 and older switch it off), and off for virt's GED.
  fileprivate func hasACPIBridges(_ kind: MachineKind) -> Known<Bool> {
    let property = "acpi-pci-hotplug-with-bridge-support"
    switch kind {
    case .q35:
      let isOld = version(after: "pc-q35-").map { $0 <= (6, 0) } ?? false
      return .known(global(property, of: "ICH9-LPC") ?? !isOld)
    case .i440fx: return .known(hasACPI && global(property, of: "PIIX4_PM") ?? true)
    case .virt, .microvm: return .known(global(property, of: "acpi-ged") ?? false)
    case .withoutPCI: return .known(false)
    case .unknown(let why): return .unknown("ACPI hotplug", why)
    }
  }

  /// The version in `pc-q35-9.2` and `pc-q35-4.0.1`; nil for an unversioned type, which is the newest.
  public func version(after prefix: String) -> (Int, Int)? {
    guard let type = machineType?.value.string, type.hasPrefix(prefix) else { return nil }
    let text = type.utf8.dropFirst(prefix.utf8.count)
    guard let dot = text.firstIndex(of: UInt8(ascii: ".")), let major = Int(Substring(text[..<dot])),
      let minor = Int(Substring(text[dot...].dropFirst().prefix(while: \.isASCIIDigit)))
    else { return nil }
    return (major, minor)
  }

  /// Whether the machine type is one of x86 alone.
  var isOfX86: Bool {
    let type = machineType?.value.string
    switch MachineKind(self) {
    case .q35, .i440fx, .microvm: return true
    case .virt, .withoutPCI, .unknown: return type == "microvm" || type == "isapc"
    }
  }

  /// The version of a machine type of q35 or i440fx; nil for the newest.
  var versionOfPC: (Int, Int)? { version(after: "pc-q35-") ?? version(after: "pc-i440fx-") }

  /// The text of a machine option; nil when it is not given, or only the shell knows it.
  func machineOption(_ name: String) -> String? { machine.last { $0.name == name }?.value.string }
}

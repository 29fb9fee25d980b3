import Facts

extension MachineConfig {
  /// Options of which a value decides whether QEMU starts and is left to QEMU, because it is not modelled or not known: `-cpu`,
  /// `-drive`, in the order of the text, and then `-machine`, `-global` and `-object`.
  public func uncheckedOptions(_ qemu: QEMUProfile) -> [String] {
    var names: [String] = []
    // QEMU merges all options of these names: the answer for one is that for each.
    var merged: [String: Bool] = [:]
    for option in options {
      let isOneOfMany = ["smp", "m"].contains(option.name)
      let isChecked = (isOneOfMany ? merged[option.name] : nil) ?? self.isChecked(option, qemu)
      if isOneOfMany { merged[option.name] = isChecked }
      if isChecked { continue }
      let isFlag = MachineConfig.flags.contains(option.name)
      if !isFlag || MachineConfig.uncheckedFlags.contains(option.name) { names.append("-" + option.name) }
    }
    if !uncheckedMachineOptions.isEmpty { names.append("-machine") }
    if !globals.allSatisfy({ isChecked($0, qemu) }) { names.append("-global") }
    if !objects.allSatisfy(isChecked) { names.append("-object") }
    return names.unique
  }

  /// Options without an argument that not every QEMU has been built with, and `-s`, whose port may be taken.
  private static let uncheckedFlags: Set<String> = ["s", "semihosting", "xen-attach", "xen-domid-restrict"]

  private func isChecked(_ option: Property, _ qemu: QEMUProfile) -> Bool {
    switch option.name {
    case "machine", "M", "global", "readconfig", "device": return true
    case "accel": return MachineConfig.isChecked(accelerator: option)
    case "smp":
      // KVM's maximum is the host's, and older SMBIOS tables have room for fewer in a socket.
      switch ProcessorTopology.read(self, qemu) {
      case .unknown: return false
      case .topology(let topology): return MachineKind(self) == .virt ? topology.fitGIC(self, qemu) : topology.maximum < 255
      case .refused: return true
      }
    case "m":
      guard let memory = MemoryOption(self, qemu) else { return false }
      switch MachineKind(self) {
      // A microvm has no limit of its own, and QEMU makes room for each slot.
      case .q35, .i440fx, .microvm: return memory.slots.map { $0 <= 256 } ?? true
      case .virt: return memory.maximum == nil && memory.slots == nil || addressBitsOfVirt != nil
      case .withoutPCI, .unknown: return memory.maximum == nil && memory.slots == nil
      }
    case "numa":
      guard option.isNUMANode, let memory = MemoryOption(self, qemu) else { return false }
      switch MachineKind(self) {
      case .q35, .i440fx, .microvm, .virt: return NUMANodes.read(self, memory, qemu).isKnown
      case .withoutPCI, .unknown: return false
      }
    default: return false
    }
  }

  // MARK: - Accelerators

  /// Accelerators that a QEMU may have.
  static let accelerators: Set<String> = ["hax", "hvf", "kvm", "mshv", "nitro", "nvmm", "qtest", "tcg", "whpx", "xen"]

  private static func isChecked(accelerator option: Property) -> Bool {
    guard let text = option.value.string else { return false }
    let items = OptionText.items(text, implied: "accel")
    guard let name = items.last(where: { $0.key == "accel" })?.value, name == "tcg" || name == "kvm" else { return false }
    return items.allSatisfy { key, value in
      switch key {
      case "accel": return true
      case "kernel-irqchip": return name == "kvm" && ["on", "off", "split"].contains(value)
      case "thread": return name == "tcg" && ["single", "multi"].contains(value)
      default: return false
      }
    }
  }

  /// The refusal of the one accelerator that is named; of several QEMU takes the first that works (QEMU system/vl.c:
  /// do_configure_accelerator; observed on 7.2.22, 10.0.13 and 11.1.3).
  var unknownAccelerator: LaunchFailure? {
    let given = options.filter { $0.name == "accel" } + machine.filter { $0.name == "accel" }
    guard given.count == 1, let option = given.first, let text = option.value.string,
      !option.value.isOfShell
    else { return nil }
    let isOption = options.contains(option)
    func failure(_ text: String) -> LaunchFailure { LaunchFailure(RealizeFailure(.badOption, text), at: option.location) }
    let items = OptionText.items(text, implied: "accel")
    let name = isOption ? items.last { $0.key == "accel" }?.value : text
    guard let name, !name.isEmpty else { return isOption ? nil : failure("no accelerator found") }
    if !isOption, name.contains(":") { return nil }
    if !MachineConfig.accelerators.contains(name) { return failure("invalid accelerator \(name)") }
    guard isOption, name == "kvm", let irqchip = items.last(where: { $0.key == "kernel-irqchip" })?.value,
      !["on", "off", "split"].contains(irqchip)
    else { return nil }
    return failure("Parameter 'kernel-irqchip' does not accept value '\(irqchip)'")
  }

  // MARK: - Globals

  /// Properties of the board's own devices that are often set.
  private static let ofBoard: [String: Set<String>] = [
    "ICH9-LPC": ["acpi-pci-hotplug-with-bridge-support", "disable_s3", "disable_s4"],
    "PIIX4_PM": ["acpi-pci-hotplug-with-bridge-support", "acpi-root-pci-hotplug", "disable_s3", "disable_s4"],
  ]

  private static let holes: Set<String> = ["q35-pcihost", "i440FX-pcihost"]

  private func isChecked(_ global: GlobalProperty, _ qemu: QEMUProfile) -> Bool {
    if VFIODriverModel.isMeantForVFIO(global.driver) || global.driver == "pci-express-device" { return true }
    if MachineConfig.basesOfDevices.contains(global.driver) || MachineConfig.basesOfHostBridges.contains(global.driver) { return true }
    if PCIDrivers.isBridge(global.driver) || Guest.isIOMMU(global.driver) || PCIDrivers.isBaseOfBridges(global.driver) { return true }
    if MachineConfig.holes.contains(global.driver), global.property == "pci-hole64-size" {
      if case .bytes = QEMUNumber.size(global.value) { return true }
      return false
    }
    guard MachineConfig.ofBoard[global.driver]?.contains(global.property) == true else { return false }
    if global.property.hasPrefix("acpi") { return QEMUBool(global.value) != .invalid }
    if case .natural(let number)? = QEMUNumber.integer(global.value) { return number < 256 }
    return false
  }
}

import Facts

extension MachineConfig {
  /// The refusal of an option of a q35, i440fx, microvm or virt machine (`qom-list-properties` of 11.1.3, 10.0.13 and 7.2.22 for
  /// their machine types).
  func machinePropertyFailures(_ qemu: QEMUProfile) -> [LaunchFailure] {
    if let refused = iommuOfVirt { return [refused] }
    let isVirt = MachineKind(self) == .virt
    guard let release = qemu.modelledRelease, libvirt == nil, let type = typeName(in: release) else { return [] }
    var failures: [LaunchFailure] = []
    if let conflict = twoSpellings { failures.append(conflict) }
    // The last value counts when a name is given twice (QEMU util/keyval.c: keyval_parse_one).
    var last: [String: Property] = [:]
    for property in machine { last[property.name] = property }
    for property in machine where property.name != "type" {
      if let short = property.shortForm {
        let text = "Expected '=' after parameter '\(short)'"
        failures.append(LaunchFailure(RealizeFailure(.badOption, text), at: property.location))
        continue
      }
      if last[property.name] != property { continue }
      // QEMU reads an underscore as a dash, and a dotted name by its first part.
      let name = String((property.name.split(separator: ".").first ?? "").map { $0 == "_" ? "-" : $0 })
      if MachineConfig.ofAccelerator.contains(name) { continue }
      guard let kind = MachineConfig.kind(name, type, release, isVirt) else {
        let text = "Property '\(type)-machine.\(name)' not found"
        failures.append(LaunchFailure(RealizeFailure(.badOption, text), at: property.location))
        continue
      }
      guard case .string(let text) = property.value else { continue }
      if let shape = MachineConfig.shapeRefusal(property.name, name) {
        failures.append(LaunchFailure(RealizeFailure(.badOption, shape), at: property.location))
        continue
      }
      if name == "max-ram-below-4g", QEMUNumber.size(text) == .bytes(1), !type.hasPrefix("microvm") {
        failures.append(LaunchFailure(QEMUCrash.oneByteOfMemory, at: property.location))
        continue
      }
      let refusal = PropertyChecks.refusal(
        name, .string(text), kind: kind, driver: type + "-machine", form: .keyval, isOld: qemu.isBefore(8, 0))
        ?? (isVirt ? VirtMachine.valueRefusal(name, text, release) : nil) ?? MachineConfig.valueRefusal(name, text, release)
        ?? (name == "pcspk-audiodev" && audioIDs?.contains(text) == false ? MachineConfig.missingAudio(text, of: "isa-pcspk", qemu) : nil)
      if let refusal { failures.append(LaunchFailure(RealizeFailure(.badOption, refusal), at: property.location)) }
    }
    if !failures.isEmpty { return failures }
    return isVirt ? virtConflicts(qemu) : [mouseWithoutController(qemu)].compactMap { $0 }
  }

  /// VMware's mouse needs the keyboard controller (QEMU hw/i386/pc.c: pc_superio_init; 7.2 leaves it out).
  private func mouseWithoutController(_ qemu: QEMUProfile) -> LaunchFailure? {
    guard !qemu.isBefore(9, 2), machineSetting("i8042") == .known("off"), machineSetting("vmport") == .known("on"),
      let option = machine.last(where: { $0.name == "vmport" })
    else { return nil }
    return LaunchFailure(RealizeFailure(.badOption, "vmport requires the i8042 controller to be enabled"), at: option.location)
  }

  /// The type of a property of a machine type; nil where it has none.
  private static func kind(_ name: String, _ type: String, _ release: QEMURelease, _ isVirt: Bool) -> PropertyKind? {
    if isVirt { return VirtMachine.kind(name, in: release) }
    return has(name, type, release) ? old(name, release) ?? properties[name] : nil
  }

  /// The refusal of an IOMMU that the machine `virt` does not have (QEMU hw/arm/virt.c: virt_set_iommu).
  private var iommuOfVirt: LaunchFailure? {
    guard MachineKind(self) == .virt, libvirt == nil, let option = machine.last(where: { $0.name == "iommu" }),
      let value = option.value.string, value != "none", value != "smmuv3"
    else { return nil }
    return LaunchFailure(RealizeFailure(.badOption, "Invalid iommu value"), at: option.location)
  }

  /// The machine type without its aliases; nil for a type that is not modelled.
  func typeName(in release: QEMURelease) -> String? {
    switch machineType?.value {
    case .string("q35"): return "pc-q35-\(release)"
    case .string("microvm"): return "microvm"
    case .string("pc"): return "pc-i440fx-\(release)"
    case .string(let type) where MachineKind(self) == .virt: return type == "virt" ? "virt-\(release)" : type
    case .string(let type) where type.hasPrefix("pc-q35-") || type.hasPrefix("pc-i440fx-"): return type
    case nil where MachineKind(self) == .i440fx: return "pc-i440fx-\(release)"
    default: return nil
    }
  }

  /// The refusal of a dotted name for one value, or of one value for several.
  private static func shapeRefusal(_ written: String, _ name: String) -> String? {
    let parts = written.split(separator: ".", omittingEmptySubsequences: false)
    switch name {
    case "boot", "smp": return parts.count == 1 ? "Invalid parameter type for '\(name)', expected: object" : nil
    case "cxl-fmw", "sgx-epc", "smp-cache":
      return parts.count == 1 || Int(parts[1]) == nil ? "Invalid parameter type for '\(name)', expected: array" : nil
    case "memory": return nil
    default: return parts.count == 1 ? nil : "Parameters '\(name).*' are unexpected"
    }
  }

  /// One property by both of its spellings (QEMU util/keyval.c: keyval_dashify).
  private var twoSpellings: LaunchFailure? {
    guard let old = machine.first(where: { $0.name.contains("_") }) else { return nil }
    let new = String(old.name.map { $0 == "_" ? "-" : $0 })
    guard machine.contains(where: { $0.name == new }) else { return nil }
    return LaunchFailure(RealizeFailure(.badOption, "Conflict between '\(old.name)' and '\(new)'"), at: old.location)
  }

  /// The options of `-machine` whose values are left to QEMU.
  var uncheckedMachineOptions: [Property] {
    let kind = MachineKind(self)
    let isPC = kind == .q35 || kind == .i440fx || kind == .microvm
    return machine.filter { property in
      let value = property.value.string
      switch property.name {
      case "type", "memory-backend", "confidential-guest-support", "memory-encryption": return false
      case "accel": return value.map { !$0.split(separator: ":").allSatisfy { ["kvm", "tcg"].contains($0) } } ?? true
      case "kernel-irqchip", "kernel_irqchip": return value.map { !["on", "off", "split"].contains($0) } ?? true
      case "iommu" where kind == .virt: return value == nil
      default:
        if property.name.hasPrefix("smp.") { return !isPC }
        let name = String(property.name.map { $0 == "_" ? "-" : $0 })
        if kind == .virt { return value.map { !isDecidedOfVirt(name, $0) } ?? true }
        return !isPC || value == nil || MachineConfig.properties[name].map { $0 == .text } ?? true && !MachineConfig.limited.contains(name)
      }
    }
  }

  /// Whether a value of a property of `virt` is checked, or cannot keep it from starting.
  private func isDecidedOfVirt(_ name: String, _ value: String) -> Bool {
    if VirtMachine.harmless.contains(name) { return true }
    if name == "gic-version" { return usesKVM == .known(false) && ["2", "3", "max"].contains(value) }
    // The memory's addresses are checked.
    if name == "highmem" { return MemoryOption(self) != nil }
    return VirtMachine.needing.contains(name) && QEMUBool(value) == .off
  }

  /// Options that QEMU gives to the accelerator.
  private static let ofAccelerator: Set<String> = ["accel", "kernel-irqchip", "kvm-shadow-mem", "igd-passthru"]

  /// Whether a machine type of a release has one of the properties.
  private static func has(_ name: String, _ type: String, _ release: QEMURelease) -> Bool {
    let isMicro = type == "microvm"
    switch name {
    case "x-south-bridge": return type.contains("i440fx") && release > QEMURelease(7, 2)
    case "wdat": return type.contains("q35") && release > QEMURelease(10, 0)
    case "spcr", "x-change-vmfd-on-reset": return release > QEMURelease(10, 0)
    case "aux-ram-share", "shim", "smp-cache": return release > QEMURelease(7, 2)
    case "fd-bootchk": return !isMicro && release > QEMURelease(7, 2)
    case _ where MachineConfig.ofMicrovm.contains(name): return isMicro
    default: return !isMicro || !MachineConfig.notOfMicrovm.contains(name)
    }
  }

  private static let ofMicrovm: Set<String> = [
    "auto-kernel-cmdline", "ioapic2", "isa-serial", "pcie", "rtc", "x-option-roms",
  ]

  private static let notOfMicrovm: Set<String> = [
    "cxl", "cxl-fmw", "default-bus-bypass-iommu", "hpet", "i8042", "max-fw-size", "max-ram-below-4g", "nvdimm",
    "nvdimm-persistence", "pcspk-audiodev", "pflash0", "pflash1", "sata", "smbios-entry-point-type", "smbus", "vmport",
  ]

  /// Texts whose values are checked by `valueRefusal`.
  private static let limited: Set<String> = ["bus-lock-ratelimit", "nvdimm-persistence", "phandle-start", "x-oem-id", "x-oem-table-id"]

  /// The type of a property that has another one in an older release.
  private static func old(_ name: String, _ release: QEMURelease) -> PropertyKind? {
    name == "smbios-entry-point-type" && release == QEMURelease(7, 2) ? .choice(["32", "64"]) : nil
  }

  /// Limits of values (QEMU hw/i386/pc.c and x86.c: the setters of these properties).
  private static func valueRefusal(_ name: String, _ text: String, _ release: QEMURelease) -> String? {
    func bytes() -> UInt64 {
      if case .bytes(let bytes) = QEMUNumber.size(text, isOld: release < QEMURelease(8, 0)) { return bytes }
      return 0
    }
    switch name {
    case "max-ram-below-4g" where bytes() > 4 << 30:
      return "Machine option 'max-ram-below-4g=\(bytes())' expects size less than or equal to 4G"
    case "max-fw-size" where bytes() > 16 << 20:
      return "User specified max allowed firmware size \(bytes()) is greater than 16MiB. If combined "
        + "\(release == QEMURelease(7, 2) ? "firwmare" : "firmware") size exceeds 16MiB the system may not boot, or experience "
        + "intermittentstability issues."
    case "x-oem-id" where text.utf8.count > 6: return "User specified x-oem-id value is bigger than 6 bytes in size"
    case "x-oem-table-id" where text.utf8.count > 8: return "User specified x-oem-table-id value is bigger than 8 bytes in size"
    case "nvdimm-persistence" where !["cpu", "mem-ctrl"].contains(text):
      return "-machine nvdimm-persistence=\(text): unsupported option"
    case "bus-lock-ratelimit" where QEMUNumber.integer(text) == nil, "phandle-start" where QEMUNumber.integer(text) == nil:
      return "Parameter '\(name)' expects integer"
    default: return nil
    }
  }

  private static let properties: [String: PropertyKind] = {
    let flags = [
      "auto-kernel-cmdline", "aux-ram-share", "cxl", "default-bus-bypass-iommu", "dump-guest-core", "fd-bootchk", "graphics", "hmat",
      "hpet", "i8042", "isa-serial", "mem-merge", "nvdimm", "sata", "smbus", "spcr", "suppress-vmdesc", "usb", "wdat",
      "x-change-vmfd-on-reset", "x-option-roms",
    ]
    let texts = [
      "append", "boot", "bus-lock-ratelimit", "confidential-guest-support", "cxl-fmw", "dt-compatible", "dtb", "dumpdtb",
      "firmware", "initrd", "kernel", "memory", "memory-backend", "memory-encryption", "nvdimm-persistence",
      "pcspk-audiodev", "pflash0", "pflash1", "phandle-start", "sgx-epc", "shim", "smp", "smp-cache", "x-oem-id",
      "x-oem-table-id",
    ]
    var all: [String: PropertyKind] = [
      "max-fw-size": .size(maximum: nil), "max-ram-below-4g": .size(maximum: nil), "smbios-entry-point-type": .choice(["32", "64", "auto"]),
      "x-south-bridge": .choice(["PIIX3", "piix4-isa"]),
    ]
    for name in flags { all[name] = .bool }
    for name in texts { all[name] = .text }
    for name in ["acpi", "ioapic2", "pcie", "pic", "pit", "rtc", "smm", "vmport"] { all[name] = .onOffAuto }
    return all
  }()
}

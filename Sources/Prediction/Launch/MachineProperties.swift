import Facts

extension MachineConfig {
  /// The refusal of an option of a q35 or i440fx machine (`qom-list-properties` of 11.1.3, 10.0.13 and 7.2.22 for their
  /// machine types), and of two ways to choose the accelerator (QEMU system/vl.c: qemu_apply_legacy_machine_options).
  func machinePropertyFailures(_ qemu: QEMUProfile) -> [LaunchFailure] {
    if let refused = iommuOfVirt { return [refused] }
    guard let release = qemu.modelledRelease, libvirt == nil, let type = typeName(in: release) else { return [] }
    var failures: [LaunchFailure] = []
    for property in machine where property.name != "type" {
      // QEMU reads an underscore as a dash, and a dotted name by its first part.
      let name = String((property.name.split(separator: ".").first ?? "").map { $0 == "_" ? "-" : $0 })
      if name == "accel" {
        guard hasOption("accel") else { continue }
        let text = "The -accel and \"-machine accel=\" options are incompatible"
        failures.append(LaunchFailure(RealizeFailure(.badOption, text), at: property.location))
        continue
      }
      if MachineConfig.ofAccelerator.contains(name) { continue }
      guard let kind = MachineConfig.properties[name], MachineConfig.has(name, type, release) else {
        let text = "Property '\(type)-machine.\(name)' not found"
        failures.append(LaunchFailure(RealizeFailure(.badOption, text), at: property.location))
        continue
      }
      guard case .string(let text) = property.value else { continue }
      let refusal = PropertyChecks.refusal(name, .string(text), kind: kind, driver: type + "-machine", form: .keyval)
      if let refusal { failures.append(LaunchFailure(RealizeFailure(.badOption, refusal), at: property.location)) }
    }
    return failures
  }

  /// The refusal of an IOMMU that the machine `virt` does not have (QEMU hw/arm/virt.c: virt_set_iommu); its other properties are
  /// not modelled.
  private var iommuOfVirt: LaunchFailure? {
    guard MachineKind(self) == .virt, libvirt == nil, let option = machine.last(where: { $0.name == "iommu" }),
      let value = option.value.string, value != "none", value != "smmuv3"
    else { return nil }
    return LaunchFailure(RealizeFailure(.badOption, "Invalid iommu value"), at: option.location)
  }

  /// The machine type without its aliases; nil for a type that is not modelled.
  private func typeName(in release: QEMURelease) -> String? {
    switch machineType?.value {
    case .string("q35"): return "pc-q35-\(release)"
    case .string("pc"): return "pc-i440fx-\(release)"
    case .string(let type) where type.hasPrefix("pc-q35-") || type.hasPrefix("pc-i440fx-"): return type
    case nil where MachineKind(self) == .i440fx: return "pc-i440fx-\(release)"
    default: return nil
    }
  }

  /// Options that QEMU gives to the accelerator.
  private static let ofAccelerator: Set<String> = ["kernel-irqchip", "kvm-shadow-mem", "igd-passthru"]

  /// Whether a machine type of a release has one of the properties.
  private static func has(_ name: String, _ type: String, _ release: QEMURelease) -> Bool {
    switch name {
    case "x-south-bridge": return !type.contains("q35") && release > QEMURelease(7, 2)
    case "wdat": return type.contains("q35") && release > QEMURelease(10, 0)
    case "spcr", "x-change-vmfd-on-reset": return release > QEMURelease(10, 0)
    case "aux-ram-share", "fd-bootchk", "shim", "smp-cache": return release > QEMURelease(7, 2)
    default: return true
    }
  }

  private static let properties: [String: PropertyKind] = {
    let flags = [
      "aux-ram-share", "cxl", "default-bus-bypass-iommu", "dump-guest-core", "fd-bootchk", "graphics", "hmat", "hpet",
      "i8042", "mem-merge", "nvdimm", "sata", "smbus", "spcr", "suppress-vmdesc", "usb", "wdat", "x-change-vmfd-on-reset",
    ]
    let texts = [
      "append", "boot", "bus-lock-ratelimit", "confidential-guest-support", "cxl-fmw", "dt-compatible", "dtb", "dumpdtb",
      "firmware", "initrd", "kernel", "memory", "memory-backend", "memory-encryption", "nvdimm-persistence",
      "pcspk-audiodev", "pflash0", "pflash1", "phandle-start", "sgx-epc", "shim", "smbios-entry-point-type", "smp",
      "smp-cache", "x-oem-id", "x-oem-table-id", "x-south-bridge",
    ]
    var all: [String: PropertyKind] = ["max-fw-size": .size(maximum: nil), "max-ram-below-4g": .size(maximum: nil)]
    for name in flags { all[name] = .bool }
    for name in texts { all[name] = .text }
    for name in ["acpi", "pic", "pit", "smm", "vmport"] { all[name] = .onOffAuto }
    return all
  }()
}

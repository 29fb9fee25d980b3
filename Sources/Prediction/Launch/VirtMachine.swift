import Facts

/// The properties of Arm's machine `virt` (QEMU hw/arm/virt.c; the machine's own help in 11.1.3, 10.0.13 and 7.2.22, its texts with TCG).
enum VirtMachine {
  /// The type of a property in a release that is modelled; nil where it has none.
  static func kind(_ name: String, in release: QEMURelease) -> PropertyKind? {
    if release > QEMURelease(10, 0), let kind = newest[name] { return kind }
    if release > QEMURelease(7, 2), let kind = recent[name] { return kind }
    return old[name]
  }

  private static let old: [String: PropertyKind] = {
    let flags = [
      "default-bus-bypass-iommu", "dtb-kaslr-seed", "dtb-randomness", "dump-guest-core", "graphics", "highmem", "hmat", "its", "mem-merge",
      "mte", "nvdimm", "ras", "secure", "suppress-vmdesc", "usb", "virtualization",
    ]
    let texts = [
      "append", "boot", "confidential-guest-support", "dt-compatible", "dtb", "dumpdtb", "firmware", "gic-version", "initrd", "iommu",
      "kernel", "memory", "memory-backend", "memory-encryption", "nvdimm-persistence", "pflash0", "pflash1", "phandle-start", "smp",
      "x-oem-id", "x-oem-table-id",
    ]
    return Dictionary(uniqueKeysWithValues: flags.map { ($0, .bool) } + texts.map { ($0, .text) } + [("acpi", .onOffAuto)])
  }()

  /// Properties that 7.2 does not have.
  private static let recent: [String: PropertyKind] = [
    "aux-ram-share": .bool, "compact-highmem": .bool, "highmem-ecam": .bool, "highmem-mmio": .bool,
    "highmem-mmio-size": .size(maximum: nil), "highmem-redists": .bool, "shim": .text, "smp-cache": .text,
  ]

  /// Properties that 10.0 does not have.
  private static let newest: [String: PropertyKind] = [
    "cxl": .bool, "cxl-fmw": .text, "msi": .text, "spcr": .bool, "virtio-mmio-transports": .unsigned(bits: 8),
    "x-change-vmfd-on-reset": .bool,
  ]

  /// Properties of which no value that their type accepts keeps the machine from starting.
  static let harmless: Set<String> = [
    "acpi", "aux-ram-share", "default-bus-bypass-iommu", "dt-compatible", "dtb-kaslr-seed", "dtb-randomness", "dump-guest-core", "graphics",
    "mem-merge", "nvdimm", "nvdimm-persistence", "phandle-start", "ras", "spcr", "suppress-vmdesc", "usb", "virtio-mmio-transports",
    "x-change-vmfd-on-reset", "x-oem-id", "x-oem-table-id",
  ]

  /// Properties that need something of the processor or of KVM when they are on.
  static let needing: Set<String> = ["its", "mte", "secure", "virtualization"]

  /// The refusal of a value by its setter.
  static func valueRefusal(_ name: String, _ text: String, _ release: QEMURelease) -> String? {
    switch name {
    case "gic-version":
      let known = ["2", "3", "4", "host", "max"] + (release > QEMURelease(10, 0) ? ["x-5"] : [])
      return known.contains(text) ? nil : "Invalid gic-version value"
    case "msi": return ["auto", "gicv2m", "its", "off"].contains(text) ? nil : "Invalid msi value"
    case "virtio-mmio-transports":
      if case .natural(let number)? = QEMUNumber.integer(text), number > 32 { return "virtio-mmio-transports must not exceed 32" }
      return nil
    case "highmem-mmio-size":
      guard case .bytes(let size) = QEMUNumber.size(text) else { return nil }
      if size.nonzeroBitCount != 1 { return "highmem-mmio-size is not a power of 2" }
      return size < 512 << 30 ? "highmem-mmio-size cannot be set to a lower value than the default (512 GiB)" : nil
    case "x-oem-id": return text.utf8.count > 6 ? "User specified oem-id value is bigger than 6 bytes in size" : nil
    case "x-oem-table-id": return text.utf8.count > 8 ? "User specified oem-table-id value is bigger than 8 bytes in size" : nil
    default: return nil
    }
  }
}

extension MachineConfig {
  /// The refusals of values that do not go together, in QEMU's order (QEMU hw/arm/virt.c: finalize_gic_version, machvirt_init;
  /// hw/arm/virt-acpi-build.c: virt_acpi_setup).
  func virtConflicts(_ qemu: QEMUProfile) -> [LaunchFailure] {
    func option(_ name: String) -> Property? { machine.last { $0.name == name } }
    guard case .known(let isOfKVM) = usesKVM else { return [] }
    func failure(_ text: String, _ property: Property?) -> [LaunchFailure] {
      property.map { [LaunchFailure(RealizeFailure(isOfKVM ? .refusedByKVM : .badOption, text), at: $0.location)] } ?? []
    }
    if isOfKVM {
      // QEMU target/arm/kvm.c: kvm_arch_irqchip_create. What the host's KVM offers decides about the other values.
      if kernelIrqchip == .known("split") {
        let place = option("kernel-irqchip") ?? option("kernel_irqchip") ?? options.last { $0.name == "accel" }
        return failure("-machine kernel_irqchip=split is not supported on ARM.", place)
      }
      if let controller = option("gic-version"), controller.value.string == "3", kernelIrqchip == .known("off"), !qemu.isBefore(11, 1) {
        return failure("KVM with kernel-irqchip=off does not support GICv3 emulation", controller)
      }
      guard let secure = option("secure"), QEMUBool(secure.value) == .on else { return [] }
      return failure("mach-virt: KVM does not support providing Security extensions (TrustZone) to the guest CPU", secure)
    }
    let isOld = qemu.isBefore(8, 0)
    let controller = option("gic-version")
    let hasEL2 = machineSetting("virtualization") == .known("on")
    switch controller?.value.string {
    case "host"?: return failure("gic-version=host requires KVM", controller)
    case "4"? where !hasEL2:
      return failure(
        isOld ? "gic-version=4 requires virtualization enabled" : "tcg does not support GICv4 emulation, is virtualization=on?", controller)
    case "x-5"? where !hasOption("cpu"): return failure("Using GICv5 but guest CPU does not support it", controller)
    default: break
    }
    // QEMU sets `msi` after `its` in either order, and `auto` leaves it to the controller.
    let asked = option("msi").map { $0.value.string == "its" ? $0 : nil } ?? (machineSetting("its") == .known("on") ? option("its") : nil)
    // Without `gic-version` QEMU takes GICv2 for up to 8 processors.
    if let asked, controller.map({ $0.value.string == "2" }) ?? hasFewProcessors(qemu), !qemu.isBefore(11, 1) {
      return failure("GICv2 + ITS is an invalid configuration.", asked)
    }
    if machineSetting("mte") == .known("on"), !hasOption("cpu") {
      return failure("MTE requested, but not supported by the guest CPU", option("mte"))
    }
    return [crashOfErrorReports(qemu)].compactMap { $0 }
  }

  /// Whether it certainly has no more than a GICv2 serves.
  private func hasFewProcessors(_ qemu: QEMUProfile) -> Bool {
    guard case .topology(let topology) = ProcessorTopology.read(self, qemu) else { return false }
    return topology.maximum <= 8
  }

  /// `ras=on` without a firmware or with a processor of 32 bits, as the default one is: the machine has no device for ACPI's
  /// events, and its tables need it.
  private func crashOfErrorReports(_ qemu: QEMUProfile) -> LaunchFailure? {
    guard let option = machine.last(where: { $0.name == "ras" }), QEMUBool(option.value) == .on,
      let acpi = machineSetting("acpi").display, acpi != "off", !hasOption("no-acpi"), has32BitProcessor || !mayHaveFirmware
    else { return nil }
    let (text, signal) = qemu.isBefore(8, 0)
      ? ("virt_acpi_setup: Assertion `vms->acpi_dev' failed.", "SIGABRT")
      : ("QEMU crashes with SIGSEGV: ras=on without \(has32BitProcessor ? "a processor of 64 bits" : "a firmware")", "SIGSEGV")
    return LaunchFailure(RealizeFailure(.crashingProperty, text, signal: signal), at: option.location)
  }

  /// Whether it is one of the machine's processors of 32 bits.
  private var has32BitProcessor: Bool {
    guard let processor = options.last(where: { $0.name == "cpu" }) else { return true }
    return processor.value.string?.split(separator: ",").first.map { $0 == "cortex-a7" || $0 == "cortex-a15" } ?? false
  }

  private var mayHaveFirmware: Bool {
    if ["bios", "pflash"].contains(where: hasOption) { return true }
    if machine.contains(where: { ["firmware", "pflash0"].contains($0.name) }) { return true }
    return options.contains { option in
      guard option.name == "drive" else { return false }
      return option.value.string.map { $0.contains("pflash") || $0.contains("$") } ?? true
    }
  }
}

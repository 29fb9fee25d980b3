import Facts

/// vfio-pci's checks of the function itself, once it is attached (QEMU hw/vfio/pci.c: vfio_pci_populate_device,
/// vfio_pci_config_setup).
extension RealizeContext {
  /// The failure of `x-vga` on a function without a VGA region: the kernel gives one to VGA controllers (class 0300) only,
  /// with CONFIG_VFIO_PCI_VGA and unless the parameter disable_vga is set (QEMU hw/vfio/pci.c: vfio_populate_vga; linux
  /// drivers/vfio/pci/vfio_pci_core.c: vfio_pci_core_enable).
  func vgaRegion() throws(Unknown) -> RealizeFailure? {
    guard settings.isOn("x-vga") else { return nil }
    let failure = fails(.noVGARegion, "failed getting region info for VGA region index 8: Invalid argument")
    if try device.value.classCode.value >> 8 != 0x0300 { return failure }
    return try hasKernelOption("CONFIG_VFIO_PCI_VGA") ? nil : failure
  }

  /// Whether the kernel was built with an option, as a module or not.
  func hasKernelOption(_ name: String) throws(Unknown) -> Bool {
    guard let option = try host.kernelConfig.value[name] else {
      throw Unknown(name, reason: "not in the kernel configuration that was read")
    }
    return option != "n"
  }

  /// The failure of an id that overrides the function's and does not fit its register (QEMU hw/vfio/pci.c:
  /// vfio_pci_config_setup). All ones: the function's own id.
  var overriddenIDs: RealizeFailure? {
    let registers: [(name: String, highest: UInt64, what: String)] = [
      ("x-pci-vendor-id", 0xfffe, "PCI vendor ID"), ("x-pci-device-id", 0xffff, "PCI device ID"),
      ("x-pci-sub-vendor-id", 0xffff, "PCI subsystem vendor ID"),
      ("x-pci-sub-device-id", 0xffff, "PCI subsystem device ID"), ("x-pci-class-code", 0xff_ffff, "PCI class code"),
    ]
    for register in registers {
      guard let given = number(register.name), given != 0xffff_ffff, given > register.highest else { continue }
      var failure = fails(.badIDOverride, "invalid \(register.what) provided")
      failure.property = register.name
      return failure
    }
    return nil
  }

  /// The failure of `x-msix-relocation`, which moves the MSI-X table and pending bits of a function that has them into
  /// another BAR (QEMU hw/vfio/pci.c: vfio_pci_relocate_msix).
  func msixRelocation() throws(Unknown) -> RealizeFailure? {
    guard let target = settings.string("x-msix-relocation"), target != "off" else { return nil }
    let function = try device.value
    let config = try function.config.value
    // MSI-X (PCI 3.0 §6.8.2): id 0x11.
    guard try config.standardChain.contains(0x11, named: "MSI-X capability of \(function.address)").value else { return nil }
    // 7.2 crashes when it takes a device back that was plugged so (observed on 7.2.22).
    let crashes = request.plug == .hot && qemu.isBefore(8, 0)
    func refused(_ text: String) -> RealizeFailure {
      crashes
        ? RealizeFailure(.badMSIXRelocation, "QEMU crashes with SIGSEGV: " + text, signal: "SIGSEGV")
        : fails(.badMSIXRelocation, text)
    }
    guard let number = Int(target.dropFirst(3)), target.hasPrefix("bar") else {
      let ids = "\(try function.vendor.value.hexadecimal(digits: 4)):\(try function.device.value.hexadecimal(digits: 4))"
      return refused("No automatic MSI-X relocation available for device \(ids)")
    }
    func invalid(_ reason: String) -> RealizeFailure { refused("Invalid MSI-X relocation BAR \(number), \(reason)") }
    let sizes = try function.regionSizes.value
    guard number < 6, sizes.count > 5 else { return nil }
    // The upper half of a 64-bit BAR is an address, not a type.
    if sizes[number] == 0 {
      guard number > 0, sizes[number - 1] > 0, try barType(number - 1, of: function).is64Bit else { return nil }
      return invalid("consumed by 64-bit BAR \(number - 1)")
    }
    let bar = try barType(number, of: function)
    if bar.isPort { return invalid("I/O port BAR") }
    return sizes[number] > 1 << 30 && !bar.is64Bit ? invalid("no space to extend 32-bit BAR") : nil
  }

  /// The type of a BAR as the kernel shows it to QEMU. The registers of a virtual function are zero; the types are in its
  /// physical function's SR-IOV capability (PCIe 6.0 §9.3.3.14; linux drivers/vfio/pci/vfio_pci_config.c: vfio_bar_fixup).
  private func barType(_ number: Int, of function: HostDevice) throws(Unknown) -> BARType {
    guard let physical = try function.physicalFunction.value else {
      return BARType(try function.config.value.dword(0x10 + 4 * number).value)
    }
    let missing = "SR-IOV capability of \(physical)"
    guard let owner = try host.device(at: physical).value else { throw Unknown(missing, reason: "the device was not read") }
    let config = try owner.config.value
    guard let capability = config.extendedChain.capabilities.first(where: { $0.id == 0x10 }) else {
      throw Unknown(missing, reason: "not found in its config space")
    }
    return BARType(try config.dword(capability.offset + 0x24 + 4 * number).value)
  }

  /// The failure of `x-nv-gpudirect-clique`, which is for NVIDIA's display and 3D controllers (QEMU
  /// hw/vfio/pci-quirks.c: vfio_add_nv_gpudirect_cap).
  func gpudirectClique() throws(Unknown) -> RealizeFailure? {
    // Higher values are refused when they are set.
    guard let clique = number("x-nv-gpudirect-clique"), clique <= 15 else { return nil }
    let function = try device.value
    if try !hasCapabilities(function) { return nil }
    var vendor = try function.vendor.value
    if let given = number("x-pci-vendor-id"), given != 0xffff_ffff { vendor = UInt16(truncatingIfNeeded: given) }
    if vendor != 0x10de {
      return fails(.badClique, "NVIDIA GPUDirect Clique ID: invalid device vendor")
    }
    if try overriddenClass() >> 16 != 0x03 {
      return fails(.badClique, "NVIDIA GPUDirect Clique ID: unsupported PCI class")
    }
    return nil
  }

  /// Whether the function has a list of capabilities: without one QEMU adds none of its own (QEMU hw/vfio/pci.c:
  /// vfio_pci_add_capabilities). Bit 4 of the status register, and the list's pointer (PCI 3.0 §6.2.3, §6.7).
  private func hasCapabilities(_ function: HostDevice) throws(Unknown) -> Bool {
    let config = try function.config.value
    let status = try config.dword(0x04).value, pointer = try config.dword(0x34).value
    return status & 1 << 20 != 0 && pointer & 0xff != 0
  }

  /// The class code that the guest sees: the function's, or the one that overrides it.
  private func overriddenClass() throws(Unknown) -> UInt32 {
    if let given = number("x-pci-class-code"), given != 0xffff_ffff { return UInt32(truncatingIfNeeded: given) }
    return try device.value.classCode.value
  }

  /// The failure of `failover_pair_id`, which the PCI core checks last (QEMU hw/pci/pci.c: pci_qdev_realize).
  func failover() throws(Unknown) -> RealizeFailure? {
    guard settings.has("failover_pair_id") else { return nil }
    // libvirt puts it on an Express bus where the machine has any.
    let place = request.isPlacedByLibvirt ? try guest.rootBus.value.flatMap { guest.buses[$0] } : try bus()
    if let place, !place.isExpress {
      return RealizeFailure(.badFailover, "failover primary device must be on PCIExpress bus")
    }
    if try overriddenClass() >> 8 != 0x0200 {
      return RealizeFailure(.badFailover, "failover primary device is not an Ethernet device")
    }
    return try sharedSlotOfFailover()
  }

  /// The failure of the primary of a failover pair that is one of several functions, or may be.
  func sharedSlotOfFailover() throws(Unknown) -> RealizeFailure? {
    // A card with virtual functions is one of several.
    let isMultifunction = try settings.multifunction.value || EmulatedSRIOV.of(settings, driver) != nil
    let devfn = try QEMUSlot.requested(request)?.value ?? 0
    guard isMultifunction || devfn % 8 != 0 else { return nil }
    return RealizeFailure(.badFailover, "failover: primary device must be in its own PCI slot")
  }

  /// The failure of `romfile` (QEMU hw/pci/pci.c: pci_add_option_rom).
  func optionROM() throws(Unknown) -> RealizeFailure? {
    guard let file = settings.string("romfile"), !file.isEmpty else { return nil }
    let hasBAR = number("rombar") != 0
    if !hasBAR {
      guard request.plug == .hot else { return nil }
      return RealizeFailure(.badROMFile, "Hot-plugged device without ROM bar can't have an option ROM")
    }
    guard let size = try host.sizeOfFile(file).value else {
      return RealizeFailure(.badROMFile, "failed to find romfile \"\(file)\"")
    }
    if size == 0 { return RealizeFailure(.badROMFile, "romfile \"\(file)\" is empty") }
    if size > 2 << 30 { return RealizeFailure(.badROMFile, "romfile \"\(file)\" too large (size cannot exceed 2 GiB)") }
    guard let limit = number("romsize"), limit != 0xffff_ffff, size > limit else { return nil }
    return RealizeFailure(.badROMFile, "romfile \"\(file)\" (\(size) bytes) is too large for ROM size \(limit)")
  }
}

/// The type of a base address register (PCI 3.0 §6.2.5.1).
private struct BARType {
  let isPort: Bool
  let is64Bit: Bool

  init(_ register: UInt32) {
    isPort = register & 1 == 1
    is64Bit = !isPort && register >> 1 & 3 == 2
  }
}

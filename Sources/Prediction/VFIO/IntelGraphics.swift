import Facts

/// Intel graphics, for which QEMU has quirks.
extension RealizeContext {
  /// The failure to plug Intel graphics with an OpRegion into a running machine (QEMU hw/vfio/igd.c:
  /// vfio_pci_igd_opregion_detect). The kernel gives one where the register ASLS, 0xfc, holds its address, with
  /// CONFIG_VFIO_PCI_IGD (linux drivers/vfio/pci/vfio_pci_igd.c: vfio_pci_igd_opregion_init). The text is from the
  /// source. Before 10.1 the OpRegion was off by default, and one that is asked for and not there was an error, in 7.2 for
  /// every device.
  func opRegion() throws(Unknown) -> RealizeFailure? {
    let given = settings.value("x-igd-opregion").map(QEMUBool.init)
    let isOld = qemu.isBefore(10, 1)
    // The quirk of 10.0 has it.
    if isOld, !qemu.isBefore(10, 0) { return nil }
    guard isOld ? given == .on : request.plug == .hot && given != .off else { return nil }
    let function = try device.value
    let isGraphics = try function.classCode.value >> 8 == 0x0300 ? try function.vendor.value == 0x8086 : false
    guard isGraphics || qemu.isBefore(8, 0) else { return nil }
    if isOld, request.plug == .hot {
      return fails(.hotplugOfIGD, "cannot support IGD OpRegion feature on hotplugged device")
    }
    let hasRegion = isGraphics ? try hasOpRegion(function) : false
    if isOld {
      let text = qemu.isBefore(8, 0) ? "does not support requested IGD OpRegion feature" : "Device does not supports IGD OpRegion feature"
      return hasRegion ? nil : fails(.hotplugOfIGD, text + ": No such device")
    }
    return hasRegion ? fails(.hotplugOfIGD, "IGD device detected, but OpRegion is not supported on hotplugged device.") : nil
  }

  private func hasOpRegion(_ function: HostDevice) throws(Unknown) -> Bool {
    let address = try function.config.value.dword(0xfc).value
    guard address != 0, address != .max else { return false }
    return try hasKernelOption("CONFIG_VFIO_PCI_IGD")
  }

  /// The end of QEMU 10.0 when it realizes Intel graphics a second time: it adds the size of the stolen memory to fw_cfg, and nothing
  /// removes it (QEMU hw/vfio/igd.c: vfio_probe_igd_config_quirk; hw/nvram/fw_cfg.c: fw_cfg_add_file_callback; observed on
  /// 10.0.13, and on neither 7.2.22 nor 11.1.3).
  func graphicsQuirk() throws(Unknown) -> RealizeFailure? {
    if let failure = try graphicsOptions() { return failure }
    guard guest.hadIntelGraphics != .known(false), try isGraphicsWithStolenMemory(), try guest.hadIntelGraphics.value
    else { return nil }
    return RealizeFailure(.hotplugOfIGD, "duplicate fw_cfg file name: etc/igd-bdsm-size", signal: "exit status 1")
  }

  /// The refusal of what QEMU 10.0 is asked to do for Intel graphics, in its order (QEMU hw/vfio/igd.c: vfio_probe_igd_config_quirk;
  /// observed on 10.0.13). At 02.0 of i440fx it takes the way of the legacy mode, and ignores that this fails unless it was asked for.
  private func graphicsOptions() throws(Unknown) -> RealizeFailure? {
    let asksForMode = settings.string("x-igd-legacy-mode") == "on"
    guard asksForMode || settings.isOn("x-igd-opregion") || settings.isOn("x-igd-lpc"), try isGraphicsWithStolenMemory(isOnly: false)
    else { return nil }
    func refused(_ text: String) -> RealizeFailure { fails(.hotplugOfIGD, text) }
    if try isAtLegacyPlace() {
      guard asksForMode else { return nil }
      let sizes = try device.value.regionSizes.value
      guard sizes.count > 6, sizes[6] == 0, (settings.string("romfile") ?? "").isEmpty else {
        throw Unknown("legacy mode of \(name)", reason: "whether the kernel gives its VGA, OpRegion and LPC regions is not recorded")
      }
      return refused("Device has no ROM")
    }
    if asksForMode { return refused("Machine is not i440fx or assigned BDF is not 00:02.0") }
    if settings.isOn("x-igd-opregion") {
      if request.plug == .hot { return refused("IGD OpRegion is not supported on hotplugged device") }
      if try !hasOpRegion(device.value) { return refused("Device does not supports IGD OpRegion feature: No such device") }
    }
    guard settings.isOn("x-igd-lpc") else { return nil }
    if request.plug == .hot { return refused("IGD LPC is not supported on hotplugged device") }
    guard MachineKind(machine) == .q35 else {
      throw Unknown("LPC bridge of \(name)", reason: "whether the kernel gives its region is not recorded")
    }
    return refused("Cannot create LPC bridge due to existing device at 1f.0")
  }

  /// Whether the device is where the video BIOS of Intel graphics expects it.
  private func isAtLegacyPlace() throws(Unknown) -> Bool {
    guard settings.string("x-igd-legacy-mode") != "off" else { return false }
    switch MachineKind(machine) {
    case .i440fx: break
    case .q35, .microvm, .virt, .withoutPCI: return false
    case .unknown: throw Unknown("legacy mode of \(name)", reason: "the machine type is not known")
    }
    guard let bus = try bus(), bus.name == "pci.0", let requested = QEMUSlot.requested(request) else { return false }
    switch bus.assignDevfn(to: settings, driver: driver, requested: try requested.value, checksChosen: guest.checksChosenSlots) {
    case .at(let devfn): return devfn == 0x10
    case .refused: return false
    case .undetermined(let unknown): throw unknown
    }
  }

  /// Whether QEMU 10.0 adds that of the device. Of i440fx at 02.0 it may take the way of the legacy mode, and the list of generations
  /// was not observed.
  /// - Parameter isOnly: whether it must be known that it does not take that way.
  func isGraphicsWithStolenMemory(isOnly: Bool = true) throws(Unknown) -> Bool {
    guard !qemu.isBefore(10, 0), qemu.isBefore(10, 1), request.isVFIO else { return false }
    var vendor = try UInt64(device.value.vendor.value), id = try UInt64(device.value.device.value)
    if let given = number("x-pci-vendor-id"), given != 0xffff_ffff { vendor = given }
    if let given = number("x-pci-device-id"), given != 0xffff_ffff { id = given }
    guard vendor == 0x8086, try device.value.classCode.value >> 8 == 0x0300 else { return false }
    if id & 0xff00 == 0x9a00, !isOnly || MachineKind(machine) == .q35 { return true }
    throw Unknown("fw_cfg files of \(name)", reason: "QEMU 10.0 ends when it adds that of Intel graphics again")
  }
}

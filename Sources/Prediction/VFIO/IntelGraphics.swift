import Facts

/// Intel graphics, for which QEMU has quirks.
extension RealizeContext {
  /// The failure to give the guest an OpRegion before 10.0, where it is off by default: there is none for a hot plug, and for a device
  /// without one it is an error (QEMU hw/vfio/pci.c: vfio_realize). The kernel gives one where the register ASLS, 0xfc, holds its
  /// address, with CONFIG_VFIO_PCI_IGD (linux drivers/vfio/pci/vfio_pci_igd.c: vfio_pci_igd_opregion_init). The quirk of 10.0 has it,
  /// and since 10.1 a hot plug without it succeeds with a warning (hw/vfio/igd.c: vfio_pci_igd_opregion_detect).
  func opRegion() throws(Unknown) -> RealizeFailure? {
    guard qemu.isBefore(10, 0), settings.isOn("x-igd-opregion") else { return nil }
    if request.plug == .hot { return fails(.hotplugOfIGD, "cannot support IGD OpRegion feature on hotplugged device") }
    let function = try device.value
    let isGraphics = try function.classCode.value >> 8 == 0x0300 ? try function.vendor.value == 0x8086 : false
    if isGraphics, try hasOpRegion(function) { return nil }
    return fails(.hotplugOfIGD, "does not support requested IGD OpRegion feature: No such device")
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
    if let failure = try optionsWithOpRegion() { return failure }
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

  /// The failure of the same since 10.1, for a device that has an OpRegion (QEMU hw/vfio/igd.c: vfio_pci_igd_config_quirk; observed on
  /// 11.1.3). A hot plug continues without one. A wrong size of the stolen memory is reported without an error, and QEMU crashes.
  private func optionsWithOpRegion() throws(Unknown) -> RealizeFailure? {
    let asksForMode = settings.string("x-igd-legacy-mode") == "on", size = number("x-igd-gms") ?? 0
    guard !qemu.isBefore(10, 1), request.isVFIO, request.plug == .cold, asksForMode || settings.isOn("x-igd-lpc") || size != 0
    else { return nil }
    let function = try device.value, ids = try ids()
    var code = try UInt64(function.classCode.value)
    if let given = number("x-pci-class-code"), given != 0xffff_ffff { code = given }
    guard try function.vendor.value == 0x8086, ids.vendor == 0x8086, code >> 16 == 0x03, try hasOpRegion(function) else { return nil }
    guard try function.classCode.value >> 8 == 0x0300 else {
      throw Unknown("OpRegion of \(name)", reason: "older kernels give one to VGA controllers alone")
    }
    let graphics = IntelGraphicsGeneration(ids.device), refusal = graphics.refusal(ofStolenMemory: size)
    if 6...9 ~= graphics.number, code >> 8 == 0x0300, try isAtLegacyPlace() {
      guard asksForMode || refusal != nil else { return nil }
      throw Unknown("legacy mode of \(name)", reason: "whether the kernel gives its VGA and LPC regions is not recorded")
    }
    if asksForMode {
      return fails(
        .hotplugOfIGD, "Machine is not i440fx, assigned BDF is not 00:02.0, or device \(ids.device.hexadecimal(digits: 4)) "
          + "(gen \(graphics.number)) doesn't support legacy mode")
    }
    if settings.isOn("x-igd-lpc") {
      guard MachineKind(machine) == .q35 else {
        throw Unknown("LPC bridge of \(name)", reason: "whether the kernel gives its region is not recorded")
      }
      return fails(.hotplugOfIGD, "Cannot create LPC bridge due to existing device at 1f.0")
    }
    return refusal.map { RealizeFailure(.hotplugOfIGD, $0, signal: "SIGSEGV") }
  }

  /// The ids that QEMU gives to the device.
  private func ids() throws(Unknown) -> (vendor: UInt64, device: UInt64) {
    var vendor = try UInt64(device.value.vendor.value), id = try UInt64(device.value.device.value)
    if let given = number("x-pci-vendor-id"), given != 0xffff_ffff { vendor = given }
    if let given = number("x-pci-device-id"), given != 0xffff_ffff { id = given }
    return (vendor, id)
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
    let (vendor, id) = try ids()
    guard vendor == 0x8086, try device.value.classCode.value >> 8 == 0x0300 else { return false }
    if id & 0xff00 == 0x9a00, !isOnly || MachineKind(machine) == .q35 { return true }
    throw Unknown("fw_cfg files of \(name)", reason: "QEMU 10.0 ends when it adds that of Intel graphics again")
  }
}

/// A generation of Intel's graphics (QEMU 11.1 hw/vfio/igd.c: igd_gen).
private struct IntelGraphicsGeneration {
  private static let byPrefix: [UInt64: Int] = [
    0x01: 6, 0x04: 7, 0x0a: 7, 0x0c: 7, 0x0d: 7, 0x0f: 7, 0x16: 8, 0x22: 8, 0x19: 9, 0x31: 9, 0x59: 9, 0x3e: 9, 0x9b: 9,
    0x8a: 11, 0x45: 11, 0x4e: 11, 0x9a: 12, 0x4c: 12, 0x46: 12, 0xa7: 12,
  ]

  /// -1 for a device that QEMU does not know.
  let number: Int

  init(_ device: UInt64) { number = device & 0xffe == 0xa84 ? 9 : IntelGraphicsGeneration.byPrefix[device >> 8] ?? -1 }

  /// QEMU's text about a `x-igd-gms` (vfio_pci_igd_override_gms); nil for one that it accepts, and for 0, which is none.
  func refusal(ofStolenMemory size: UInt64) -> String? {
    if size == 0 { return nil }
    switch number {
    case -1: return "x-igd-gms is not supported on this device"
    case ..<8: return size > 0x10 ? "Parameter 'x-igd-gms' expects 0~0x10" : nil
    case 8: return size > 0x40 ? "Parameter 'x-igd-gms' expects 0~0x40" : nil
    default: return size > 0x40 && !(0xf0...0xfe ~= size) ? "Parameter 'x-igd-gms' expects 0~0x40 or 0xf0~0xfe" : nil
    }
  }
}

import Facts

/// The checks before a device object exists, in QEMU's order (QEMU util/qemu-option.c for
/// key=value text, system/qdev-monitor.c: qdev_device_add_from_qdict).
extension RealizeContext {
  /// The failure of an id in key=value text, which QEMU checks while it reads the command line (QEMU
  /// util/qemu-option.c: qemu_opts_create).
  var keyvalID: RealizeFailure? {
    guard let id = request.keyvalID else { return nil }
    if !QEMUIdentifier.isWellFormed(id) { return RealizeFailure(.badID, "Parameter 'id' expects an identifier") }
    // The human monitor's own check is qdev's.
    guard request.plug == .cold, guest.keyvalIDs.contains(id) else { return nil }
    return RealizeFailure(.duplicateID, "Duplicate ID '\(id)' for device")
  }

  /// The failure of a class that is not hotpluggable, before 8.0, and of one that only QEMU makes: `igbvf`, and `arm-smmuv3` before 10.2
  /// (QEMU system/qdev-monitor.c: qdev_get_device_class).
  var pluggableClass: RealizeFailure? {
    let isOfMachine = driver == "arm-smmuv3" && qemu.makesNoSMMU == .known(true) && MachineKind(machine) == .virt
    let isTooLate = request.plug == .hot && qemu.isBefore(8, 0) && (driver == "vfio-pci-nohotplug" || isNeverHotplugged)
    guard isOfMachine || isTooLate || driver == "igbvf" || isOfBoardAlone else { return nil }
    return RealizeFailure(.classNotHotpluggable, "Parameter 'driver' expects a pluggable device type")
  }

  /// Whether the type is one that boards of x86 alone make (types of `qom-list-types` that `-device help` of 7.2.22,
  /// 10.0.13 and 11.1.3 does not list).
  private var isOfBoardAlone: Bool {
    guard [.q35, .i440fx, .microvm].contains(MachineKind(machine)) else { return false }
    return RequestTypes.ofBoard.contains(driver)
  }

  /// Whether a device's type, other than vfio's, cannot be plugged into a running machine.
  var isNeverHotplugged: Bool { RealizeContext.notHotpluggable.contains(driver) }

  /// The failure of a machine that refuses vfio devices behind `intel-iommu` without caching-mode, of the hot plug of each,
  /// also before 10.1 (QEMU hw/i386/pc.c: pc_hotplug_allowed).
  func machineHotplug() throws(Unknown) -> RealizeFailure? {
    guard request.plug == .hot, qemu.isBefore(10, 1), [.q35, .i440fx].contains(MachineKind(machine)),
      let unit = guest.iommus.first, unit.driver == "intel-iommu",
      try machine.setting("caching-mode", of: unit).value != "on"
    else { return nil }
    return RealizeFailure(
      .cachingModeOff, "Device assignment is not allowed without enabling caching-mode=on for Intel IOMMU.")
  }

  /// The failure to find the bus (QEMU system/qdev-monitor.c: qbus_find).
  func busLookup() throws(Unknown) -> RealizeFailure? {
    // Without a free slot libvirt reports an error itself.
    if request.isPlacedByLibvirt { return nil }
    if case .unknown(let text)? = request.value("bus") {
      throw Unknown("guest bus of `\(request.id ?? driver)`", reason: "written as \(text)")
    }
    guard let name = request.bus else {
      guard try guest.defaultBus.value == nil else { return nil }
      return RealizeFailure(.noPCIBus, "No 'PCI' bus found for device '\(driver)'")
    }
    switch try guest.named(name) {
    case .pci: return nil
    case .other(let type): return RealizeFailure(.wrongBusType, "Device '\(driver)' can't go on \(type) bus")
    case .refused(let failure):
      if failure.text.hasPrefix("Bus "), mayBeOffered(name) {
        throw Unknown("bus `\(name)`", reason: "not a bus that vfiogate models")
      }
      return failure
    }
  }

  /// Whether a device that is not modelled may offer a bus of a name, such as `ID.0`; that of a bridge has the id alone.
  private func mayBeOffered(_ name: String) -> Bool {
    // Many requests may name a bus that is missing; few names are long.
    if name.utf8.count > 256 { return guest.ids.contains { id, driver in name.hasPrefix(id + ".") && !PCIDrivers.isBridge(driver) } }
    return name.indices.contains { index in
      name[index] == "." && guest.ids[String(name[..<index])].map { !PCIDrivers.isBridge($0) } ?? false
    }
  }

  /// The failure of a device or bus that is not hotpluggable (QEMU system/qdev-monitor.c: qbus_is_hotpluggable).
  func hotplug() throws(Unknown) -> RealizeFailure? {
    guard request.plug == .hot else { return nil }
    if driver == "vfio-pci-nohotplug" {
      return RealizeFailure(.classNotHotpluggable, "Device '\(driver)' does not support hotplugging")
    }
    if request.isPlacedByLibvirt { return nil }
    guard let bus = try bus(), try !bus.takesHotplug.value, try !refusesAsPort(bus) else { return nil }
    return RealizeFailure(.busNotHotpluggable, "Bus '\(bus.name)' does not support hotplugging")
  }

  /// Whether a port with `hotplug=off` refuses only when the device is about to be realized: in 7.2, where the port plugs and
  /// not ACPI (QEMU hw/pci/pcie.c: pcie_cap_slot_pre_plug_cb).
  private func refusesAsPort(_ bus: GuestBus) throws(Unknown) -> Bool {
    guard bus.isPort, qemu.isBefore(8, 0) else { return false }
    return try !guest.hasACPIBridges.value
  }

  /// The refusal of such a port.
  func portHotplug() throws(Unknown) -> RealizeFailure? {
    guard request.plug == .hot, !request.isPlacedByLibvirt, let bus = try bus(), try !bus.takesHotplug.value,
      try refusesAsPort(bus)
    else { return nil }
    return RealizeFailure(.busNotHotpluggable, "Hot-plug failed: unsupported by the port device '\(bus.name)'")
  }

  /// The guest bus of the device; nil when the machine has none.
  func bus() throws(Unknown) -> GuestBus? { try guest.bus(for: request) }

  /// The failure of slot 0: a standard hotplug controller accepts slots from 1 on, and checks when the device is
  /// realized (QEMU hw/pci/shpc.c: shpc_device_plug_common).
  func hotplugController() throws(Unknown) -> RealizeFailure? {
    // libvirt begins with slot 1 there.
    if request.isPlacedByLibvirt { return nil }
    guard let bus = try bus(), bus.isStandardHotplug != .known(false), let requested = QEMUSlot.requested(request),
      case .at(let devfn) = bus.assignDevfn(
        to: request, driver: driver, requested: try requested.value, checksChosen: guest.checksChosenSlots), devfn / 8 == 0,
      try bus.isStandardHotplug.value, try bus.takesHotplug.value
    else { return nil }
    return RealizeFailure(
      .slotNotHotpluggable,
      "Unsupported PCI slot 0 for standard hotplug controller. Valid slots are between 1 and 31.")
  }

  /// The failure of a plug while a migration has not ended.
  func migrating() throws(Unknown) -> RealizeFailure? {
    guard request.plug == .hot, try guest.migrating.value else { return nil }
    return RealizeFailure(.migrating, "device_add not allowed while migrating")
  }

  /// The failure of an id (QEMU system/qdev-monitor.c: qdev_set_id).
  var qdevID: RealizeFailure? {
    guard let id = request.id else { return nil }
    // Checked since 10.1 (not in 10.0.13).
    if !qemu.isBefore(10, 1), !QEMUIdentifier.isWellFormed(id) { return RealizeFailure(.badID, "Invalid qdev ID '\(id)'") }
    return guest.ids[id] == nil ? nil : RealizeFailure(.duplicateID, "Duplicate device ID '\(id)'")
  }
}

extension DeviceRequest {
  /// The id of key=value text as written, before `-set` has changed it; nil of JSON.
  var keyvalID: String? { form == .keyval ? history.writtenID ?? id : nil }
}

private enum RequestTypes {
  static let ofBoard: Set<String> = [
    "ICH9-LPC", "ICH9-SMB", "PIIX3", "PIIX4_PM", "acpi-ged", "apic", "base-xhci", "cfi.pflash01", "esp", "fw_cfg_io", "fw_cfg_mem",
    "generic-sdhci", "gpex-pcihost", "gpex-root", "gpio_i2c", "hpet", "i440FX", "i440FX-pcihost", "i8042-mmio", "i8257", "ioapic",
    "isa-i8259", "isa-pcspk", "isa-pit", "isabus-bridge", "kvm-apic", "kvm-i8259", "kvm-ioapic", "kvm-pit", "kvmclock", "kvmvapic", "mch",
    "migration", "port92", "ps2-kbd", "ps2-mouse", "pxb-cxl-host", "pxb-host", "q35-pcihost", "serial", "sgx-epc", "smbus-eeprom",
    "sysbus-esp", "sysbus-xhci", "virtio-mmio", "vmport",
  ]
}

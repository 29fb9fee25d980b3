import Facts

/// The requester id by which the guest's IOMMU knows a device (QEMU hw/pci/pci.c: pci_device_get_iommu_bus_devfn; recorded on 11.1.3).
extension Guest {
  /// The conventional bus nearest to the root complex above a device, whose bridge decides about its requester id; nil for a device
  /// with an id of its own. The conventional bus of the machine itself has no bridge.
  func conventionalBus(above request: DeviceRequest) throws(Unknown) -> GuestBus? {
    guard let bus = try bus(for: request) else { return nil }
    return path(from: bus.name).last { !$0.isExpress && $0.parent != nil }
  }

  /// The place whose requester id stands for a device behind a bridge: slot 0 of the bus behind a PCIe-to-PCI bridge, and else the
  /// bridge itself; nil for a device with an id of its own.
  func alias(of request: DeviceRequest) throws(Unknown) -> GuestPCIAddress? {
    guard let bus = try conventionalBus(above: request), let parent = bus.parent else { return nil }
    let slot = GuestPCIAddress(bus: bus.name, devfn: 0)
    if ids[bus.name] == "pcie-pci-bridge" { return slot }
    let id = ids[bus.name] == nil ? nil : bus.name
    let bridges = (buses[parent]?.occupants ?? [:]).filter { $0.value.id == id && PCIDrivers.isConventionalBridge($0.value.driver) }
    guard bridges.count == 1, let bridge = bridges.first else {
      throw Unknown("requester id of \(request.plainName)", reason: "which bridge `\(bus.name)` is behind is not known")
    }
    return bridge.value.driver == "pcie-pci-bridge" ? slot : GuestPCIAddress(bus: parent, devfn: bridge.key)
  }

  /// Whether an accelerated SMMU finds the device itself by its requester id, and not a bridge or nothing. Only such a device is
  /// checked, and only such a one is outside of the emulated translation (QEMU hw/arm/smmuv3-accel.c: smmuv3_accel_find_add_as).
  public func isFoundByRequesterID(_ request: DeviceRequest) throws(Unknown) -> Bool {
    guard let alias = try alias(of: request) else { return true }
    guard busName(of: request) == alias.bus, let bus = buses[alias.bus] else { return false }
    if let there = bus.occupants[alias.devfn] { return there.driver == request.driver && there.id == request.id }
    guard let requested = QEMUSlot.requested(request),
      case .at(let devfn) = bus.assignDevfn(
        to: request, driver: request.driver ?? "", requested: try requested.value, checksChosen: checksChosenSlots)
    else { return false }
    return devfn == alias.devfn
  }
}

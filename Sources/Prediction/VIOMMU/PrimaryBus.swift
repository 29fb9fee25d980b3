import Facts

/// The root complex that `primary-bus` of `arm-smmuv3` names (texts of 11.1.3).
extension RealizeContext {
  /// The failure of a link that leads to no PCI bus (QEMU qom/object.c: object_resolve_link).
  /// - Throws: a link by a name that is not modelled.
  func primaryBusLink(_ link: String) throws(Unknown) -> RealizeFailure? {
    guard !link.isEmpty else { return nil }
    func refused(_ text: String) -> RealizeFailure { RealizeFailure(.iommuRefused, property: "primary-bus", text) }
    let root = try guest.rootBus.value
    if link.utf8.contains(UInt8(ascii: "/")) { throw Unknown("bus `\(link)`", reason: "paths of links are not modelled") }
    if link == root, guest.ids[link].map(PCIDrivers.isBridge) ?? false || guest.hasUnnamedPort {
      return refused("Path '\(link)' does not uniquely identify an object")
    }
    if guest.buses[link] != nil { return nil }
    if guest.ids[link] != nil || guest.otherBuses[link] != nil && link != "main-system-bus" || object(link) != nil {
      return refused("Invalid parameter type for 'primary-bus', expected: PCI")
    }
    return refused("Device '\(link)' not found")
  }

  /// The failure of `primary-bus` of an `arm-smmuv3` (QEMU hw/arm/smmu-common.c: smmu_base_realize).
  func primaryBusFailure() throws(Unknown) -> RealizeFailure? {
    func refused(_ text: String) -> RealizeFailure { RealizeFailure(.iommuRefused, property: "primary-bus", text) }
    guard let primary = try otherSetting("primary-bus"), !primary.isEmpty else {
      return refused("SMMU is not attached to any PCI bus!")
    }
    if !request.has("primary-bus"), let failure = try primaryBusLink(primary) {
      let text = "can't apply global \(driver).primary-bus=\(primary): \(failure.text)"
      return RealizeFailure(.badGlobal, property: "primary-bus", text)
    }
    for other in guest.iommus where other.driver == driver {
      if try machine.setting("primary-bus", of: other).value == primary { return refused("An iommu is already attached to this bus") }
    }
    guard let bus = guest.buses[primary] else { return nil }
    if bus.kind != .root || bus.expander.map({ $0.driver != "pxb-pcie" }) ?? false {
      return refused("SMMU should be attached to a default PCIe root complex(pcie.0) or a pxb-pcie based root complex")
    }
    return try guest.bypasses(bus, machine) ? refused("Bypass option cannot be set for SMMUv3 associated PCIe RC") : nil
  }
}

extension Guest {
  /// Whether an Express port has no id: QEMU names the bus of the first one `pcie.0` too.
  fileprivate var hasUnnamedPort: Bool { automaticBuses["pcie", default: 0] > 0 && ids["pcie"] == nil }

  /// Takes out an IOMMU that QEMU refuses because of its root complex: it serves no device.
  mutating func drop(_ unit: DeviceRequest, _ failure: RealizeFailure?) {
    if unit.driver == "arm-smmuv3", failure?.property == "primary-bus" { iommus.removeLast() }
  }
}

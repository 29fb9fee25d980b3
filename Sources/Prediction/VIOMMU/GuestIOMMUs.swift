import Facts

extension Guest {
  /// The guest's IOMMU that serves a device; nil when none does. arm-smmuv3 serves the root complex that is its
  /// `primary-bus`, any other all root complexes but those that bypass it (QEMU hw/pci/pci.c:
  /// pci_device_get_iommu_bus_devfn). A device that QEMU creates before the IOMMU is not served, and not checked
  /// (observed on 11.1.3).
  public func viommu(for request: DeviceRequest, in machine: MachineConfig) throws(Unknown) -> DeviceRequest? {
    guard !iommus.isEmpty else { return nil }
    let name: String
    if let bus = request.bus { name = bus } else { name = try rootBus.value ?? "" }
    let root = path(from: name).last
    if let root, try bypasses(root, machine) { return nil }
    for unit in iommus {
      guard unit.driver == "arm-smmuv3" else { return unit }
      // A running QEMU gives the bus by its path.
      guard let primary = try machine.setting("primary-bus", of: unit).value?.split(separator: "/").last else {
        throw Unknown("primary-bus of `arm-smmuv3`", reason: "not given")
      }
      if let root, primary == root.name { return unit }
    }
    return nil
  }

  /// Whether a device has an address space of its own, as behind each IOMMU of x86 (observed on 11.1.3), into
  /// which all RAM is mapped while the guest does not translate. Behind an accelerated SMMUv3, and without an IOMMU,
  /// devices share one.
  public func hasOwnSpace(for request: DeviceRequest, in machine: MachineConfig) throws(Unknown) -> Bool {
    guard let unit = try viommu(for: request, in: machine) else { return false }
    guard isOrderKnown || request.plug == .hot else {
      throw Unknown("address space of `\(request.id ?? "device")`", reason: "a running QEMU does not report what it created first")
    }
    return unit.driver != "arm-smmuv3"
  }

  /// Whether a driver is one of the IOMMUs that serve devices of a guest.
  public static func isIOMMU(_ driver: String) -> Bool {
    switch driver {
    case "intel-iommu", "amd-iommu", "arm-smmuv3", "virtio-iommu-pci": return true
    default: return false
    }
  }

  /// Whether the root complex bypasses the IOMMU (QEMU docs/bypass-iommu.txt).
  private func bypasses(_ root: GuestBus, _ machine: MachineConfig) throws(Unknown) -> Bool {
    if let expander = machine.devices.first(where: { $0.id == root.name }) {
      return try machine.setting("bypass_iommu", of: expander).value == "on"
    }
    return try machine.machineSetting("default_bus_bypass_iommu", "default-bus-bypass-iommu").value == "on"
  }
}

extension RealizeContext {
  /// The guest's IOMMU that serves the device; nil when none does.
  var viommu: DeviceRequest? {
    get throws(Unknown) {
      // Most guests have no IOMMU, and each check asks.
      guest.iommus.isEmpty ? nil : try guest.viommu(for: request, in: machine)
    }
  }

  /// Whether the device has an address space of its own.
  func hasOwnSpace() throws(Unknown) -> Bool { try guest.hasOwnSpace(for: request, in: machine) }
}

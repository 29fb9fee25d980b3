import Facts

extension Guest {
  /// The guest's IOMMU that serves a device; nil when none does. arm-smmuv3 serves the root complex that is its
  /// `primary-bus`, any other all root complexes but those that bypass it (QEMU hw/pci/pci.c:
  /// pci_device_get_iommu_bus_devfn). A device that QEMU creates before the IOMMU is not served, and not checked
  /// (observed on 11.1.3).
  public func viommu(for request: DeviceRequest, in machine: MachineConfig) throws(Unknown) -> DeviceRequest? {
    guard !iommus.isEmpty else { return nil }
    let name: String
    if request.bus != nil { name = busName(of: request) ?? "" } else { name = try defaultBus.value ?? "" }
    let root = path(from: name).last
    if let root, try bypasses(root, machine) { return nil }
    for unit in iommus {
      guard unit.driver == "arm-smmuv3", !unit.has(Guest.ofMachine) else { return unit }
      // A running QEMU gives the bus by its path.
      guard let primary = try machine.setting("primary-bus", of: unit).value?.split(separator: "/").last else {
        throw Unknown("primary-bus of `arm-smmuv3`", reason: "not given")
      }
      if let root, primary == root.name { return unit }
    }
    return nil
  }

  /// Marks the IOMMU of `-machine iommu=smmuv3`, which serves all root complexes.
  static let ofMachine = "machine"

  /// The IOMMU that the machine itself makes (QEMU hw/arm/virt.c: create_smmu); nil when it makes none.
  static func iommu(of machine: MachineConfig, _ kind: MachineKind) -> DeviceRequest? {
    guard kind == .virt, let option = machine.machine.last(where: { $0.name == "iommu" }), option.value.string == "smmuv3"
    else { return nil }
    let properties = [("driver", "arm-smmuv3"), (ofMachine, "on")]
      .map { Property(name: $0.0, value: .string($0.1), location: option.location) }
    return DeviceRequest(form: .keyval, plug: .cold, properties: properties, location: option.location)
  }

  /// Whether a driver is one of the IOMMUs that serve devices of a guest.
  public static func isIOMMU(_ driver: String) -> Bool {
    switch driver {
    case "intel-iommu", "amd-iommu", "arm-smmuv3", "virtio-iommu-pci": return true
    default: return false
    }
  }

  /// Whether the root complex bypasses the IOMMU (QEMU docs/bypass-iommu.txt).
  func bypasses(_ root: GuestBus, _ machine: MachineConfig) throws(Unknown) -> Bool {
    if let expander = root.expander ?? machine.devices.first(where: { $0.id == root.name }) {
      return try machine.setting("bypass_iommu", of: expander).value == "on"
    }
    return try machine.machineSetting("default-bus-bypass-iommu").value == "on"
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
}

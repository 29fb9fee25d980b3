import Facts

extension DeviceRequest {
  /// The `-global` that gives the device its `ats`, unless it has one of its own: the last that
  /// reaches its class.
  public func atsGlobal(in machine: MachineRequest) -> GlobalProperty? {
    guard let driver, isVFIO else { return nil }
    let classes = GlobalProperty.classes(of: driver)
    return machine.globals.last { $0.property == "ats" && classes.contains($0.driver) }
  }
}

extension Unknown {
  /// The reason why a property that a plug leaves out is not known, of missing -global options.
  var whereNothingIsGiven: String { "not given, and a -global of the running QEMU would decide (\(reason))" }
}

extension GlobalProperty {
  /// The classes whose `-global` reaches a driver: itself and its abstract parents.
  static func classes(of driver: String) -> Set<String> {
    driver == "vfio-pci-nohotplug"
      ? ["vfio-pci", "vfio-pci-device", "vfio-pci-nohotplug"] : ["vfio-pci", "vfio-pci-device"]
  }

  /// Whether it sets a property of the device, unless another does.
  public func reaches(_ request: DeviceRequest) -> Bool {
    request.isVFIO && GlobalProperty.classes(of: request.driver ?? "").contains(driver)
  }
}

import Facts

extension DeviceRequest {
  /// The `-global` that gives the device its `ats`, unless it has one of its own: the last that
  /// reaches its class.
  public func atsGlobal(in machine: MachineConfig) -> GlobalProperty? {
    machine.globals.last { $0.property == "ats" && $0.reaches(self) }
  }
}

extension Unknown {
  /// The reason why a property that a plug leaves out is not known, of missing -global options.
  var whereNothingIsGiven: String { "not given, and a -global of the running QEMU would decide (\(reason))" }
}

extension GlobalProperty {
  /// Whether it sets a property of the device, unless another does: given for its driver, or for one that it
  /// descends from. A vfio-pci-nohotplug is a vfio-pci, and that a vfio-pci-device.
  public func reaches(_ request: DeviceRequest) -> Bool {
    switch driver {
    case "vfio-pci", "vfio-pci-device": return request.isVFIO
    case "vfio-pci-nohotplug": return request.driver == driver
    default: return false
    }
  }
}

import Facts

extension DeviceRequest {
  /// The `-global` that sets the device's `ats` unless the request does: the last that applies to its class, on a
  /// cold and on a hot plug (QEMU hw/core/qdev-properties.c: qdev_prop_set_globals).
  public func atsGlobal(in machine: MachineConfig, of qemu: QEMUProfile) -> GlobalProperty? {
    machine.globals.last { $0.property == "ats" && $0.applies(to: self, in: qemu) }
  }
}

extension Unknown {
  /// The reason for not knowing a property that a plug leaves out, while -global options are unknown.
  var notGiven: String { "not given, and a -global of the running QEMU would decide (\(reason))" }
}

extension GlobalProperty {
  /// Whether it applies to the device: it is for the device's class or a parent class of that. A vfio-pci-nohotplug is
  /// a vfio-pci, which is a vfio-pci-device since 10.1, and that a pci-device.
  public func applies(to request: DeviceRequest, in qemu: QEMUProfile) -> Bool {
    switch driver {
    case "vfio-pci-device" where qemu.isBefore(10, 1): return false
    case "vfio-pci", "vfio-pci-device", "pci-express-device": return request.isVFIO
    case let base where MachineConfig.basesOfDevices.contains(base): return request.isVFIO && base != "sys-bus-device"
    case let base where MachineConfig.basesOfHostBridges.contains(base): return request.isVFIO
    case "vfio-pci-nohotplug": return request.driver == driver
    default: return false
    }
  }
}

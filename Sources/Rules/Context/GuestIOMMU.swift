import Facts
import Prediction

/// The guest's own IOMMU, as the rules see it.
struct GuestIOMMU {
  /// The driver, as QEMU names it.
  let driver: String
  /// Nil for one that the board brings.
  let unit: DeviceRequest?
  let location: Location?
  /// Whether it tells the guest that devices may use ATS.
  let offersATS: Known<Bool>
}

extension DeviceContext {
  /// The guest's IOMMU that serves the device; nil when there is none.
  func guestIOMMU() throws(Unknown) -> GuestIOMMU? {
    try target.needsWholeMachine(for: "guest's IOMMU")
    if let unit = try prediction.viommu { return GuestIOMMU(unit, in: target.machine) }
    // `-machine virt,iommu=smmuv3`: one without acceleration.
    guard let built = target.machine.machine.last(where: { $0.name == "iommu" }), built.value == .string("smmuv3")
    else { return nil }
    return GuestIOMMU(driver: "arm-smmuv3", unit: nil, location: built.location, offersATS: .known(false))
  }

  /// The unit that serves the device, if it is of that driver.
  func guestIOMMU(_ driver: String) throws(Unknown) -> DeviceRequest? {
    guard !target.machine.isComplete || target.iommus.contains(where: { $0.driver == driver }) else { return nil }
    guard let unit = try guestIOMMU()?.unit, unit.driver == driver else { return nil }
    return unit
  }

  /// A setting of the guest's IOMMU, by itself or by a `-global`.
  func setting(_ name: String, of unit: DeviceRequest) throws(Unknown) -> String? {
    try target.machine.setting(name, of: unit).value
  }
}

extension GuestIOMMU {
  init(_ unit: DeviceRequest, in machine: MachineConfig) {
    driver = unit.driver ?? ""
    self.unit = unit
    location = unit.location
    switch driver {
    // Both have it from their common parent (QEMU hw/i386/x86-iommu.c).
    case "intel-iommu", "amd-iommu": offersATS = machine.setting("device-iotlb", of: unit).map { $0 == "on" }
    case "arm-smmuv3": offersATS = GuestIOMMU.smmu(unit, in: machine)
    // virtio-iommu has no such thing.
    default: offersATS = .known(false)
    }
  }

  /// QEMU hw/arm/smmuv3.c: ats needs accel, and `auto`, the default, follows the host's SMMU. The
  /// machine types up to virt-11.0 set it to off (QEMU hw/core/machine.c: hw_compat_11_0).
  private static func smmu(_ unit: DeviceRequest, in machine: MachineConfig) -> Known<Bool> {
    machine.setting("accel", of: unit).flatMap { accelerated in
      guard accelerated == "on" else { return .known(false) }
      return machine.setting("ats", of: unit).flatMap { setting in
        switch setting {
        case "on": return .known(true)
        case "off": return .known(false)
        default: break
        }
        if setting == nil, let version = machine.virtVersion, version <= (11, 0) { return .known(false) }
        return .unknown("ats of arm-smmuv3", "`auto` follows the host's SMMU, which does not show it")
      }
    }
  }
}

extension MachineConfig {
  /// The version in `virt-11.0`; nil for `virt`, which is the newest that the QEMU has.
  var virtVersion: (Int, Int)? { version(after: "virt-") }
}

import Facts
import Prediction

/// The guest's own IOMMU, as far as ATS goes.
struct GuestIOMMU {
  /// The driver, as QEMU names it.
  let driver: String
  let location: Location?
  /// Whether it tells the guest that devices may use ATS.
  let offersATS: Known<Bool>
}

extension Subject {
  /// The guest's IOMMU that serves the device; nil when there is none.
  func guestIOMMU() throws(Unknown) -> GuestIOMMU? {
    try definition.needsWholeMachine(for: "guest's IOMMU")
    let machine = definition.machine
    let units = machine.devices.filter { GuestIOMMU.drivers.contains($0.driver ?? "") }
    let buses = machine.path(from: request)
    let unit = units.first { unit in unit.string("primary-bus").map(buses.contains) ?? true }
    if let unit { return GuestIOMMU(unit, in: machine) }
    // `-machine virt,iommu=smmuv3`: one without acceleration.
    guard let built = machine.machine.last(where: { $0.name == "iommu" }), built.value == .string("smmuv3")
    else { return nil }
    return GuestIOMMU(driver: "arm-smmuv3", location: built.location, offersATS: .known(false))
  }
}

extension MachineRequest {
  /// The buses from a device up to the root, nearest first.
  func path(from request: DeviceRequest) -> [String] {
    var buses: [String] = []
    var next = request.bus ?? "pcie.0"
    while !buses.contains(next), buses.count < 32 {
      buses.append(next)
      guard let bridge = devices.first(where: { $0.id == next }) else { break }
      next = bridge.bus ?? "pcie.0"
    }
    return buses
  }
}

extension GuestIOMMU {
  static let drivers: Set<String> = ["intel-iommu", "amd-iommu", "arm-smmuv3", "virtio-iommu-pci"]

  init(_ unit: DeviceRequest, in machine: MachineRequest) {
    driver = unit.driver ?? ""
    location = unit.location
    switch driver {
    case "intel-iommu": offersATS = GuestIOMMU.flag("device-iotlb", of: unit, in: machine).map { $0 == "on" }
    case "arm-smmuv3": offersATS = GuestIOMMU.smmu(unit, in: machine)
    // Neither tells the guest of ATS for a device that is passed through.
    default: offersATS = .known(false)
    }
  }

  /// QEMU hw/arm/smmuv3.c: ats needs accel, and `auto`, the default, follows the host's SMMU. The
  /// machine types up to virt-11.0 set it to off (QEMU hw/core/machine.c: hw_compat_11_0).
  private static func smmu(_ unit: DeviceRequest, in machine: MachineRequest) -> Known<Bool> {
    flag("accel", of: unit, in: machine).flatMap { accelerated in
      guard accelerated == "on" else { return .known(false) }
      return flag("ats", of: unit, in: machine).flatMap { setting in
        switch setting {
        case "on": return .known(true)
        case "off": return .known(false)
        default: break
        }
        if let version = machine.virtVersion, version <= (11, 0) { return .known(false) }
        return .unknown("ats of arm-smmuv3", "`auto` follows the host's SMMU, which does not show it")
      }
    }
  }

  /// A property's text, "on" for what QEMU takes for it; nil when nobody gives it.
  private static func flag(_ name: String, of unit: DeviceRequest, in machine: MachineRequest) -> Known<String?> {
    if let property = unit.property(name) {
      if case .unknown(let text) = property.value { return .unknown("\(name) of the guest's IOMMU", "written as \(text)") }
      return .known(unit.isOn(name) ? "on" : property.value == .string("auto") ? "auto" : "off")
    }
    let global = machine.globals.last { $0.driver == unit.driver && $0.property == name }
    return .known(global.map { ["on", "yes", "true", "y"].contains($0.value) ? "on" : $0.value })
  }
}

extension MachineRequest {
  /// The version in `virt-11.0`; nil for `virt`, which is the newest that the QEMU has.
  fileprivate var virtVersion: (Int, Int)? {
    guard let type = machineType?.value.string, type.hasPrefix("virt-") else { return nil }
    let parts = type.dropFirst(5).split(separator: ".").map { Int($0) }
    guard parts.count == 2, let major = parts[0], let minor = parts[1] else { return nil }
    return (major, minor)
  }
}

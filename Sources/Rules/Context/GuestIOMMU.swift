import Facts
import Prediction

/// IOMMU of the guest that serves a device.
struct GuestIOMMU {
  /// The driver, as QEMU names it.
  let driver: String
  /// The request that creates it; for an IOMMU of the machine, one with the machine's option as its location.
  let unit: DeviceRequest
  let location: Location?
  /// Whether it reports to the guest that devices may use ATS.
  let offersATS: Known<Bool>
}

extension DeviceContext {
  /// The guest's IOMMU that serves the device; nil when none does.
  func guestIOMMU() throws(Unknown) -> GuestIOMMU? {
    try target.requireWholeMachine(for: "guest's IOMMU")
    guard let unit = try prediction.viommu else { return nil }
    var hostATS: Known<Bool>?
    do throws(Unknown) { hostATS = try hostIOMMU()?.smmuATS } catch { hostATS = .unknown(error) }
    return GuestIOMMU(unit, in: target.machine, qemu: target.qemu, hostATS: hostATS)
  }

  /// The unit that serves the device, if it has that driver.
  func guestIOMMU(_ driver: String) throws(Unknown) -> DeviceRequest? {
    guard !target.machine.isComplete || target.iommus.contains(where: { $0.driver == driver }) else { return nil }
    // launch-fails reports an IOMMU that the emulator does not have.
    guard let iommu = try guestIOMMU(), iommu.driver == driver,
      !target.isRefusedAtLaunch(iommu.unit.location(of: "driver"))
    else { return nil }
    return iommu.unit
  }

  /// A property of the guest's IOMMU, from the request or a `-global`.
  func setting(_ name: String, of unit: DeviceRequest) throws(Unknown) -> String? {
    try target.machine.setting(name, of: unit).value
  }
}

extension GuestIOMMU {
  /// - Parameter hostATS: whether the host's SMMUv3 supports ATS; nil for another IOMMU.
  init(_ unit: DeviceRequest, in machine: MachineConfig, qemu: QEMUProfile, hostATS: Known<Bool>?) {
    driver = unit.driver ?? ""
    self.unit = unit
    location = unit.location
    switch driver {
    // Both inherit it (QEMU hw/i386/x86-iommu.c).
    case "intel-iommu", "amd-iommu": offersATS = machine.setting("device-iotlb", of: unit).map { $0 == "on" }
    case "arm-smmuv3": offersATS = GuestIOMMU.smmu(unit, in: machine, qemu, hostATS)
    // virtio-iommu does not support ATS.
    default: offersATS = .known(false)
    }
  }

  /// `ats` of arm-smmuv3 requires `accel`, and `auto` follows the host's SMMU (QEMU hw/arm/smmuv3.c).
  private static func smmu(
    _ unit: DeviceRequest, in machine: MachineConfig, _ qemu: QEMUProfile, _ hostATS: Known<Bool>?
  ) -> Known<Bool> {
    do throws(Unknown) {
      guard try machine.setting("accel", of: unit).value == "on" else { return .known(false) }
      switch try machine.smmuSetting("ats", of: unit, qemu) {
      case "on": return .known(true)
      case "off": return .known(false)
      default: return hostATS ?? .unknown("ats of arm-smmuv3", "`auto` follows the host's SMMU, and no SMMUv3 serves the device")
      }
    } catch { return .unknown(error) }
  }
}

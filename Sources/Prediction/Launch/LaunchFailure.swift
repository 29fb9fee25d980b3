import Facts

/// A part of a machine, other than a vfio device, that QEMU refuses: it does not start, or answers the plug with an
/// error.
public struct LaunchFailure: Sendable {
  /// The refusal.
  public let failure: RealizeFailure
  /// The device that is refused; nil for another option.
  public let request: DeviceRequest?
  /// Location of the option, or of the property that the failure is about.
  public let location: Location
  /// Whether it is the answer to a command to a running machine.
  public let isOfCommand: Bool

  /// Types that pass a host device through by another way than vfio-pci.
  private static let hostDrivers: Set<String> = ["vfio-user-pci", "vfio-ap", "vfio-ccw", "x-pci-proxy-dev"]

  /// Whether it is a device that passes a host device through by another way than vfio-pci.
  public var isOfHostDevice: Bool { request?.driver.map(LaunchFailure.hostDrivers.contains) ?? false }

  /// The fact that is missing for a device of a type that is not modelled at all: one that passes a host device through by
  /// another way than vfio-pci, or one that the QEMU of the prediction does not have.
  static func unknown(_ request: DeviceRequest, in machine: MachineConfig, _ qemu: QEMUProfile) -> Unknown? {
    guard let driver = request.driver else { return nil }
    let name = request.plainName
    if hostDrivers.contains(driver) {
      return Unknown("realize of \(name)", reason: "devices of type `\(driver)` are not modelled")
    }
    if driver == "arm-smmuv3", case .unknown(let missing) = qemu.makesNoSMMU { return missing }
    let kind = MachineKind(machine)
    if VFIODriverModel.isMeantForVFIO(driver) || (kind == .virt ? ArmDrivers.isKnown(driver) : PCIDrivers.isKnown(driver)) { return nil }
    // On other machines too, a name with vfio in it may be meant for a host device; a plug without its machine may be cut.
    switch kind {
    case .q35, .i440fx, .microvm, .virt: break
    case .unknown where request.plug == .hot && !ArmDrivers.isKnown(driver): break
    case .withoutPCI, .unknown: if !driver.lowercased().contains("vfio") { return nil }
    }
    let reason = kind == .virt ? "`virt` of QEMU 11.1.3 is not known to take it; `--rehearse` asks QEMU"
      : "not one of QEMU 11.1.3; `--rehearse` asks another QEMU"
    return Unknown("device type `\(driver)`", reason: reason)
  }

  init(_ failure: RealizeFailure, of request: DeviceRequest) {
    self.failure = failure
    self.request = request
    isOfCommand = request.plug == .hot
    location = failure.property.map { request.location(of: $0) } ?? request.location
  }

  init(_ failure: RealizeFailure, at location: Location, isOfCommand: Bool = false) {
    self.failure = failure
    self.isOfCommand = isOfCommand
    self.request = nil
    self.location = location
  }
}

import Facts

/// The legacy backend: /dev/vfio/N and a container (QEMU hw/vfio/container-legacy.c).
struct LegacyAttach {
  let context: RealizeContext
  let device: HostDevice

  func failure(at step: RealizeStep) throws(Unknown) -> RealizeFailure? {
    switch step {
    case .group: return try grouped()
    case .groupNode: return try node(try group())
    case .groupViable: return try viability(try group())
    case .container: return try container()
    case .groupMember: return try membership(try group())
    default: return nil
    }
  }

  private func grouped() throws(Unknown) -> RealizeFailure? {
    guard try device.group.value == nil else { return nil }
    return context.fails(.noGroup, "no iommu_group found: No such file or directory")
  }

  /// The device's group; realize has failed before when there is none.
  private func group() throws(Unknown) -> IOMMUGroup {
    guard let number = try device.group.value else {
      throw Unknown("group of \(device.address)", reason: "the device has none")
    }
    return context.host.group(number)
  }

  /// A group without a vfio driver in it has no node.
  private func node(_ group: IOMMUGroup) throws(Unknown) -> RealizeFailure? {
    if context.sharesGroup(group) { return nil }  // QEMU has it open already
    func cannotOpen(_ cause: FailureCause, _ error: String) -> RealizeFailure {
      context.fails(cause, "Could not open '/dev/vfio/\(group.number)': \(error)")
    }
    switch try group.node.value {
    case .absent: return cannotOpen(.groupNodeMissing, "No such file or directory")
    case .denied: return cannotOpen(.groupNodeDenied, "Permission denied")
    case .accessible: break
    }
    // A group can be opened once (linux drivers/vfio/group.c).
    guard try !device.users.value.isEmpty else { return nil }
    return cannotOpen(.groupBusy, "Device or resource busy")
  }

  /// Every member is bound to a vfio driver, to none, or is a bridge (linux drivers/iommu/iommu.c:
  /// DMA ownership).
  private func viability(_ group: IOMMUGroup) throws(Unknown) -> RealizeFailure? {
    guard try GroupViability(group, context.host).offender() != nil else { return nil }
    return context.fails(.groupNotViable, "group \(group.number) is not viable")
  }

  private func container() throws(Unknown) -> RealizeFailure? {
    guard try context.host.vfioContainer.value == .denied else { return nil }
    return context.fails(.containerDenied, "Could not open '/dev/vfio/vfio': Permission denied")
  }

  private func membership(_ group: IOMMUGroup) throws(Unknown) -> RealizeFailure? {
    if context.isAssigned(device.address) {
      return context.fails(.alreadyAttached, "device is already attached")
    }
    guard try !VFIODriver.isVFIO(device) else { return nil }
    return context.fails(.notBound, "error getting device from group \(group.number): No such device")
  }
}

/// Which member of a group keeps it from being assigned.
public struct GroupViability {
  private let group: IOMMUGroup
  private let host: Host

  public init(_ group: IOMMUGroup, _ host: Host) {
    self.group = group
    self.host = host
  }

  /// A member that is bound to a host driver, with that driver's name.
  /// - Throws: what could not be looked at, when no offender is known for certain.
  public func offender() throws(Unknown) -> (address: PCIAddress, driver: String)? {
    var missed: Unknown?
    for member in try group.members.value {
      do {
        if let driver = try blocking(member) { return (member, driver) }
      } catch {
        missed = missed ?? error
      }
    }
    if let missed { throw missed }
    return nil
  }

  /// The host driver that claims the member's DMA, nil when none does.
  private func blocking(_ member: PCIAddress) throws(Unknown) -> String? {
    guard let device = try host.device(at: member).value, let driver = try device.driver.value else { return nil }
    if VFIODriver.leavesDMA(driver) { return nil }
    return try device.isBridge.value ? nil : driver
  }
}

/// Names of kernel drivers, by what they do to DMA ownership.
public enum VFIODriver {
  /// vfio-pci and its variants all register with vfio-pci-core; the kernel's variant drivers end in
  /// `vfio_pci` or `vfio-pci` (linux drivers/vfio/pci/*).
  public static func isVFIO(name: String) -> Bool {
    let plain = name.map { $0 == "-" ? "_" : $0 }
    return String(plain).hasSuffix("vfio_pci") || String(plain).hasPrefix("vfio_pci")
  }

  /// Drivers that set driver_managed_dma, or never touch DMA (linux: pci-stub, pcieport).
  static func leavesDMA(_ name: String) -> Bool {
    isVFIO(name: name) || name == "pci-stub" || name == "pcieport" || name == "shpchp"
  }

  /// A function with a vfio cdev is bound to a vfio driver, whatever its name.
  public static func isVFIO(_ device: HostDevice) throws(Unknown) -> Bool {
    if case .known(.some) = device.cdev { return true }
    return try device.driver.value.map { isVFIO(name: $0) } ?? false
  }
}

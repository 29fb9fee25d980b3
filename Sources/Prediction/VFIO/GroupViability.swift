import Facts

/// Viability of a group: whether a member that is bound to a host driver keeps it from being assigned (linux
/// drivers/iommu/iommu.c: iommu_group_claim_dma_owner, iommu_device_use_default_domain).
public struct GroupViability {
  private let group: IOMMUGroup
  private let host: Host

  /// The viability of a group on its host.
  public init(_ group: IOMMUGroup, _ host: Host) {
    self.group = group
    self.host = host
  }

  /// A member that is bound to a host driver, with that driver's name.
  /// - Throws: a fact that could not be inspected, when no offender is known for certain.
  public func offender() throws(Unknown) -> (address: PCIAddress, driver: String)? { try offenders().first }

  /// The members that are bound to a host driver, each with that driver's name: those that are known.
  /// - Throws: a fact that could not be inspected, when no offender is known for certain.
  public func offenders(besides device: PCIAddress? = nil) throws(Unknown) -> [(address: PCIAddress, driver: String)] {
    var missed: Unknown?
    var found: [(address: PCIAddress, driver: String)] = []
    for member in try group.members.value where member != device {
      do {
        if let driver = try blocking(member) { found.append((member, driver)) }
      } catch {
        missed = missed ?? error
      }
    }
    if found.isEmpty, let missed { throw missed }
    return found
  }

  /// The host driver that claims the member's DMA, nil when none does.
  private func blocking(_ member: PCIAddress) throws(Unknown) -> String? {
    guard let device = try host.device(at: member).value, let driver = try device.driver.value else { return nil }
    if VFIODriver.leavesDMA(driver) { return nil }
    // A driver that creates a vfio character device is a vfio driver.
    if case .known(.some) = device.cdev { return nil }
    return try device.isBridge.value ? nil : driver
  }
}

/// The processes that hold functions of a group already.
struct GroupUse {
  private let group: IOMMUGroup
  private let host: Host

  init(_ group: IOMMUGroup, _ host: Host) {
    self.group = group
    self.host = host
  }

  /// A process that holds one, the holder of the group's node before the holder of a cdev.
  func holder() throws(Unknown) -> (member: PCIAddress, user: ProcessReference)? {
    var missed: Unknown?
    var found: [(member: PCIAddress, user: ProcessReference)] = []
    for member in try group.members.value {
      do {
        guard let device = try host.device(at: member).value else { continue }
        found += try device.users.value.map { (member, $0) }
      } catch {
        missed = missed ?? error
      }
    }
    if let holder = found.first(where: { $0.user.node == .group }) ?? found.first { return holder }
    if let missed { throw missed }
    return nil
  }
}

/// Kernel drivers, by their effect on DMA ownership.
public enum VFIODriver {
  /// A placeholder for the driver's name where libvirt chooses the driver.
  static let chosenByLibvirt = "vfio-pci or a variant of it"

  /// Whether the driver sets driver_managed_dma, or never uses DMA (linux: pci-stub, pcieport).
  static func leavesDMA(_ name: String) -> Bool {
    VFIODriverName.isVFIO(name) || name == "pci-stub" || name == "pcieport" || name == "shpchp"
  }

  /// Whether the device is a VF whose PF is bound to a vfio driver, which then guards it by a token.
  public static func ownsPhysicalFunction(of device: HostDevice, _ host: Host) throws(Unknown) -> Bool {
    guard let physical = try device.physicalFunction.value,
      let owner = try host.device(at: physical).value
    else { return false }
    return try isVFIO(owner)
  }

  /// Whether the function is bound to a vfio driver. One with a vfio cdev is, also when the driver has another name.
  public static func isVFIO(_ device: HostDevice) throws(Unknown) -> Bool {
    if case .known(.some) = device.cdev { return true }
    return try device.driver.value.map { VFIODriverName.isVFIO($0) } ?? false
  }
}

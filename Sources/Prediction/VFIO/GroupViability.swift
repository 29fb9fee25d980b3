import Facts

/// Viability of a group: whether a member that is bound to a host driver keeps it from being assigned (linux
/// drivers/iommu/iommu.c: iommu_group_claim_dma_owner, iommu_device_use_default_domain). QEMU reports it in
/// hw/vfio/container-legacy.c: vfio_group_get. The header type decides, not the class: an NVSwitch (class 0680) and an
/// LPC controller (0601) have an endpoint's header and count (linux up to 5.18 drivers/vfio/vfio.c:
/// vfio_dev_driver_allowed).
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
    return try device.isEndpoint.value ? driver : nil
  }
}

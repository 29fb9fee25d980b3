import Facts

/// The processes that hold functions of a group already.
struct GroupUse {
  private let group: IOMMUGroup
  private let host: Host
  private let isLiveUpdate: Bool

  /// The use of a group when `machine` starts.
  init(_ group: IOMMUGroup, _ host: Host, for machine: MachineConfig, _ qemu: QEMUProfile) {
    self.group = group
    self.host = host
    isLiveUpdate = machine.isLiveUpdate(of: qemu)
  }

  /// A process that holds one, the holder of the group's node before the holder of a cdev.
  func holder() throws(Unknown) -> (member: PCIAddress, user: ProcessReference)? {
    var missed: Unknown?
    var found: [(member: PCIAddress, user: ProcessReference)] = []
    for member in try group.members.value {
      do {
        guard let device = try host.device(at: member).value else { continue }
        // With a live update the other QEMU passes its descriptors.
        found += try device.users.value.filter { !isLiveUpdate || !$0.isQEMU }.map { (member, $0) }
      } catch {
        missed = missed ?? error
      }
    }
    if let holder = found.first(where: { $0.user.node == .group }) ?? found.first { return holder }
    if let missed { throw missed }
    return nil
  }
}

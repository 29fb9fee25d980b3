import Facts

/// The legacy backend: /dev/vfio/N and a container (QEMU hw/vfio/container-legacy.c).
struct LegacyAttach {
  let context: RealizeContext
  let device: HostDevice

  /// The failure of one step; nil when it succeeds.
  func failure(at step: RealizeStep) throws(Unknown) -> RealizeFailure? {
    switch step {
    case .group: return try grouped()
    case .groupNode: return try node(try group())
    case .groupViable: return try viability(try group())
    case .container: return try container(try group())
    case .legacyInterrupts:
      return try context.interruptsRefused("vfio_iommu_type1")
        ? context.fails(
          .unsafeInterrupts, "failed to setup container for group \(try group().number): Failed to set iommu for "
            + "container: Operation not permitted") : nil
    case .legacyMemory:
      let number = try group().number
      return try context.memory(after: "failed to setup container for group \(number): ")
    case .groupMember: return try membership(try group())
    default: return nil
    }
  }

  private func grouped() throws(Unknown) -> RealizeFailure? {
    guard try device.group.value == nil else { return nil }
    return context.fails(.noGroup, "no iommu_group found: No such file or directory")
  }

  /// The device's group. Without one realize has failed before.
  private func group() throws(Unknown) -> IOMMUGroup {
    guard let number = try device.group.value else {
      throw Unknown("group of \(device.address)", reason: "the device has none")
    }
    return context.host.group(number)
  }

  /// The failure to open the group's node, which exists while one of its functions is bound to a vfio driver (QEMU
  /// hw/vfio/container-legacy.c: vfio_group_get).
  private func node(_ group: IOMMUGroup) throws(Unknown) -> RealizeFailure? {
    if context.sharesGroup(group) { return nil }  // QEMU has it open already
    func cannotOpen(_ cause: FailureCause, _ error: String) -> RealizeFailure {
      context.fails(cause, LegacyAttach.cannotOpen("/dev/vfio/\(group.number)", error, context.qemu))
    }
    switch try group.node.value {
    case .absent: return cannotOpen(.groupNodeMissing, "No such file or directory")
    case .denied: return cannotOpen(.groupNodeDenied, "Permission denied")
    case .accessible: break
    }
    // This QEMU holds another function of it through its cdev.
    let members = group.members.display ?? []
    if members.contains(where: { context.guest.assigned[$0].map { $0 != .legacy } ?? false }) {
      return cannotOpen(.inUse, "Device or resource busy")
    }
    // A group can be opened once, by a group's node or by the cdevs (linux drivers/vfio/group.c).
    guard try GroupUse(group, context.host, for: context.machine, context.qemu).holder() != nil else { return nil }
    // A running machine that is not described may be the holder, for another function of the group.
    if context.request.plug == .hot, let missing = context.machine.missingPart, try group.members.value.count > 1 {
      throw Unknown("holder of group \(group.number)", reason: missing)
    }
    return cannotOpen(.inUse, "Device or resource busy")
  }

  private static func cannotOpen(_ path: String, _ error: String, _ qemu: QEMUProfile) -> String {
    qemu.isBefore(8, 0) ? "failed to open \(path): \(error)" : "Could not open '\(path)': \(error)"
  }

  /// The failure of VFIO_GROUP_GET_STATUS (QEMU hw/vfio/container-legacy.c: vfio_group_get; linux
  /// drivers/iommu/iommu.c: iommu_group_claim_dma_owner).
  private func viability(_ group: IOMMUGroup) throws(Unknown) -> RealizeFailure? {
    guard try GroupViability(group, context.host).offender() != nil else { return nil }
    return context.fails(.groupNotViable, "group \(group.number) is not viable")
  }

  private func container(_ group: IOMMUGroup) throws(Unknown) -> RealizeFailure? {
    func cannotOpen(_ error: String) -> RealizeFailure {
      context.fails(
        .containerDenied, "failed to setup container for group \(group.number): "
          + LegacyAttach.cannotOpen("/dev/vfio/vfio", error, context.qemu))
    }
    switch try context.host.vfioContainer.value {
    case .accessible: return nil
    case .absent: return cannotOpen("No such file or directory")
    case .denied: return cannotOpen("Permission denied")
    }
  }

  /// The failure of VFIO_GROUP_GET_DEVICE_FD: the device is not bound, or its token is wrong (QEMU
  /// hw/vfio/container-legacy.c: vfio_device_get; linux vfio_pci_validate_vf_token).
  private func membership(_ group: IOMMUGroup) throws(Unknown) -> RealizeFailure? {
    if context.isAssigned(device.address) {
      return context.fails(.alreadyAttached, "device is already attached")
    }
    func refused(_ cause: FailureCause, _ error: String) -> RealizeFailure {
      context.fails(cause, "error getting device from group \(group.number): \(error)")
    }
    if try !VFIODriver.isVFIO(device) { return refused(.notBound, "No such device") }
    // A token of zeros is none (QEMU hw/vfio/pci.c: vfio_pci_realize).
    let token = context.settings.string("vf-token").map { $0.utf8.contains { $0 != 0x30 && $0 != 0x2d } } ?? false
    guard try VFIODriver.ownsPhysicalFunction(of: device, context.host) else {
      // A token is for a function with SR-IOV (PCIe 6.0 §9.3.3, id 0x10), and for the VFs of one that
      // is on vfio-pci (linux drivers/vfio/pci/vfio_pci_core.c: vfio_pci_validate_vf_token).
      guard token else { return nil }
      let chain = try device.config.value.extendedChain
      let isPhysical = try chain.contains(0x10, named: "SR-IOV capability of \(device.address)").value
      return isPhysical ? nil : refused(.badToken, "Invalid argument")
    }
    if token { throw Unknown("VF token of \(device.address)", reason: "only the PF's holder knows it") }
    return refused(.badToken, "Permission denied")
  }
}

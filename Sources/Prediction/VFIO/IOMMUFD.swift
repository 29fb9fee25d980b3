import Facts

/// The iommufd backend: the device's cdev, bound to an iommufd (QEMU hw/vfio/iommufd.c: iommufd_cdev_getfd,
/// iommufd_cdev_connect_and_bind).
struct IOMMUFDAttach {
  let context: RealizeContext
  let device: Known<HostDevice>

  /// The failure of one step; nil when it succeeds.
  func failure(at step: RealizeStep) throws(Unknown) -> RealizeFailure? {
    switch step {
    case .cdevFolder: return try folder()
    case .cdevNode: return try node()
    case .iommufdNode: return try openIOMMUFD()
    case .bindDevice: return noDevice
    case .bindToken: return try token()
    case .bindGroup: return try viability()
    case .bindOwner: return try ownership()
    case .bindInterrupts:
      return try context.interruptsRefused("iommufd") ? refused(.unsafeInterrupts, "Operation not permitted") : nil
    case .nesting: return try context.nestingRefused()
    case .iommufdMemory: return try context.memory(after: "")
    default: return nil
    }
  }

  private var folderPath: String { context.sysfsPath + "/vfio-dev" }

  /// Whether a descriptor is passed: then QEMU opens nothing in sysfs.
  private var isPassed: Bool { context.settings.has("fd") }

  private func folder() throws(Unknown) -> RealizeFailure? {
    guard !isPassed else { return nil }
    if let cdev = try device.value.cdev.value {
      return cdev.isNoIOMMU ? context.fails(.noCdev, "vfio \(folderPath): failed to find vfio-dev/vfioX/dev") : nil
    }
    return context.fails(
      .noCdev, "vfio \(folderPath): couldn't open directory \(folderPath): No such file or directory")
  }

  private func node() throws(Unknown) -> RealizeFailure? {
    guard !isPassed, let cdev = try device.value.cdev.value else { return nil }
    let text = "vfio \(folderPath): Failed to open \(cdev.path)"
    switch try cdev.node.value {
    case .accessible: return nil
    case .absent where try !cdev.hasNumber.value:
      let file = "\(folderPath)/\(cdev.name)/dev"
      return context.fails(
        .noCdev, "vfio \(folderPath): failed to load \"\(file)\" "
          + "(is your kernel config missing CONFIG_VFIO_DEVICE_CDEV?)")
    case .absent: return context.fails(.cdevNodeMissing, text)
    case .denied: return context.fails(.cdevDenied, text)
    }
  }

  /// The failure to open /dev/iommu, at the first attach (QEMU backends/iommufd.c: iommufd_backend_connect). Its
  /// existence is checked when the object is created, before any device.
  private func openIOMMUFD() throws(Unknown) -> RealizeFailure? {
    if let object = context.iommufdObject, object.isPassed {
      // libvirt opens its own.
      if context.machine.libvirt == nil, case .unknown(let text)? = object.properties.last(where: { $0.name == "fd" })?.value {
        throw Unknown("descriptor of `\(object.id ?? "iommufd")`", reason: "written as \(text)")
      }
      // Only the monitor knows the descriptor behind a name, which a stream of commands gives.
      guard let fd = object.string("fd"), PassedDescriptor(fd, .hot) == .number, context.descriptors[fd]?.isKnown != true
      else { return nil }
      throw Unknown(
        "descriptor `\(fd)` of `\(object.id ?? "iommufd")`", reason: "only the program that starts QEMU knows it; see `--inherited-fds`")
    }
    switch try context.host.iommufd.value {
    case .accessible: return nil
    case .absent: return context.fails(.iommufdMissing, "Could not open '/dev/iommu': No such file or directory")
    case .denied: return context.fails(.iommufdDenied, "Could not open '/dev/iommu': Permission denied")
    }
  }

  /// The failure of a descriptor that is not a cdev: only cdevs have VFIO_DEVICE_BIND_IOMMUFD.
  private var noDevice: RealizeFailure? {
    context.passed == .known(nil) ? refused(.badDescriptor, "Inappropriate ioctl for device") : nil
  }

  /// The failure of VFIO_DEVICE_BIND_IOMMUFD for a missing VF token, which QEMU 11.1 never passes here (linux
  /// drivers/vfio/pci/vfio_pci_core.c: vfio_pci_validate_vf_token).
  private func token() throws(Unknown) -> RealizeFailure? {
    try VFIODriver.ownsPhysicalFunction(of: device.value, context.host) ? refused(.badToken, "Permission denied") : nil
  }

  /// The failure to claim the group's DMA, which needs a viable group (linux drivers/iommu/iommu.c:
  /// iommu_device_claim_dma_owner).
  private func viability() throws(Unknown) -> RealizeFailure? {
    guard let number = try device.value.group.value else { return refused(.noGroup, "Invalid argument") }
    let offender = try GroupViability(context.host.group(number), context.host).offender()
    return offender == nil ? nil : refused(.groupNotViable, "Operation not permitted")
  }

  private func ownership() throws(Unknown) -> RealizeFailure? {
    let address = try device.value.address
    if let holder = context.guest.assigned[address] {
      return refused(.alreadyAttached, holder == .legacy ? "Device or resource busy" : "Invalid argument")
    }
    guard let number = try device.value.group.value else { return nil }
    let group = context.host.group(number)
    let siblings = (group.members.display ?? []).compactMap { context.guest.assigned[$0] }
    if siblings.contains(.legacy) { return refused(.bindFails, "Device or resource busy") }
    let mine = context.iommufdLink.map(AttachedBackend.iommufd)
    if siblings.contains(where: { $0 != mine }) { return refused(.bindFails, "Operation not permitted") }
    if !siblings.isEmpty { return nil }
    guard let holder = try GroupUse(group, context.host, for: context.machine, context.qemu).holder() else { return nil }
    // The errno depends on how it is held: through the group, through this cdev, or through a sibling's.
    if holder.user.node == .group { return refused(.inUse, "Device or resource busy") }
    return refused(.inUse, holder.member == address ? "Invalid argument" : "Operation not permitted")
  }

  private func refused(_ cause: FailureCause, _ error: String) -> RealizeFailure {
    context.fails(cause, "error bind device fd=N to iommufd=M: \(error)")
  }
}

extension RealizeContext {
  /// The failure of `-object iommufd`: without a descriptor it needs /dev/iommu to exist, also when no device uses it.
  func iommufdObjects() throws(Unknown) -> RealizeFailure? {
    if let twice = index.duplicateIOMMUFD {
      return RealizeFailure(.duplicateObjectID, twice)
    }
    // 10.0 does not look before the first device.
    let opens = index.opensIOMMUFD && !qemu.isBefore(10, 1)
    guard request.plug == .cold, opens, try host.iommufd.value == .absent else { return nil }
    return RealizeFailure(
      .iommufdMissing, "/dev/iommu does not exist (is your kernel config missing CONFIG_IOMMUFD?)")
  }

  /// The object that `iommufd` names, by its id or its path; nil when the machine has none.
  var iommufdObject: ObjectRequest? {
    iommufdLink.flatMap(object)
  }
}

import Facts

/// The iommufd backend: the device's cdev, bound to an iommufd (QEMU hw/vfio/iommufd.c).
struct IOMMUFDAttach {
  let context: RealizeContext
  let device: HostDevice

  func failure(at step: RealizeStep) throws(Unknown) -> RealizeFailure? {
    switch step {
    case .cdevFolder: return try folder()
    case .cdevNode: return try node()
    case .iommufdNode: return try openIOMMUFD()
    case .bindOwner: return try ownership()
    case .bindGroup: return try viability()
    default: return nil
    }
  }

  private var folderPath: String { context.sysfsPath + "/vfio-dev" }

  private func folder() throws(Unknown) -> RealizeFailure? {
    guard try device.cdev.value == nil else { return nil }
    return context.fails(
      .noCdev, "vfio \(folderPath): couldn't open directory \(folderPath): No such file or directory")
  }

  private func node() throws(Unknown) -> RealizeFailure? {
    guard let cdev = try device.cdev.value else { return nil }
    let text = "vfio \(folderPath): Failed to open \(cdev.path)"
    switch try cdev.node.value {
    case .accessible: return nil
    case .absent: return context.fails(.cdevNodeMissing, text)
    case .denied: return context.fails(.cdevDenied, text)
    }
  }

  /// /dev/iommu is opened when the first device attaches, unless a descriptor was passed. That it
  /// exists is checked when the object is made, before any device.
  private func openIOMMUFD() throws(Unknown) -> RealizeFailure? {
    if context.iommufdObject?.string("fd") != nil { return nil }
    switch try context.host.iommufd.value {
    case .accessible: return nil
    case .absent:
      return RealizeFailure(
        .iommufdMissing, "/dev/iommu does not exist (is your kernel config missing CONFIG_IOMMUFD?)")
    case .denied: return context.fails(.iommufdDenied, "Could not open '/dev/iommu': Permission denied")
    }
  }

  /// VFIO_DEVICE_BIND_IOMMUFD takes a device that nobody has.
  private func ownership() throws(Unknown) -> RealizeFailure? {
    if context.isAssigned(device.address) { return refused("Invalid argument") }
    return try device.users.value.isEmpty ? nil : refused("Device or resource busy")
  }

  /// It claims the group's DMA, so it needs what a viable group needs.
  private func viability() throws(Unknown) -> RealizeFailure? {
    guard let number = try device.group.value else { return refused("Invalid argument") }
    let offender = try GroupViability(context.host.group(number), context.host).offender()
    return offender == nil ? nil : refused("Device or resource busy")
  }

  private func refused(_ error: String) -> RealizeFailure {
    context.fails(.bindFails, "error bind device fd=N to iommufd=M: \(error)")
  }
}

extension RealizeContext {
  var iommufdObject: ObjectRequest? {
    guard let link = iommufdLink else { return nil }
    return machine.objects.last { $0.id == link || "/objects/\($0.id ?? "")" == link }
  }
}

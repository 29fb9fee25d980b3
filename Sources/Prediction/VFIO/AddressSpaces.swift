import Facts

/// The backend through which a host function is attached.
enum AttachedBackend: Hashable, Sendable {
  /// The group's container.
  case legacy
  /// The iommufd object of that id.
  case iommufd(String)
}

/// One DMA address space of a guest.
enum AddressSpace: Hashable, Sendable {
  /// The space of all devices that no IOMMU of the guest serves.
  case memory
  /// The space of one device behind an IOMMU.
  case device(DeviceRequest)
  /// The space of all devices behind a bridge to a conventional bus, which have one requester id (QEMU hw/pci/pci.c:
  /// pci_device_get_iommu_bus_devfn): the bus behind that bridge.
  case bridge(String)
  /// The space of all devices behind accelerated SMMUv3s, also of different ones (QEMU hw/arm/smmuv3-accel.c: shared_as_sysmem).
  case accelerated
}

/// The DMA address spaces of a guest's assigned devices (QEMU hw/vfio/container.c: vfio_address_space_get). All RAM is
/// mapped into each of them.
struct AddressSpaces: Sendable {
  /// The first device of each backend in each space.
  private var attached = SharedMap<AddressSpace, [VFIOBackend: DeviceRequest]>()
  /// A device in each space of which the backend is not known.
  private var unknownBackends = SharedMap<AddressSpace, Unknown>()
  private var known = SharedSet<AddressSpace>()
  /// The first device of each backend whose space is not known.
  private(set) var unplaced: [VFIOBackend: DeviceRequest] = [:]
  /// A device of which neither is known.
  private var unplacedUnknown: Unknown?
  /// The number of devices whose space is not known. Each is counted: more memory is needed then.
  private var unplacedCount = 0

  /// The number of spaces.
  var count: Int { known.count + unplacedCount }

  /// The number of spaces when one more device is attached.
  func count(adding space: AddressSpace) -> Int { count + (known.contains(space) ? 0 : 1) }

  /// The first device of a backend in a space.
  func first(_ backend: VFIOBackend, in space: AddressSpace) -> DeviceRequest? { attached[space]?[backend] }

  /// A device whose backend is not known, in a space or perhaps there.
  func unknownBackend(in space: AddressSpace) -> Unknown? { unknownBackends[space] ?? unplacedUnknown }

  mutating func attach(_ request: DeviceRequest, _ backend: Known<VFIOBackend>, in space: Known<AddressSpace>) {
    if case .known(let space) = space { known.insert(space) }
    switch (space, backend) {
    case (.known(let space), .known(let backend)):
      if attached[space]?[backend] == nil { attached[space, default: [:]][backend] = request }
    case (.known(let space), .unknown(let unknown)):
      if unknownBackends[space] == nil { unknownBackends[space] = unknown }
    case (.unknown, .known(let backend)):
      unplacedCount += 1
      if unplaced[backend] == nil { unplaced[backend] = request }
    case (.unknown, .unknown(let unknown)):
      unplacedCount += 1
      unplacedUnknown = unplacedUnknown ?? unknown
    }
  }
}

/// The functions of an IOMMU group that are attached.
struct GroupAttachment: Sendable {
  /// The address space of the first.
  let space: Known<AddressSpace>
  let backend: Known<VFIOBackend>
}

extension Guest {
  /// The number of DMA address spaces of the guest's vfio devices: guest memory is locked once for each.
  public var addressSpaceCount: Int { spaces.count }

  /// The address space of a device. Behind an IOMMU of x86 each requester id has one (observed on 11.1.3), into which all
  /// RAM is mapped while the guest does not translate. Devices behind accelerated SMMUv3s share one, and devices without an IOMMU
  /// another.
  func addressSpace(of request: DeviceRequest, in machine: MachineConfig) throws(Unknown) -> AddressSpace {
    guard let unit = try viommu(for: request, in: machine) else { return .memory }
    guard isOrderKnown || request.plug == .hot else {
      throw Unknown("address space of `\(request.id ?? "device")`", reason: "a running QEMU does not report what it created first")
    }
    if unit.driver == "arm-smmuv3", try machine.setting("accel", of: unit).value == "on", try isFoundByRequesterID(request) {
      return .accelerated
    }
    return try conventionalBus(above: request).map { .bridge($0.name) } ?? .device(request)
  }
}

extension RealizeContext {
  /// The device's address space.
  func addressSpace() throws(Unknown) -> AddressSpace {
    // An Express port that libvirt chooses has no other device. Which root complex it is below matters to an SMMU only.
    if request.isPlacedByLibvirt, express == .known(true), let unit = try viommu, unit.driver != "arm-smmuv3" {
      return .device(request)
    }
    return try guest.addressSpace(of: request, in: machine)
  }

  /// The crash of containers of both backends in one address space.
  func mixedBackends() throws(Unknown) -> RealizeFailure? {
    let mine = try backend.value
    let theirs: VFIOBackend = mine == .legacy ? .iommufd : .legacy
    let space = try addressSpace()
    if case .device = space { return nil }
    // 10.0 takes the other's container for its own only to compare it with the group's.
    if qemu.isBefore(10, 1), mine == .iommufd { return nil }
    if let other = guest.spaces.first(theirs, in: space) {
      if let missing = machine.missingPart { throw Unknown("guest's IOMMU", reason: missing) }
      return QEMUCrash.mixedBackends(mine, with: other, in: qemu)
    }
    if guest.spaces.unplaced[theirs] != nil {
      throw Unknown("address spaces of other devices", reason: "whether the guest's IOMMU serves them is not known")
    }
    if let unknown = guest.spaces.unknownBackend(in: space) { throw unknown }
    return nil
  }

  /// The failure of a function of a group that another one has attached elsewhere: a group has one container (QEMU
  /// hw/vfio/container-legacy.c: vfio_group_get), and one page table (QEMU hw/vfio/iommufd.c: iommufd_cdev_attach_ioas_hwpt; linux
  /// drivers/iommu/iommufd/device.c: iommufd_hw_pagetable_attach). An accelerated SMMU has given the group tables of its own at once
  /// (QEMU hw/arm/smmuv3-accel.c: smmuv3_accel_alloc_viommu), so that no other function follows (recorded on 11.1.3).
  func groupInSeveralSpaces() throws(Unknown) -> RealizeFailure? {
    guard !guest.groupSpaces.isEmpty, let number = try device.value.group.value, let others = guest.groupSpaces[number]
    else { return nil }
    if try backend.value == .legacy {
      // A group that iommufd holds cannot be opened: `groupNode`.
      guard try others.backend.value == .legacy, try others.space.value != addressSpace() else { return nil }
      return fails(.groupInSeveralSpaces, "group \(number) used in multiple address spaces")
    }
    let theirs = try others.space.value
    if theirs != .accelerated, try theirs == addressSpace() { return nil }
    return fails(
      theirs == .accelerated ? .groupOfAcceleratedSMMU : .groupInSeveralSpaces,
      "[iommufd=N] error attach \(name) (N)\(qemu.isBefore(10, 1) ? "" : " pasid 0") to id=N: Invalid argument")
  }
}

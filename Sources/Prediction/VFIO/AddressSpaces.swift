import Facts

/// The backend through which a host function is attached.
enum AttachedBackend: Hashable, Sendable {
  /// The group's container.
  case legacy
  /// The iommufd object of that id.
  case iommufd(String)
}

/// The DMA address spaces of a guest's assigned devices (QEMU hw/vfio/container.c: vfio_address_space_get). All RAM is
/// mapped into each of them.
struct AddressSpaces: Sendable {
  /// The first device of each backend in the space that devices share.
  private(set) var shared: [VFIOBackend: DeviceRequest] = [:]
  /// The first device of each backend of which it is not known whether it shares that space.
  private(set) var unplaced: [VFIOBackend: DeviceRequest] = [:]
  /// A device whose backend is not known, in the space that devices share or perhaps there.
  private(set) var unknownBackend: Unknown?
  /// The number of devices with a space of their own. A device for which that is not known is counted: more memory is
  /// needed then.
  private(set) var own = 0

  /// The number of spaces.
  var count: Int { own + (isShared ? 1 : 0) }

  /// The number of spaces when one more device is attached.
  func count(addingOwn: Bool) -> Int { own + (addingOwn ? 1 : 0) + (isShared || !addingOwn ? 1 : 0) }

  private var isShared: Bool { !shared.isEmpty || hasUnknownShared }
  private var hasUnknownShared = false

  mutating func attach(_ request: DeviceRequest, _ backend: Known<VFIOBackend>, hasOwnSpace: Known<Bool>) {
    if hasOwnSpace != .known(false) { own += 1 }
    if hasOwnSpace == .known(true) { return }
    switch backend {
    case .unknown(let unknown):
      unknownBackend = unknownBackend ?? unknown
      if hasOwnSpace == .known(false) { hasUnknownShared = true }
    case .known(let backend) where hasOwnSpace == .known(false):
      if shared[backend] == nil { shared[backend] = request }
    case .known(let backend):
      if unplaced[backend] == nil { unplaced[backend] = request }
    }
  }
}

extension Guest {
  /// The number of DMA address spaces of the guest's vfio devices: guest memory is locked once for each.
  public var addressSpaceCount: Int { spaces.count }

  mutating func attach(_ request: DeviceRequest, _ backend: Known<VFIOBackend>, hasOwnSpace: Known<Bool>) {
    spaces.attach(request, backend, hasOwnSpace: hasOwnSpace)
  }
}

extension RealizeContext {
  /// The crash of containers of both backends in one address space.
  func mixedBackends() throws(Unknown) -> RealizeFailure? {
    let mine = try backend.value
    let theirs: VFIOBackend = mine == .legacy ? .iommufd : .legacy
    let (shared, unplaced) = (guest.spaces.shared[theirs], guest.spaces.unplaced[theirs])
    guard shared != nil || unplaced != nil || guest.spaces.unknownBackend != nil, try !hasOwnSpace() else { return nil }
    if shared != nil || unplaced != nil {
      if let missing = machine.missingPart { throw Unknown("guest's IOMMU", reason: missing) }
      if let unit = try viommu?.driver {
        throw Unknown("address spaces under \(unit)", reason: "whether devices share one was never observed")
      }
    }
    if let shared { return QEMUCrash.mixedBackends(mine, with: shared) }
    if unplaced != nil {
      throw Unknown("address spaces of other devices", reason: "whether the guest's IOMMU serves them is not known")
    }
    if let unknown = guest.spaces.unknownBackend { throw unknown }
    return nil
  }
}

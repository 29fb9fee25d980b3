/// What a libvirt domain says beside QEMU's own options, and QEMU never sees.
public struct LibvirtDomain: Hashable, Sendable {
  public let name: String?
  /// `<memory>`, in bytes: the most that the guest has at start.
  public var memory: UInt64?
  /// `<memoryBacking><locked/>`.
  public var isLocked = false
  /// `<memtune><hard_limit>`, in bytes; libvirt makes it RLIMIT_MEMLOCK too.
  public var hardLimit: UInt64?

  public init(name: String?) { self.name = name }
}

/// What a libvirt hostdev says beside QEMU's own properties.
public struct LibvirtHostdev: Hashable, Sendable {
  /// `managed='yes'`: libvirt binds the device to a vfio driver before QEMU starts, and gives it back
  /// to its host driver afterwards.
  public var isManaged: Bool
  /// `<driver model='…'>`: the variant driver to bind; nil when libvirt chooses.
  public var driverModel: String?

  public init(isManaged: Bool, driverModel: String?) {
    self.isManaged = isManaged
    self.driverModel = driverModel
  }
}

/// What a libvirt domain says beside QEMU's own options, and QEMU never sees.
public struct LibvirtDomain: Hashable, Sendable {
  public let name: String?
  /// `<memory>`, in bytes: the most that the guest has at start.
  public var memory: UInt64?
  /// `<memoryBacking><locked/>`.
  public var isLocked = false
  /// `<memtune><hard_limit>`, in bytes; libvirt makes it RLIMIT_MEMLOCK too.
  public var hardLimit: UInt64?
  /// Host functions that the domain takes from the host and does not give to its guest: hostdevs whose
  /// address type is `unassigned`.
  public var unassigned: [PCIAddress: LibvirtHostdev] = [:]
  /// `<qemu:commandline>` or `<qemu:override>`: options that libvirt passes on unread.
  public var hasOwnOptions = false

  /// The hypervisor that runs the domain, when it is not QEMU: `xen`, `lxc`.
  public var hypervisor: String?
  /// The PCI devices that a domain of another hypervisor is given.
  public var nonQEMUDevices: [Location] = []
  /// What a fork of libvirt reads, and upstream's passes over without a word.
  public var unsupportedAttributes: [UnsupportedLibvirtAttribute] = []

  public init(name: String?) { self.name = name }
}

/// An attribute or element that only a fork of libvirt, or a posted patch, knows.
public struct UnsupportedLibvirtAttribute: Hashable, Sendable {
  /// As written: `ssidSize`, `ats`, `vpasidCapOffset`.
  public let name: String
  public let value: String
  /// The id of the device that it is about.
  public let id: String?
  public let location: Location

  public init(name: String, value: String, id: String?, location: Location) {
    self.name = name
    self.value = value
    self.id = id
    self.location = location
  }
}

/// What a libvirt hostdev says beside QEMU's own properties.
public struct LibvirtHostdev: Hashable, Sendable {
  /// `managed='yes'`: libvirt binds the device to a vfio driver before QEMU starts, and gives it back
  /// to its host driver afterwards.
  public var isManaged: Bool
  /// `<driver model='…'>`: the variant driver to bind; nil when libvirt chooses.
  public var driverModel: String?
  /// `<source><address>`: the host function. With iommufd libvirt opens it, and QEMU's options say
  /// nothing of it.
  public var source: PCIAddress?

  public init(isManaged: Bool, driverModel: String?, source: PCIAddress? = nil) {
    self.isManaged = isManaged
    self.driverModel = driverModel
    self.source = source
  }
}

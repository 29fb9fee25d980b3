/// Properties of a libvirt domain that libvirt does not pass to QEMU.
public struct LibvirtDomain: Hashable, Sendable {
  /// `<name>`; nil for a bare device.
  public let name: String?
  /// `<memory>` in bytes: the guest's memory at start.
  public var memory: UInt64?
  /// `<memoryBacking><locked/>`.
  public var isLocked = false
  /// `<memtune><hard_limit>`, in bytes; libvirt makes it RLIMIT_MEMLOCK too.
  public var hardLimit: UInt64?
  /// Whether libvirt makes the guest's memory of a file that other processes share: `<access mode='shared'/>` without huge
  /// pages and without `memfd`.
  public var sharesMemoryFile = false
  /// `<vcpu>`: the maximum number of virtual processors.
  public var maximumVCPUs: Int?
  /// Host functions that the domain takes from the host and does not pass to its guest: hostdevs whose
  /// address type is `unassigned`.
  public var unassigned: [PCIAddress: LibvirtHostdev] = [:]
  /// Interfaces on a network of libvirt of which it is not known whether it is a pool of VFs; a VF of a pool becomes a
  /// host device of the guest.
  public var networks: [LibvirtNetworkInterface] = []
  /// `<qemu:commandline>` or `<qemu:override>`: options that libvirt passes on unchecked.
  public var hasOwnOptions = false

  /// The hypervisor that runs the domain, when it is not QEMU: `xen`, `lxc`.
  public var hypervisor: String?
  /// Locations of the PCI devices of a domain of another hypervisor.
  public var nonQEMUDevices: [Location] = []
  /// Refusals of the domain's text alone.
  public var refusals: [LibvirtRefusal] = []

  /// Creates a domain without any of these properties.
  public init(name: String?) { self.name = name }
}

/// A definition that libvirt refuses before it starts QEMU, with libvirt's message (libvirt 12.9).
public struct LibvirtRefusal: Hashable, Sendable {
  /// libvirt's message.
  public let text: String
  /// Advice that makes libvirt accept the definition.
  public let fix: String
  /// Location of the element or attribute.
  public let location: Location?
  /// Another text that it is about: the address of the first of two devices at one slot.
  public let other: Location?

  /// Creates a refusal.
  public init(text: String, fix: String, location: Location?, other: Location? = nil) {
    self.text = text
    self.fix = fix
    self.location = location
    self.other = other
  }
}

/// An interface on a network of libvirt.
public struct LibvirtNetworkInterface: Hashable, Sendable {
  /// The network's name.
  public let network: String
  /// Location of the name.
  public let location: Location
  /// The fact that is missing; nil before a host was asked.
  public var unknown: Unknown?

  /// Whether it is the network `default` that libvirt installs, with NAT (libvirt src/network/default.xml.in).
  public var isCommon: Bool { network == "default" }

  /// Creates an interface on a network.
  public init(network: String, location: Location) {
    self.network = network
    self.location = location
  }
}

/// An attribute or element that only a fork of libvirt, or a posted patch, knows.
public struct UnsupportedLibvirtAttribute: Hashable, Sendable {
  /// The name as written: `ssidSize`, `ats`, `vpasidCapOffset`.
  public let name: String
  /// The value as written.
  public let value: String
  /// The id of the device that it belongs to.
  public let id: String?
  /// Location of the attribute or element.
  public let location: Location

  /// Creates an attribute of the device `id`.
  public init(name: String, value: String, id: String?, location: Location) {
    self.name = name
    self.value = value
    self.id = id
    self.location = location
  }
}

/// Properties of a libvirt hostdev that libvirt does not pass to QEMU.
public struct LibvirtHostdev: Hashable, Sendable {
  /// `managed='yes'`: libvirt binds the device to a vfio driver before QEMU starts, and back to its host driver
  /// afterwards.
  public var isManaged: Bool
  /// `<driver model='…'>`: the variant driver to bind; nil when libvirt chooses.
  public var driverModel: String?
  /// `<source><address>`: the host function. With iommufd libvirt opens it, and QEMU's options do not name it.
  public var source: PCIAddress?

  /// `<acpi nodeset='…'/>`: libvirt adds an `acpi-generic-initiator` for each of the NUMA nodes.
  public var hasInitiatorNodes = false

  /// `<interface type='hostdev'>` without a `<virtualport>`: libvirt sets it up through the physical function.
  public var needsVirtualFunction = false

  /// Creates the properties of a hostdev.
  public init(isManaged: Bool, driverModel: String?, source: PCIAddress? = nil) {
    self.isManaged = isManaged
    self.driverModel = driverModel
    self.source = source
  }
}

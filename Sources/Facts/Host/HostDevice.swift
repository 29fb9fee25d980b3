/// One PCI function of a host.
public struct HostDevice: Sendable {
  /// The function's address; unique within a host.
  public let address: PCIAddress
  /// Vendor id, 16 bits at config space offset 0 (PCI 3.0 §6.2.1).
  public var vendor: Known<UInt16>
  /// Device id, 16 bits at config space offset 2 (PCI 3.0 §6.2.1).
  public var device: Known<UInt16>
  /// 24 bits: base class, subclass, programming interface (sysfs `class`).
  public var classCode: Known<UInt32>
  /// The bound driver's name; `.known(nil)` is none.
  public var driver: Known<String?>
  /// sysfs `driver_override`: the only driver that may bind; `.known(nil)` is any.
  public var driverOverride: Known<String?>
  /// The IOMMU group's number; `.known(nil)` is none.
  public var group: Known<Int?>
  /// The IOMMU that serves it, a key of `Host.iommus`; `.known(nil)` is none.
  public var iommu: Known<String?>
  /// The NUMA node of the device; -1 is none.
  public var numaNode: Known<Int>
  /// sysfs `boot_vga`: whether the firmware used this VGA function; `.known(nil)` for other functions.
  public var bootVGA: Known<Bool?>
  /// sysfs `reset_method`, in the order in which the kernel tries them; empty means that it cannot be reset.
  public var resetMethods: Known<[String]>
  /// The physical function of a VF; `.known(nil)` for anything else.
  public var physicalFunction: Known<PCIAddress?>
  /// The VFs of a physical function; empty for anything else.
  public var virtualFunctions: Known<[PCIAddress]>
  /// Sizes in bytes of regions 0 to 5 (BARs) and 6 (ROM), 0 where there is none.
  public var regionSizes: Known<[UInt64]>
  /// sysfs `removable`: `removable`, `fixed`; `.known(nil)` when the attribute is missing or says
  /// `unknown`. The kernel does not trust devices behind an external-facing port.
  public var removable: Known<String?>
  /// The name in /proc/iomem of a framebuffer that the firmware or the boot loader set up in one of its
  /// BARs: `BOOTFB`, `efifb`; `.known(nil)` is none.
  public var bootFramebuffer: Known<String?>
  /// Whether the device's ROM is the copy that the firmware left in memory at 0xc0000 (IORESOURCE_ROM_SHADOW).
  public var hasShadowROM: Known<Bool>
  /// Kernel modules for this device in particular (modules.alias, `vfio_pci:`): `nvgrace_gpu_vfio_pci`.
  public var variantDrivers: Known<[String]>
  /// Uses of the device by the host itself, through the driver that it is bound to.
  public var hostUses: Known<[HostUse]>
  /// Config space, as far as the user could read it.
  public var config: Known<ConfigSpace>
  /// The vfio character device; `.known(nil)` is none.
  public var cdev: Known<VFIOCdev?>
  /// Processes that hold its cdev or its group's node open.
  public var users: Known<[ProcessReference]>
  /// Whether the firmware's tables let the IOMMU serve ATS for it: VT-d ATSR or SATC (VT-d 4.1
  /// §8.5, §8.8).
  public var firmwareATS: Known<Bool>
  /// The firmware's description of the root complex above it, which for an Arm SMMUv3 decides about ATS; not read where
  /// another IOMMU serves the function.
  public var rootComplex: Known<RootComplex>
  /// The kernel's answer, read by binding the cdev to an iommufd (`probe --bind`): whether
  /// `IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED` is set (linux/iommufd.h, Linux 7.1).
  public var boundATSNotSupported: Known<Bool>

  /// Creates a function that exists, without any other known fact.
  public init(_ address: PCIAddress, nothingKnown reason: String) {
    let name = address.description
    func unknown<T>(_ fact: String) -> Known<T> { .unknown(fact + " of " + name, reason) }
    self.address = address
    vendor = unknown("vendor")
    device = unknown("device id")
    classCode = unknown("class")
    driver = unknown("driver")
    driverOverride = unknown("driver_override")
    group = unknown("iommu_group")
    iommu = unknown("IOMMU")
    numaNode = unknown("NUMA node")
    bootVGA = unknown("boot_vga")
    resetMethods = unknown("reset_method")
    physicalFunction = unknown("physical function")
    virtualFunctions = unknown("virtual functions")
    regionSizes = unknown("region sizes")
    removable = unknown("removable")
    bootFramebuffer = unknown("boot framebuffer")
    hasShadowROM = unknown("ROM shadow")
    variantDrivers = unknown("variant drivers")
    hostUses = unknown("host's use")
    config = unknown("config space")
    cdev = unknown("vfio cdev")
    users = unknown("users")
    firmwareATS = unknown("firmware's ATS coverage")
    rootComplex = .unknown("root complex of \(address)", "the firmware's IORT or device tree was not read")
    boundATSNotSupported = .unknown("kernel's ATS flag for \(address)", "not bound to an iommufd")
  }
}

extension HostDevice {
  /// Whether its config space is an endpoint's (header type 0); vfio binds nothing else (linux
  /// drivers/vfio/pci/vfio_pci_core.c: vfio_pci_core_register_device). Where the header cannot be read, the class
  /// decides: PCI-to-PCI bridges of both kinds, CardBus bridges (PCI Code and ID Assignment 1.16 §1.7).
  public var isEndpoint: Known<Bool> {
    let byClass = classCode.map { ![0x0604, 0x0607, 0x0609].contains($0 >> 8) }
    guard case .known(let space) = config, space.isDead == .known(false), case .known(let type) = space.headerType
    else { return byClass }
    return .known(type == 0)
  }

  /// The ATS capability of its config space, `.known(nil)` when it has none.
  public var ats: Known<ATSCapability?> { config.flatMap(\.ats) }
}

/// A vfio character device: `/sys/bus/pci/devices/…/vfio-dev/vfioN` and `/dev/vfio/devices/vfioN`.
public struct VFIOCdev: Hashable, Sendable {
  /// `vfio0`; `noiommu-vfio0` without an IOMMU.
  public let name: String
  /// Whether /dev/vfio/devices/vfioN exists and can be opened.
  public let node: Known<NodeAccess>
  /// Whether the kernel gave it a device number (`vfio-dev/vfioN/dev`), which needs CONFIG_VFIO_DEVICE_CDEV:
  /// without that there is a folder, and never a node.
  public let hasNumber: Known<Bool>

  /// Creates a character device.
  /// - Parameter hasNumber: used only where there is no node; a node that exists has a number.
  public init(name: String, node: Known<NodeAccess>, hasNumber: Known<Bool>? = nil) {
    self.name = name
    self.node = node
    let exists = node == .known(.accessible) || node == .known(.denied)
    self.hasNumber = exists ? .known(true) : hasNumber ?? .unknown("device number of \(name)", "not inspected")
  }

  /// Whether no IOMMU serves the device (linux drivers/vfio/device_cdev.c: names begin with `noiommu-`).
  public var isNoIOMMU: Bool { name.hasPrefix("noiommu-") }

  /// The path of its node.
  public var path: String { "/dev/vfio/devices/\(name)" }
}

/// A process that holds a device.
public struct ProcessReference: Hashable, Sendable {
  /// The kind of node that the process has open: the device's cdev, or its group's.
  public enum Node: String, Sendable, CaseIterable { case cdev, group }

  /// The process id, as this process sees it.
  public let pid: Int
  /// /proc/PID/comm
  public let name: String

  /// The node that it has open.
  public let node: Node

  /// Creates a reference to a process that has `node` open.
  public init(pid: Int, name: String, node: Node) {
    self.pid = pid
    self.name = name
    self.node = node
  }
}

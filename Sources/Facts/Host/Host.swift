/// The facts of a host, read live or from a recording.
public struct Host: Sendable {
  /// The origin of the facts, for people: "live", or the recording's path.
  public var source: String
  /// `uname -r`.
  public var kernelRelease: Known<String>
  /// /proc/cmdline.
  public var kernelCommandLine: Known<String>
  /// Kernel options worth a hint, as in /boot/config or /proc/config.gz:
  /// `CONFIG_IOMMUFD` to `y`, `m` or `n`.
  public var kernelConfig: Known<[String: String]>
  /// The user that facts about access are true for: "root", "uid 1000".
  public var user: Known<String>
  /// RLIMIT_MEMLOCK in bytes; `.known(nil)` is unlimited.
  public var memlock: Known<UInt64?>
  /// Number of bits of the processor's physical addresses (/proc/cpuinfo, x86 only).
  public var physicalAddressBits: Known<Int>
  /// /dev/iommu.
  public var iommufd: Known<NodeAccess>
  /// /dev/kvm. Not in recordings: those describe devices, and may be made by another user than the one who starts the guest.
  public var kvm: Known<NodeAccess>
  /// /dev/vfio/vfio, the legacy container's node.
  public var vfioContainer: Known<NodeAccess>
  /// Whether interrupts go through remapping or translation, so that a device cannot forge another's.
  /// Otherwise the kernel assigns no device, unless `unsafeInterrupts` overrides that.
  public var interruptsIsolated: Known<Bool>
  /// The modules that assign devices without isolated interrupts: `vfio_iommu_type1`, `iommufd` (parameter
  /// `allow_unsafe_interrupts`).
  public var unsafeInterrupts: Known<[String]>
  /// /sys/class/iommu/*, by name (`dmar0`, `ivhd0`, `smmu3.0x…`, `virtio0`).
  public var iommus: Known<[String: IOMMUUnit]>
  /// Every PCI function that the host has. Without this, a function that has no entry in
  /// `devices` may still exist.
  public var addresses: Known<Set<PCIAddress>>
  /// The functions about which something is known.
  public var devices: [PCIAddress: HostDevice]
  /// The IOMMU groups about which something is known, by number.
  public var groups: [Int: IOMMUGroup]

  /// The size in bytes of a file that a definition names, nil when there is none: of its metadata only, the file is not
  /// opened.
  public var sizeOfFile: @Sendable (String) -> Known<UInt64?>

  /// The kind of file system that a path is on. Not in recordings, like the sizes of files.
  public var fileSystem: @Sendable (String) -> Known<FileSystemKind>
  /// The folder of the files that libvirt makes guest memory of: `memory_backing_dir` of its qemu.conf.
  public var libvirtMemoryFolder: Known<String>
  /// The description of a network of libvirt, as XML, by its name. Not in recordings.
  public var libvirtNetwork: @Sendable (String) -> Known<String>

  /// Creates a host without any known fact, for the reason given.
  /// - Parameter ofFiles: the reason for what no recording has.
  public init(nothingKnown reason: String, ofFiles: String? = nil, source: String) {
    self.source = source
    kernelRelease = .unknown("kernel release", reason)
    kernelCommandLine = .unknown("kernel command line", reason)
    kernelConfig = .unknown("kernel configuration", reason)
    user = .unknown("user", reason)
    memlock = .unknown("memlock limit", reason)
    physicalAddressBits = .unknown("processor's physical address bits", reason)
    iommufd = .unknown("/dev/iommu", reason)
    vfioContainer = .unknown("/dev/vfio/vfio", reason)
    interruptsIsolated = .unknown("interrupt remapping", reason)
    unsafeInterrupts = .unknown("allow_unsafe_interrupts", reason)
    iommus = .unknown("IOMMU units", reason)
    addresses = .unknown("list of PCI functions", reason)
    devices = [:]
    groups = [:]
    let ofFiles = ofFiles ?? reason
    kvm = .unknown("/dev/kvm", ofFiles)
    sizeOfFile = { .unknown("size of \($0)", ofFiles) }
    fileSystem = { .unknown("file system of \($0)", ofFiles) }
    libvirtMemoryFolder = .unknown("libvirt's memory_backing_dir", ofFiles)
    libvirtNetwork = { .unknown("network `\($0)`", ofFiles) }
    self.reason = reason
  }

  /// The reason why facts are unknown that were never set.
  private let reason: String

  /// The function at `address`: `.known(nil)` when the host has none there.
  public func device(at address: PCIAddress) -> Known<HostDevice?> {
    if let device = devices[address] { return .known(device) }
    return addresses.map { all in
      all.contains(address) ? HostDevice(address, nothingKnown: reason) : nil
    }
  }

  /// The functions that a reader may have meant by an address at which the host has none: those of the same slot, else the one that is
  /// a typing error away.
  public func functions(near address: PCIAddress) -> [PCIAddress] {
    let all = devices.keys.sorted()
    let slot = all.filter { ($0.domain, $0.bus, $0.slot) == (address.domain, address.bus, address.slot) }
    if !slot.isEmpty { return Array(slot.prefix(8)) }
    let meant = Misspelling.meant(by: "\(address)", among: all.map(\.description), errors: 1)
    return meant.flatMap { PCIAddress($0) }.map { [$0] } ?? []
  }

  /// The complaint about an address at which the host has no function.
  public func complaint(aboutAbsent address: PCIAddress) -> String {
    let near = functions(near: address).map(\.description).joined(separator: " or ")
    return "\(address): the host has no such device" + (near.isEmpty ? "" : "; did you mean \(near)?")
  }

  /// Whether it is an Arm machine, by its IOMMUs or by a kernel that could drive Arm's; nil where neither shows it.
  public var isArm: Bool? {
    let kinds = Set((iommus.display ?? [:]).values.map(\.kind))
    if kinds.contains(.smmuv3) { return true }
    if !kinds.isDisjoint(with: [.intel, .amd]) { return false }
    return ["y", "m"].contains(kernelConfig.display?["CONFIG_ARM_SMMU_V3"]) ? true : nil
  }

  /// The IOMMU that serves a device; nil when none does.
  public func iommu(of device: HostDevice) throws(Unknown) -> IOMMUUnit? {
    guard let name = try device.iommu.value else { return nil }
    return try iommus.value[name]
  }

  /// The group with this number, as far as known.
  public func group(_ number: Int) -> IOMMUGroup {
    groups[number] ?? IOMMUGroup(number, nothingKnown: reason)
  }
}

/// Whether a device node exists and can be opened for reading and writing.
public enum NodeAccess: Hashable, Sendable {
  /// There is no such node.
  case absent
  /// The user may open it for reading and writing.
  case accessible
  /// It exists, and the user may not open it.
  case denied
}

/// An IOMMU group: the smallest set of functions that can be assigned apart from others.
public struct IOMMUGroup: Sendable {
  /// The number in /sys/kernel/iommu_groups and in /dev/vfio.
  public let number: Int
  /// Every function in it (/sys/kernel/iommu_groups/N/devices).
  public var members: Known<[PCIAddress]>
  /// /dev/vfio/N, the node of the legacy backend.
  public var node: Known<NodeAccess>
  /// Lines of /sys/kernel/iommu_groups/N/reserved_regions.
  public var reservedRegions: Known<[String]>

  /// Creates a group without any known fact, for the reason given.
  public init(_ number: Int, nothingKnown reason: String) {
    self.number = number
    members = .unknown("members of group \(number)", reason)
    node = .unknown("/dev/vfio/\(number)", reason)
    reservedRegions = .unknown("reserved regions of group \(number)", reason)
  }
}

/// One IOMMU of the host with its registers, as far as the kernel shows them.
public struct IOMMUUnit: Hashable, Sendable {
  /// The architecture of an IOMMU.
  public enum Kind: String, Sendable {
    case intel, amd, smmuv3, virtio, other
  }

  /// The name in /sys/class/iommu: `dmar0`, `ivhd0`, `smmu3.0x…`.
  public let name: String
  /// Derived from the name that the kernel's driver gives: dmarN is VT-d, ivhdN AMD, smmu3.* Arm SMMUv3, and
  /// virtio-iommu's is that of its bus: a PCI address, or a platform device (linux
  /// drivers/iommu/virtio-iommu.c: viommu_probe).
  public let kind: Kind
  /// VT-d Capability Register (VT-d 4.1 §11.4.2), `intel-iommu/cap` in sysfs. For AMD, the
  /// capability header `amd-iommu/cap` (AMD IOMMU 3.08 §3.2.1).
  public var capability: Known<UInt64>
  /// VT-d Extended Capability Register (VT-d 4.1 §11.4.3), `intel-iommu/ecap`. For AMD, the
  /// extended features `amd-iommu/features`.
  public var extendedCapability: Known<UInt64>
  /// SMMUv3's SMMU_IDR0 to SMMU_IDR5 (Arm IHI 0070 §6.3). The kernel shows them only to a process that has bound a device
  /// behind the unit (`probe --bind`).
  public var identification: Known<[UInt32]>
  /// SMMUv3's SMMU_IIDR: the implementer and the product (Arm IHI 0070 §6.3.7).
  public var implementer: Known<UInt32>
  /// SMMUv3's SMMU_AIDR: the architecture's revision (Arm IHI 0070 §6.3.8).
  public var architecture: Known<UInt32>

  /// Creates a unit whose identification registers are unknown.
  public init(_ name: String, capability: Known<UInt64>, extendedCapability: Known<UInt64>) {
    self.name = name
    self.capability = capability
    self.extendedCapability = extendedCapability
    let reason = "the kernel shows them only for a bound device"
    identification = .unknown("identification registers of \(name)", reason)
    implementer = .unknown("SMMU_IIDR of \(name)", reason)
    architecture = .unknown("SMMU_AIDR of \(name)", reason)
    kind = IOMMUUnit.kind(of: name)
  }

  /// The kind of the unit that the kernel calls `name`.
  public static func kind(of name: String) -> Kind {
    if name.hasPrefix("dmar") { return .intel }
    if name.hasPrefix("ivhd") { return .amd }
    if name.hasPrefix("smmu3.") { return .smmuv3 }
    let isVirtio = PCIAddress(name) != nil || name.hasSuffix(".virtio_mmio") || name.hasPrefix("virtio")
    return isVirtio ? .virtio : .other
  }

  /// Whether translated requests from device TLBs are served: VT-d ECAP bit 2 (DT, VT-d 4.1
  /// §11.4.3); AMD capability header bit 24 (IotlbSup, AMD IOMMU 3.08 §3.2.1). Nil elsewhere.
  public var servesDeviceTLBs: Known<Bool>? {
    switch kind {
    case .intel: return extendedCapability.map { $0 >> 2 & 1 == 1 }
    case .amd: return capability.map { $0 >> 24 & 1 == 1 }
    case .smmuv3, .virtio, .other: return nil
    }
  }

  /// Output address size in bits: SMMU_IDR5.OAS, 2:0 (Arm IHI 0070 §6.3.6).
  public var outputAddressBits: Known<Int>? {
    guard kind == .smmuv3 else { return nil }
    return identification.flatMap { registers in
      let sizes = [32, 36, 40, 42, 44, 48, 52]
      guard registers.count == 6, sizes.indices.contains(Int(registers[5] & 7)) else {
        return .unknown("OAS of \(name)", "the registers have a value that is not defined")
      }
      return .known(sizes[Int(registers[5] & 7)])
    }
  }

  /// Bits of substream ids: SMMU_IDR1.SSIDSIZE, 10:6 (Arm IHI 0070 §6.3.2).
  public var substreamBits: Known<Int>? {
    guard kind == .smmuv3 else { return nil }
    return identification.flatMap { registers in
      registers.count == 6
        ? .known(Int(registers[1] >> 6 & 0x1f)) : .unknown("SSIDSIZE of \(name)", "there are not six registers")
    }
  }

  /// Whether the SMMU itself supports ATS: SMMU_IDR0.ATS, bit 10 (Arm IHI 0070 §6.3.1).
  public var smmuATS: Known<Bool>? {
    guard kind == .smmuv3 else { return nil }
    return identification.flatMap { registers in
      registers.count == 6
        ? .known(registers[0] >> 10 & 1 == 1) : .unknown("SMMU_IDR0 of \(name)", "there are not six registers")
    }
  }

  /// Whether the kernel lays a guest's tables upon its own: both stages, SMMU_IDR0.S1P and S2P, in a product without the
  /// errata for which Linux does without (Arm IHI 0070 §6.3.1, §6.3.7; linux drivers/iommu/arm/arm-smmu-v3:
  /// arm_smmu_device_iidr_probe).
  public var smmuNests: Known<Bool>? {
    guard kind == .smmuv3 else { return nil }
    return identification.flatMap { registers in
      guard registers.count == 6 else { return .unknown("SMMU_IDR0 of \(name)", "there are not six registers") }
      guard registers[0] & 3 == 3 else { return .known(false) }
      return implementer.map { register in
        let (variant, revision) = (register >> 16 & 0xf, register >> 12 & 0xf)
        guard register & 0xfff == 0x43b else { return true }
        switch register >> 20 {
        case 0x483: return variant >= 2  // MMU-600, erratum 1209401
        case 0x487: return (variant, revision) >= (1, 1)  // MMU-700, errata 2268618 and 2812531
        default: return true
        }
      }
    }
  }

  /// Guest address width in bits: VT-d CAP 21:16 (MGAW) plus one (VT-d 4.1 §11.4.2).
  public var addressWidth: Known<Int>? {
    kind == .intel ? capability.map { Int($0 >> 16 & 0x3f) + 1 } : nil
  }
}

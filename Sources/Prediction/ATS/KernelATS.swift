import Facts

/// The kernel's flag `IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED` for a device: read by binding it, or derived from
/// facts. True is "not supported".
public enum KernelATS {
  /// The flag with what shows it.
  struct Finding: Sendable {
    /// True is "not supported".
    let isSet: Bool
    /// The fact that decides: "dmar0 serves no device TLBs".
    let evidence: String
  }

  /// The flag as QEMU reads it. A kernel before 7.1 never sets it, which QEMU treats as support.
  public static func flagSet(_ device: HostDevice, on host: Host) -> Known<Bool> {
    if case .known(let flag) = device.boundATSNotSupported { return .known(flag) }
    return hasFlag(host).flatMap { $0 ? derived(device, host).map(\.isSet) : .known(false) }
  }

  /// The flag, unknown for a kernel before 7.1: there a clear flag does not mean support. True is "not supported".
  public static func verdict(_ device: HostDevice, on host: Host) -> Known<Bool> {
    hasFlag(host).flatMap { has in
      has
        ? flagSet(device, on: host)
        : .unknown("kernel's ATS flag for \(device.address)", "the flag came with Linux 7.1; QEMU treats its absence as support")
    }
  }

  /// The fact that shows the flag: "the root complex of segment 9 has no ATS attribute in IORT"; nil when the flag is
  /// unknown.
  public static func evidence(_ device: HostDevice, on host: Host) -> String? {
    if device.boundATSNotSupported.isKnown { return "the kernel's answer when the device was bound" }
    guard hasFlag(host) == .known(true) else { return nil }
    return derived(device, host).display?.evidence
  }

  /// Whether the host's kernel has the flag, which came with Linux 7.1.
  public static func hasFlag(_ host: Host) -> Known<Bool> {
    host.kernelRelease.flatMap { release in
      KernelVersion(release).map { .known($0.hasATSFlag) }
        ?? .unknown("kernel's ATS flag", "`\(release)` is not a kernel release")
    }
  }

  private static func set(_ evidence: String) -> Known<Finding> { .known(Finding(isSet: true, evidence: evidence)) }

  /// Linux 7.1 and newer: drivers/iommu/iommufd/device.c sets the flag unless the driver says that
  /// the device may use ATS.
  private static func derived(_ device: HostDevice, _ host: Host) -> Known<Finding> {
    let named = "kernel's ATS flag for \(device.address)"
    if let refusal = refusal(of: device, host) { return set(refusal) }
    return unit(of: device, host).flatMap { unit in
      guard let unit else { return .unknown(named, "no IOMMU serves the device") }
      switch unit.kind {
      case .intel: return intel(device, unit, named, host)
      case .amd:
        if case .known(false)? = unit.servesDeviceTLBs { return set("\(unit.name) serves no device TLBs") }
        if let features = unit.extendedCapability.display, features & asksDevices != asksDevices {
          return set("\(unit.name) lacks features without which AMD's driver asks no device for ATS")
        }
        return .unknown(named, "AMD's driver decides when the device is probed, and does not show it in sysfs")
      case .smmuv3: return smmuv3(device, unit, named, host)
      // Drivers that do not implement the capability query.
      case .virtio: return set("virtio-iommu's driver reports no ATS")
      case .other: return .unknown(named, "the IOMMU driver of \(unit.name) is not one that is known here")
      }
    }
  }

  /// The reason of pci_ats_supported() for no ATS behind any IOMMU: no capability, an untrusted device, `noats`, a quirk
  /// (linux drivers/pci/ats.c); nil when none is known.
  private static func refusal(of device: HostDevice, _ host: Host) -> String? {
    if hasNoCapability(device, host) { return "the device has no ATS capability that the kernel uses" }
    if device.removable.display == .some("removable") { return "the kernel does not trust a removable device" }
    if host.kernelCommandLine.display.map(KernelCommandLine.hasNoATS) == true { return "`pci=noats` on the kernel's command line" }
    if case .known(true) = BrokenATS.includes(device) { return "Linux has a quirk for the device's broken ATS" }
    return nil
  }

  /// The answer of pci_ats_supported() where nothing known forbids ATS: clear if all facts that could forbid it are known.
  private static func allowed(_ device: HostDevice, _ host: Host, _ evidence: String) -> Known<Finding> {
    capability(device, host).flatMap { present in
      guard present else { return set("the device has no ATS capability that the kernel uses") }
      return host.kernelCommandLine.flatMap { _ in
        BrokenATS.includes(device).flatMap { _ in trusted(device).map { Finding(isSet: !$0, evidence: evidence) } }
      }
    }
  }

  /// The features without which AMD's driver does not read a device's ATS capability at all:
  /// PPRSup, GTSup, GIoSup and EPHSup (AMD IOMMU 3.08 §3.4.13; linux drivers/iommu/amd/amd_iommu.h:
  /// amd_iommu_gt_ppr_supported). A unit that lacks one decides for all: Linux uses the common set.
  private static let asksDevices: UInt64 = 1 << 1 | 1 << 4 | 1 << 48 | 1 << 50

  private static func intel(
    _ device: HostDevice, _ unit: IOMMUUnit, _ named: String, _ host: Host
  ) -> Known<Finding> {
    guard let served = unit.servesDeviceTLBs else { return .unknown(named, "not a VT-d unit") }
    return served.flatMap { served in
      guard served else { return set("\(unit.name) serves no device TLBs") }
      return device.firmwareATS.flatMap { covered in
        guard covered else { return set("neither ATSR nor SATC of the DMAR table covers the device") }
        return allowed(device, host, "\(unit.name) serves device TLBs, and the DMAR table covers the device")
      }
    }
  }

  /// SMMUv3: SMMU_IDR0.ATS and the root complex's attribute, both (linux drivers/iommu/arm/arm-smmu-v3:
  /// arm_smmu_ats_supported). The kernel shows the first only for a bound device. An ATS control that is on makes a clear
  /// flag likely, and proves nothing: firmware may have set it.
  private static func smmuv3(
    _ device: HostDevice, _ unit: IOMMUUnit, _ named: String, _ host: Host
  ) -> Known<Finding> {
    let complex = device.rootComplex, hardware = unit.smmuATS ?? .unknown(named, "not an SMMUv3")
    if case .known(let complex) = complex, !complex.ats { return set(complex.withoutATS(device.address)) }
    if case .known(false) = hardware { return set("SMMU_IDR0.ATS of \(unit.name) is 0") }
    let found: Known<Finding> = complex.flatMap { _ in
      hardware.flatMap { _ in
        // Without it the kernel's function always says no; no firmware shows that.
        host.kernelConfig.flatMap { options in
          guard options["CONFIG_PCI_ATS"] == "y" else { return .unknown(named, "CONFIG_PCI_ATS of the kernel is not known") }
          return allowed(device, host, "SMMU_IDR0.ATS of \(unit.name) is 1, and the root complex has the ATS attribute")
        }
      }
    }
    guard case .unknown(let unknown) = found, device.ats.flatMap({ $0?.enabled ?? .known(false) }) == .known(true)
    else { return found }
    return .unknown(
      unknown.fact, unknown.reason + "; probably clear: ATS is enabled in the device's config space, which does not prove it")
  }

  private static func trusted(_ device: HostDevice) -> Known<Bool> {
    device.removable.map { $0 != "removable" }
  }

  private static func hasNoCapability(_ device: HostDevice, _ host: Host) -> Bool {
    if case .known(false) = capability(device, host) { return true }
    return false
  }

  /// Whether the capabilities exist that pci_ats_supported() reads: the function's own, and for a VF on newer kernels the
  /// PF's, too.
  private static func capability(_ device: HostDevice, _ host: Host) -> Known<Bool> {
    let own = device.ats.map { $0 != nil }
    if own == .known(false) { return own }
    return device.physicalFunction.flatMap { physical in
      guard let physical else { return own }
      return host.kernelRelease.flatMap { release in
        let check = VFCheck(release)
        if check == .own { return own }
        let parent = host.device(at: physical).flatMap { $0?.ats.map { $0 != nil } ?? .known(false) }
        return parent.flatMap { present in
          if present { return own }
          if check == .ownAndPhysical { return .known(false) }
          return .unknown(
            "kernel's ATS flag for \(device.address)",
            "its physical function has no ATS capability, and whether Linux \(release) asks for that is not known")
        }
      }
    }
  }

  private static func unit(of device: HostDevice, _ host: Host) -> Known<IOMMUUnit?> {
    device.iommu.flatMap { name in
      guard let name else { return .known(nil) }
      return host.iommus.flatMap { units in
        .known(units[name] ?? IOMMUUnit(
          name, capability: .unknown("cap of \(name)", "not read"),
          extendedCapability: .unknown("ecap of \(name)", "not read")))
      }
    }
  }
}

extension KernelVersion {
  /// Whether the kernel has `IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED`: commit "iommu: Add device ATS supported
  /// capability" and its iommufd side, Linux 7.1.
  var hasATSFlag: Bool { self >= KernelVersion(7, 1) }
}

/// The kernel's command line, /proc/cmdline.
public enum KernelCommandLine {
  /// Whether it has `pci=noats`, alone or among other values (linux drivers/pci/pci.c: pci_setup).
  public static func hasNoATS(_ line: String) -> Bool {
    line.split(whereSeparator: { $0 == " " || $0 == "\n" }).contains { word in
      word.hasPrefix("pci=") && word.dropFirst(4).split(separator: ",").contains("noats")
    }
  }
}

/// The capabilities that pci_ats_supported() reads for a virtual function.
enum VFCheck: Hashable {
  /// Its own alone: up to Linux 7.2.13 (drivers/pci/ats.c:41).
  case own
  /// Its own and its physical function's: Linux 7.3.4 (drivers/pci/ats.c:41-50).
  case ownAndPhysical
  /// The change is between these two, and distributions apply it to older kernels.
  case undecided

  /// The check of the kernel with that release (`uname -r`).
  init(_ release: String) {
    let numbers = release.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }.split(separator: ".").map { Int($0) ?? 0 }
    let padded = numbers + [0, 0, 0]
    let version = (padded[0], padded[1], padded[2])
    // A kernel of a distribution, or one before its release, has more behind the numbers.
    let isUnmodified = release.allSatisfy { $0.isASCII && ($0.isNumber || $0 == ".") }
    if version >= (7, 3, 4) {
      self = .ownAndPhysical
    } else {
      self = isUnmodified && version <= (7, 2, 13) ? .own : .undecided
    }
  }
}

extension RootComplex {
  /// The evidence for a flag that is set.
  fileprivate func withoutATS(_ address: PCIAddress) -> String {
    switch source {
    case .iort: return "the root complex of segment \(address.domain) has no ATS attribute in IORT"
    case .deviceTree: return "the host bridge of domain \(address.domain) has no `ats-supported` in the device tree"
    }
  }
}

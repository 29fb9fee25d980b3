import Facts

/// What the kernel's `IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED` says for a device: asked, or derived from
/// facts. True is "not supported".
public enum KernelATS {
  /// The flag as QEMU reads it. A kernel before 7.1 never sets it, which QEMU takes for support.
  public static func flagSet(_ device: HostDevice, on host: Host) -> Known<Bool> {
    if case .known(let flag) = device.boundATSNotSupported { return .known(flag) }
    return host.kernelRelease.flatMap { release in
      guard let version = KernelVersion(release) else {
        return .unknown("kernel's ATS flag", "`\(release)` is not a kernel release")
      }
      return version.hasATSFlag ? derived(device, host) : .known(false)
    }
  }

  /// Whether the kernel supports ATS for a device, as an honest reader takes the flag: a clear one
  /// tells nothing where the flag does not exist. True is "not supported".
  public static func verdict(_ device: HostDevice, on host: Host) -> Known<Bool> {
    canTell(host).flatMap { can in
      can
        ? flagSet(device, on: host)
        : .unknown("kernel's ATS flag for \(device.address)", "the flag came with Linux 7.1; QEMU takes its absence for support")
    }
  }

  /// Whether the kernel's word about ATS can be had at all: the flag came with Linux 7.1.
  public static func canTell(_ host: Host) -> Known<Bool> {
    host.kernelRelease.flatMap { release in
      KernelVersion(release).map { .known($0.hasATSFlag) }
        ?? .unknown("kernel's ATS flag", "`\(release)` is not a kernel release")
    }
  }

  /// Linux 7.1 and newer: drivers/iommu/iommufd/device.c sets the flag unless the driver says that
  /// the device may use ATS.
  private static func derived(_ device: HostDevice, _ host: Host) -> Known<Bool> {
    let named = "kernel's ATS flag for \(device.address)"
    // pci_ats_supported(): not without the capability, not for untrusted devices, not with noats
    // (linux drivers/pci/ats.c). A VF asks its PF.
    if hasNoCapability(device, host) || device.removable.display == .some("removable") { return .known(true) }
    if host.kernelCommandLine.display.map(KernelCommandLine.hasNoATS) == true { return .known(true) }
    if case .known(true) = BrokenATS.includes(device) { return .known(true) }
    return unit(of: device, host).flatMap { unit in
      guard let unit else { return .unknown(named, "no IOMMU serves the device") }
      switch unit.kind {
      case .intel: return intel(device, unit, named, host)
      case .amd:
        if case .known(false)? = unit.servesDeviceTLBs { return .known(true) }
        if let features = unit.extendedCapability.display, features & asksDevices != asksDevices { return .known(true) }
        return .unknown(named, "AMD's driver decides when the device is probed, and does not show it in sysfs")
      case .smmuv3: return .unknown(named, "SMMUv3's IDR0.ATS and the firmware's attribute are not in sysfs")
      // Drivers that do not implement the capability query.
      case .virtio: return .known(true)
      case .other: return .unknown(named, "the IOMMU driver of \(unit.name) is not one that is known here")
      }
    }
  }

  /// The features without which AMD's driver does not look at a device's ATS capability at all:
  /// PPRSup, GTSup, GIoSup and EPHSup (AMD IOMMU 3.08 §3.4.13; linux drivers/iommu/amd/amd_iommu.h:
  /// amd_iommu_gt_ppr_supported). A unit that lacks one speaks for all: Linux takes the common set.
  private static let asksDevices: UInt64 = 1 << 1 | 1 << 4 | 1 << 48 | 1 << 50

  private static func intel(
    _ device: HostDevice, _ unit: IOMMUUnit, _ named: String, _ host: Host
  ) -> Known<Bool> {
    guard let served = unit.servesDeviceTLBs else { return .unknown(named, "not a VT-d unit") }
    return served.flatMap { served in
      guard served else { return .known(true) }
      return device.firmwareATS.flatMap { covered in
        guard covered else { return .known(true) }
        // Everything else speaks for it: what remains is that the facts above are all known.
        return capability(device, host).flatMap { present in
          guard present else { return .known(true) }
          return host.kernelCommandLine.flatMap { _ in
            BrokenATS.includes(device).flatMap { _ in trusted(device).map { !$0 } }
          }
        }
      }
    }
  }

  private static func trusted(_ device: HostDevice) -> Known<Bool> {
    device.removable.map { $0 != "removable" }
  }

  private static func hasNoCapability(_ device: HostDevice, _ host: Host) -> Bool {
    if case .known(false) = capability(device, host) { return true }
    return false
  }

  /// The capability that pci_ats_supported() looks at: the PF's for a VF.
  private static func capability(_ device: HostDevice, _ host: Host) -> Known<Bool> {
    device.physicalFunction.flatMap { physical in
      guard let physical else { return device.ats.map { $0 != nil } }
      return host.device(at: physical).flatMap { $0?.ats.map { $0 != nil } ?? .known(false) }
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

/// /proc/cmdline.
public enum KernelCommandLine {
  /// `pci=noats`, alone or among others (linux drivers/pci/pci.c: pci_setup).
  public static func hasNoATS(_ line: String) -> Bool {
    line.split(whereSeparator: { $0 == " " || $0 == "\n" }).contains { word in
      word.hasPrefix("pci=") && word.dropFirst(4).split(separator: ",").contains("noats")
    }
  }
}

import Facts
import Prediction

/// A property of a host that keeps all of its devices from guests, or limits them.
public struct HostObstacle: Hashable, Sendable {
  /// The fact, for people: lower case, no full stop.
  public let message: String
  /// The setting that changes it.
  public let fix: String
  /// The facts that it rests on, one a line.
  public let evidence: [String]
}

extension Host {
  /// The first property of the host that keeps every device from a guest; nil when there is none. The same facts decide
  /// about each device: `noGroup` and `unsafeInterrupts` in Prediction, `not-bound` for a kernel without vfio.
  public var obstacle: Known<HostObstacle?> {
    if let option = missingVFIO {
      let message = "the kernel has no VFIO, with which devices are assigned", kernel = "use a kernel with \(option)"
      guard isIOMMUOff == .known(true) else { return .known(HostObstacle(message: message, fix: kernel, evidence: ["\(option)=n"])) }
      return .known(
        HostObstacle(
          message: message + ", and the IOMMU is off",
          fix: kernel + (missingIOMMU.map { " and \($0)" } ?? (iommuAdvice.contains(", and ") ? ", " : ", and ") + iommuAdvice),
          evidence: ["\(option)=n", "/sys/class/iommu: empty"]))
    }
    switch isIOMMUOff {
    case .unknown(let unknown): return .unknown(unknown)
    case .known(true):
      return .known(
        HostObstacle(
          message: "the IOMMU is off: no device has an IOMMU group", fix: iommuAdvice,
          evidence: ["/sys/class/iommu: empty", "/proc/cmdline: " + (kernelCommandLine.display ?? "unknown")]))
    case .known(false): break
    }
    switch lacksVFIONodes {
    case .unknown(let unknown): return .unknown(unknown)
    case .known(false): break
    case .known(true):
      return .known(
        HostObstacle(
          message: "neither /dev/vfio/vfio nor /dev/iommu exists, and QEMU opens one of them for every device",
          fix: "let the container have the host's /dev/vfio and /dev/iommu, or on the host itself `modprobe -a vfio iommufd`",
          evidence: ["/dev/vfio/vfio: absent", "/dev/iommu: absent"]))
    }
    return interruptsIsolated.flatMap { isIsolated in
      if isIsolated { return .known(nil) }
      if case .known(let allowed) = unsafeInterrupts, !allowed.isEmpty { return .known(nil) }
      return .known(
        HostObstacle(
          message: "interrupts are not isolated: a device could forge those of another, and the kernel assigns none",
          fix: interruptAdvice, evidence: ["/proc/interrupts: no remapped message-signalled interrupts"]))
    }
  }

  /// The same with what keeps a guest of KVM from starting. A definition may do without KVM, and launch-fails reports it there.
  public var guestObstacle: Known<HostObstacle?> {
    guard kvm == .known(.absent) else { return obstacle }
    let missing = HostObstacle(message: "/dev/kvm does not exist", fix: kvmAdvice, evidence: ["/dev/kvm: absent"])
    guard case .known(let first?) = obstacle else { return .known(missing) }
    return .known(
      HostObstacle(
        message: first.message + ", and " + missing.message, fix: first.fix + "; " + missing.fix,
        evidence: first.evidence + missing.evidence))
  }

  /// Advice for a host without KVM. Arm's has no module of its own.
  var kvmAdvice: String {
    if isArm == true { return "use a kernel with CONFIG_KVM, which the firmware starts at EL2" }
    return "enable virtualization in the firmware (VT-x, SVM), and load `kvm_intel` or `kvm_amd`"
  }

  /// Whether a driver of vfio is loaded, and no node of it is there, as in a container.
  private var lacksVFIONodes: Known<Bool> {
    guard devices.values.contains(where: { $0.driver.display.flatMap { $0 }.map(VFIODriverName.isVFIO) ?? false }) else {
      return .known(false)
    }
    if case .known(let node) = iommufd, node != .absent { return .known(false) }
    return vfioContainer.flatMap { node in node == .absent ? iommufd.map { $0 == .absent } : .known(false) }
  }

  /// The reason why only the legacy backend can be used on the host; nil when iommufd can be.
  public var iommufdObstacle: Known<HostObstacle?> {
    for option in ["CONFIG_IOMMUFD", "CONFIG_VFIO_DEVICE_CDEV"] where kernelConfig.display?[option] == "n" {
      return .known(
        HostObstacle(
          message: "the kernel has no iommufd: only the legacy backend works, with which QEMU does not check ATS",
          fix: "use a kernel with \(option)", evidence: ["\(option)=n"]))
    }
    return iommufd.map { access in
      access != .absent
        ? nil
        : HostObstacle(
          message: "/dev/iommu does not exist: only the legacy backend works, with which QEMU does not check ATS",
          fix: "load it with `modprobe iommufd`", evidence: ["/dev/iommu: absent"])
    }
  }

  /// The kernel's option without which no device is assigned, where the kernel is known not to have it.
  var missingVFIO: String? {
    ["CONFIG_VFIO", "CONFIG_VFIO_PCI"].first { kernelConfig.display?[$0] == "n" }
  }

  /// Whether no function has an IOMMU group.
  var isIOMMUOff: Known<Bool> {
    if !groups.isEmpty { return .known(false) }
    return iommus.flatMap { units in
      if !units.isEmpty { return .known(false) }
      for device in devices.values {
        if case .known(.some) = device.group { return .known(false) }
        if case .unknown(let unknown) = device.group { return .unknown(unknown) }
      }
      return .known(true)
    }
  }

  /// Vendors of the root complex: that of its host bridge, or of other bridges of bus 0 where a recording has no more (PCI Code and
  /// ID Assignment 1.16 §1.7).
  private var chipsetVendors: Set<UInt16> {
    let bridges = devices.values.filter { $0.address.bus == 0 && $0.classCode.map { $0 >> 16 } == .known(0x06) }
    let first = bridges.filter { $0.classCode.map { $0 >> 8 } == .known(0x0600) }
    // A virtual machine has bridges of other vendors too.
    return Set((first.isEmpty ? bridges : first).compactMap(\.vendor.display)).intersection([0x8086, 0x1022])
  }

  /// The option of the kernel for the processor's IOMMU, where it is known not to have it. Other processors' kernels do not have these
  /// either.
  private var missingIOMMU: String? {
    let name: String
    switch chipsetVendors {
    case [0x8086]: name = "CONFIG_INTEL_IOMMU"
    case [0x1022]: name = "CONFIG_AMD_IOMMU"
    default: return nil
    }
    return kernelConfig.display?[name] == "n" ? name : nil
  }

  /// Advice to enable the IOMMU, for the processor's vendor and the kernel's configuration. The kernel's option is Intel's
  /// alone: on AMD the IOMMU is on unless it is switched off (linux Documentation/admin-guide/kernel-parameters.txt:
  /// intel_iommu, amd_iommu, iommu).
  var iommuAdvice: String {
    if let missingIOMMU { return "use a kernel with \(missingIOMMU)" }
    let words = (kernelCommandLine.display ?? "").split(separator: " ")
    if let off = words.last(where: { ["iommu=off", "intel_iommu=off", "amd_iommu=off"].contains($0) }) {
      return "remove `\(off)` from the kernel's command line"
    }
    let isRequested = words.contains { $0.hasPrefix("intel_iommu=on") }
    switch chipsetVendors {
    case [0x8086]:
      return "enable VT-d in the firmware" + (isRequested ? "" : ", and boot the host with `intel_iommu=on`")
    case [0x1022]: return "enable the IOMMU (AMD-Vi) in the firmware"
    default:
      return "enable the IOMMU in the firmware"
        + (isRequested || isArm == true ? "" : "; on an Intel processor boot the host with `intel_iommu=on`, too")
    }
  }

  /// Advice to isolate interrupts: the kernel remaps them unless an option turns that off (linux
  /// Documentation/admin-guide/kernel-parameters.txt: intremap).
  private var interruptAdvice: String {
    let words = (kernelCommandLine.display ?? "").split(separator: " ")
    if let off = words.last(where: { ["intremap=off", "nointremap"].contains($0) }) {
      return "remove `\(off)` from the kernel's command line"
    }
    return FailureCause.unsafeInterrupts.advice(on: self) ?? ""
  }
}

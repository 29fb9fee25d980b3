import Facts
import Prediction

extension Rule {
  static let memlockTooLow = Rule(
    name: "memlock-too-low",
    severity: .error,
    summary: "QEMU may lock less memory than the guest has",
    why: """
      A device may write to guest memory at any time, so all of it is pinned at start and counts against \
      RLIMIT_MEMLOCK, unless QEMU has CAP_IPC_LOCK. With `intel-iommu`, `amd-iommu` or `virtio-iommu-pci` each device \
      has its own address space, and the memory counts once for each. QEMU fails with `-12 (Cannot allocate memory)`; \
      only the kernel's log mentions the limit. libvirt sets the limit itself, to `hard_limit` if the domain has one.
      """,
    fix: "raise the limit above what is needed: `ulimit -l`, or `LimitMEMLOCK=` of the unit",
    example: "-m 16G -device vfio-pci,host=0000:01:00.0   (as a user with `ulimit -l` of 8192)",
    references: [
      "linux drivers/vfio/vfio_iommu_type1.c: vfio_lock_acct", "linux drivers/iommu/iommufd/pages.c",
      "libvirt src/qemu/qemu_domain.c: qemuDomainGetMemLockLimitBytes",
    ],
    explains: [.memoryLimit],
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  guard let need = try MemoryNeed(target) else { return }
  if need.bytes <= need.limit, need.limit - need.bytes < need.beside {
    throw Unknown(
      "memory to lock",
      reason: "video memory and ROMs are pinned beside the guest's \(ByteSize.text(need.ram)), and the limit is "
        + ByteSize.text(need.limit))
  }
  guard need.bytes > need.limit, let device = need.devices.last else { return }
  let why = need.spaces > 1 ? ", \(need.spaces) times because each device has an address space of its own," : ""
  let who: String
  if target.machine.libvirt == nil {
    who = "\(target.host.user.display ?? "the user") may lock \(ByteSize.text(need.limit))"
  } else {
    who = "libvirt lets QEMU lock `hard_limit`, \(ByteSize.text(need.limit))"
  }
  runner.report(
    "the guest's \(ByteSize.text(need.ram)) are pinned for \(device.name)\(why) and \(who): QEMU fails with "
      + "`-12 (Cannot allocate memory)`", at: need.location, fix: fix(need, target),
    evidence: ["memory to lock: \(ByteSize.text(need.bytes))", "limit: \(ByteSize.text(need.limit))"])
}

private func fix(_ need: MemoryNeed, _ target: LintTarget) -> String {
  let kibibytes = need.bytes >> 10 + 1 << 20
  if target.machine.libvirt != nil {
    return "remove `<hard_limit>`, or raise it to \(kibibytes) KiB"
  }
  return "raise the limit above what is needed: `ulimit -l \(kibibytes)`, or `LimitMEMLOCK=\(kibibytes)K` of the unit"
}

/// Memory that a machine's vfio devices pin, and the limit for it.
struct MemoryNeed {
  /// The vfio devices that it is pinned for.
  let devices: [RealizePrediction]
  /// Address spaces that all of the guest's memory is mapped into.
  let spaces: Int
  /// Guest memory in bytes.
  let ram: UInt64
  /// Bytes that count against the limit.
  let bytes: UInt64
  /// Bytes that may be pinned beside guest memory, in all address spaces.
  let beside: UInt64
  /// RLIMIT_MEMLOCK in bytes.
  let limit: UInt64
  let location: Location

  /// Fails when nothing is pinned, or there is no limit.
  init?(_ target: LintTarget) throws(Unknown) {
    devices = target.assignments
    guard let first = devices.first(where: { target.isChecked($0.request) }) else { return nil }
    let machine = target.machine
    let locked = LockedMemory(machine)
    guard let limit = try locked.limit(on: target.host) else { return nil }
    if machine.libvirt == nil { try target.requireWholeMachine(for: "guest memory") }
    spaces = target.guest.addressSpaceCount
    guard let ram = try locked.all(after: target.plugs.prefix { $0.location != first.request.location }) else { return nil }
    self.limit = limit
    self.ram = ram
    bytes = LockedMemory.needed(ram, spaces: spaces)
    beside = machine.videoMemory.multipliedReportingOverflow(by: UInt64(spaces)).partialValue
    let option = target.plugs.isEmpty ? machine.options.last { $0.name == "m" } : nil
    location = option?.location ?? first.request.location
  }
}

extension MachineConfig {
  /// The size of ROMs and of the machine's own card, 16 MiB, and of each other card: by its property, or by default.
  fileprivate var videoMemory: UInt64 {
    let isOfSpice = options.contains { $0.name == "vga" && $0.value.string == "qxl" }
    let own: UInt64 = isOfSpice ? 144 << 20 : 16 << 20
    return devices.reduce(own) { sum, device in
      switch device.driver {
      case "qxl", "qxl-vga":
        return ["ram_size", "vram_size"].reduce(sum) { $0 &+ (device.string($1).flatMap(ByteSize.parse) ?? 64 << 20) }
      case "VGA", "secondary-vga", "ati-vga", "vmware-svga", "cirrus-vga":
        return sum &+ (device.string("vgamem_mb").flatMap { UInt64($0) } ?? 16) &* 1 << 20
      case "bochs-display": return sum &+ (device.string("vgamem").flatMap(ByteSize.parse) ?? 16 << 20)
      default: return sum
      }
    }
  }
}

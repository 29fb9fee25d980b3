import Facts

/// The guest memory that is locked for DMA, and the limit (QEMU hw/vfio/listener.c: vfio_listener_register,
/// vfio_listener_region_add; linux drivers/vfio/vfio_iommu_type1.c: vfio_lock_acct; drivers/iommu/iommufd/pages.c).
public struct LockedMemory {
  private let machine: MachineConfig

  /// The memory of a machine.
  public init(_ machine: MachineConfig) { self.machine = machine }

  /// Guest RAM in bytes; nil when it is not given.
  /// - Throws: the size, when the definition gives it in a way that is not understood.
  public func ram() throws(Unknown) -> UInt64? {
    if let memory = machine.libvirt?.memory { return memory }
    guard let option = machine.options.last(where: { $0.name == "m" }) else { return nil }
    guard let text = option.value.string, let size = LockedMemory.size(text) else {
      throw Unknown("guest memory", reason: "`-m \(option.value.string ?? "")` is not a size that is understood")
    }
    return size
  }

  /// The bytes of `4G` or `size=4G,slots=…`: in mebibytes without a unit.
  private static func size(_ text: String) -> UInt64? {
    let parts = text.split(separator: ",")
    let named = parts.first { $0.hasPrefix("size=") }?.dropFirst(5)
    guard let size = named ?? parts.first else { return nil }
    return ByteSize.parse(size, unit: 20)
  }

  /// The bytes that this number of address spaces locks; nil when the definition does not give the RAM.
  public func needed(spaces: Int) throws(Unknown) -> UInt64? {
    guard let ram = try ram() else { return nil }
    let (bytes, overflow) = ram.multipliedReportingOverflow(by: UInt64(max(1, spaces)))
    return overflow ? .max : bytes
  }

  /// The bytes that QEMU may lock; nil is unlimited. libvirt sets the limit itself: to `hard_limit`, else
  /// high enough (libvirt src/qemu/qemu_domain.c: qemuDomainGetMemLockLimitBytes). Elsewhere it is the
  /// host's, and CAP_IPC_LOCK is above it.
  public func limit(on host: Host) throws(Unknown) -> UInt64? {
    if let libvirt = machine.libvirt { return libvirt.hardLimit }
    guard let limit = try host.memlock.value, try host.user.value != "root" else { return nil }
    return limit
  }
}

/// Sizes in QEMU's syntax (QEMU util/cutils.c: do_strtosz), without fractions.
public enum ByteSize {
  /// Parses a size in bytes; nil when it is not one.
  /// - Parameter unit: the power of two that a number without a suffix is in.
  public static func parse(_ text: some StringProtocol, unit: Int = 0) -> UInt64? {
    let suffix = text.last.map { !$0.isNumber } == true ? text.suffix(1).lowercased() : ""
    guard let shift = ["": unit, "b": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50][suffix] else { return nil }
    let digits = text.dropLast(suffix.count)
    let number = digits.hasPrefix("0x") ? UInt64(digits.dropFirst(2), radix: 16) : UInt64(digits)
    guard let number, digits.first != "+", number <= UInt64.max >> UInt64(shift) else { return nil }
    return number << UInt64(shift)
  }

  /// The size as text, in the largest unit that needs no fraction: `16 GiB`.
  public static func text(_ bytes: UInt64) -> String {
    for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] as [(UInt64, String)] {
      if bytes >= 1 << shift, bytes & (1 << shift - 1) == 0 { return "\(bytes >> shift) \(unit)" }
    }
    return "\(bytes) bytes"
  }
}

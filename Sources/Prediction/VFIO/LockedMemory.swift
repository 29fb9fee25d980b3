import Facts

/// The guest memory that is locked for DMA, and the limit (QEMU hw/vfio/listener.c: vfio_listener_register,
/// vfio_listener_region_add; linux drivers/vfio/vfio_iommu_type1.c: vfio_lock_acct; drivers/iommu/iommufd/pages.c).
public struct LockedMemory {
  private let machine: MachineConfig

  /// The memory of a machine.
  public init(_ machine: MachineConfig) { self.machine = machine }

  /// Guest RAM in bytes, without memory devices; nil when it is not given.
  /// - Throws: the size, when the definition gives it in a way that is not understood.
  public func ram() throws(Unknown) -> UInt64? {
    if let memory = machine.libvirt?.memory { return memory }
    guard let option = machine.memoryOption else { return nil }
    guard let memory = MemoryOption(machine) else {
      if machine.shellLocations.contains(option.location) {
        throw Unknown("guest memory", reason: "written as \(option.value.string ?? "a variable"), which only the shell knows")
      }
      let name = option.name == "m" ? "-m" : option.name
      throw Unknown("guest memory", reason: "`\(name) \(option.value.string ?? "")` is not a size that is understood")
    }
    return memory.size
  }

  /// Bytes that a device adds to the guest's memory; nil for a device that adds none.
  /// - Throws: the size, when the definition does not have it as a number.
  public func memory(of request: DeviceRequest) throws(Unknown) -> UInt64? {
    switch request.driver {
    case "pc-dimm", "nvdimm", "virtio-pmem-pci", "ivshmem-plain":
      guard let id = request.string("memdev") else { return nil }
      guard let object = machine.objects.last(where: { $0.id == id }) else {
        throw Unknown("size of `\(id)`", reason: "the definition does not have the object")
      }
      return try bytes(object.properties.last { $0.name == "size" }?.value, of: id)
    case "virtio-mem-pci":
      guard let size = request.value("requested-size") else { return nil }
      return try bytes(size, of: request.id ?? "virtio-mem-pci")
    default: return nil
    }
  }

  private func bytes(_ value: PropertyValue?, of name: String) throws(Unknown) -> UInt64 {
    switch value {
    case .integer(let number)? where number >= 0: return UInt64(number)
    case .unsigned(let number)?: return number
    case .string(let text)?: if let size = ByteSize.parse(text) { return size }
    default: break
    }
    throw Unknown("size of `\(name)`", reason: "it is not given as a size that is understood")
  }

  /// The sum, or the largest number where it would be above that.
  private static func sum(_ one: UInt64, _ other: UInt64) -> UInt64 {
    let (sum, overflow) = one.addingReportingOverflow(other)
    return overflow ? .max : sum
  }

  /// Guest memory in bytes: RAM, and what memory devices add; nil when the definition does not give the RAM.
  /// - Parameter plugs: requests that come before, of which some may add memory.
  public func all(after plugs: ArraySlice<DeviceRequest> = []) throws(Unknown) -> UInt64? {
    guard var sum = try ram() else { return nil }
    // libvirt's <memory> has that of memory devices.
    let cold = machine.libvirt == nil ? machine.devices : []
    for request in cold { sum = LockedMemory.sum(sum, try memory(of: request) ?? 0) }
    for request in plugs { sum = LockedMemory.sum(sum, try memory(of: request) ?? 0) }
    return sum
  }

  /// The bytes that a number of address spaces locks of this memory.
  public static func needed(_ memory: UInt64, spaces: Int) -> UInt64 {
    let (bytes, overflow) = memory.multipliedReportingOverflow(by: UInt64(max(1, spaces)))
    return overflow ? .max : bytes
  }

  /// The bytes that QEMU may lock; nil is unlimited. libvirt sets the limit itself: to `hard_limit`, else
  /// high enough (libvirt src/qemu/qemu_domain.c: qemuDomainGetMemLockLimitBytes). Elsewhere it is the
  /// host's or the service's, and CAP_IPC_LOCK is above it.
  public func limit(on host: Host) throws(Unknown) -> UInt64? {
    if let libvirt = machine.libvirt { return libvirt.hardLimit }
    if host.user == .known("root") { return nil }
    guard let limit = try host.memlock.value else { return nil }
    _ = try host.user.value
    return limit
  }
}

/// Sizes as QEMU reads them, and as people do.
public enum ByteSize {
  /// Parses a size in bytes; nil when QEMU refuses it.
  public static func parse(_ text: some StringProtocol) -> UInt64? {
    guard case .bytes(let bytes) = QEMUNumber.size(String(text)) else { return nil }
    return bytes
  }

  /// The size as text, in the largest unit that needs no fraction: `16 GiB`.
  public static func text(_ bytes: UInt64) -> String {
    for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] as [(UInt64, String)] {
      if bytes >= 1 << shift, bytes & (1 << shift - 1) == 0 { return "\(bytes >> shift) \(unit)" }
    }
    return "\(bytes) bytes"
  }
}

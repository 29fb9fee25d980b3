import Facts

/// The addresses of memory devices (QEMU hw/mem/memory-device.c: memory_device_get_free_addr; hw/i386/pc.c:
/// pc_get_device_memory_range).
struct MemoryPlaces {
  /// Address and size of the space; nil where they are not known.
  private let space: (base: UInt64, size: UInt64)?
  /// Sorted by address.
  private var taken: [(range: Range<UInt64>, name: String)] = []
  /// More devices than ACPI has slots for (QEMU include/hw/acpi/acpi.h: ACPI_MAX_RAM_SLOTS) are not placed: each is compared
  /// with all before it.
  private static let most = 256

  init(_ machine: MachineConfig, _ memory: MemoryOption) {
    let isNamed = machine.machine.contains { $0.name == "memory-backend" }
    let shifts = ["max-ram-below-4g", "sgx-epc", "cxl"]
    let isShifted = machine.machine.contains { property in
      shifts.contains { property.name.replacing("_", with: "-").hasPrefix($0) }
    }
    guard let maximum = memory.maximum, !isShifted, memory.size != nil || !isNamed else {
      space = nil
      return
    }
    let ram = MachineConfig.rounded(memory.size ?? MachineConfig.defaultMemory)
    let isQ35 = MachineKind(machine) == .q35
    let isLarge = ram >= (isQ35 ? 0xb000_0000 : 0xe000_0000)
    let low: UInt64 = !isLarge ? ram : isQ35 ? 0x8000_0000 : 0xc000_0000
    let slots = memory.slots ?? 0
    // Beyond it the memory of some processors begins at 1 TiB.
    guard maximum >= ram, slots <= 256, maximum < 0xf0_0000_0000 else {
      space = nil
      return
    }
    let above = (1 << 32) + ram - low
    space = ((above + (1 << 30 - 1)) & ~(1 << 30 - 1), maximum - ram + slots << 30)
  }

  /// The result of looking for a place.
  enum Outcome {
    case free(Range<UInt64>)
    case refused(String)
    /// The space is not known, or has none.
    case unknown
  }

  /// The place of a device at an address, 0 for any.
  func place(at address: UInt64, size: UInt64, alignment: UInt64) -> Outcome {
    if address % alignment != 0 { return .refused("address must be aligned to \(alignment.hexadecimal) bytes") }
    guard let space, taken.count < MemoryPlaces.most else { return .unknown }
    let end = space.base + space.size
    guard address != 0 else {
      var start = (space.base + alignment - 1) / alignment * alignment
      for (range, _) in taken where start < range.upperBound {
        if size <= range.lowerBound, start <= range.lowerBound - size { break }
        start = (range.upperBound + alignment - 1) / alignment * alignment
      }
      return size > end || start > end - size ? .unknown : .free(start..<start + size)
    }
    guard address >= space.base, size <= end, address <= end - size else {
      return .refused(
        "can't add memory device [\(address.hexadecimal):\(size.hexadecimal)], usable range for memory devices "
          + "[\(space.base.hexadecimal):\(space.size.hexadecimal)]")
    }
    let range = address..<address + size
    if let other = taken.first(where: { $0.range.overlaps(range) }) {
      return .refused("address range conflicts with memory device id='\(other.name)'")
    }
    return .free(range)
  }

  /// Takes a place.
  mutating func insert(_ name: String?, _ range: Range<UInt64>) {
    let index = taken.firstIndex { $0.range.lowerBound > range.lowerBound } ?? taken.count
    taken.insert((range, name ?? "(unnamed)"), at: index)
  }
}

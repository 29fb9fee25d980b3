import Facts

/// Memory that the options of a machine give it: refusals that need no device of the host (recorded from 7.2.22, 10.0.13 and
/// 11.1.3).
extension MachineConfig {
  /// Refusals of the text of `-m` and of objects, which QEMU reads with the command line.
  func textFailures(_ qemu: QEMUProfile) -> [LaunchFailure] {
    guard libvirt == nil else { return [] }
    let memory = qemu.modelledRelease == nil ? nil : MemoryOption(self, qemu)?.refusal
    let failures = ([memory] + objects.map { textRefusal($0, qemu) }).compactMap { $0 }
    // QEMU reads a configuration file at the option that names it.
    let files = Dictionary(options.compactMap { $0.name == "readconfig" ? ($0.value.string, $0.location) : nil }) { $1 }
    func position(_ location: Location) -> Int { (files[location.source] ?? location).range?.lowerBound ?? 0 }
    return failures.sorted { position($0.location) < position($1.location) }
  }

  /// Refusals of `-m`, of memory backends, NUMA nodes and memory devices, in the order in which QEMU makes the machine.
  func memoryFailures(_ qemu: QEMUProfile) -> [LaunchFailure] {
    guard let memory = MemoryOption(self, qemu) else { return [] }
    if let refusal = memory.sizeRefusal { return [refusal] }
    let kind = MachineKind(self)
    guard kind == .q35 || kind == .i440fx || kind == .microvm || kind == .virt else { return [] }
    let nodes = NUMANodes.read(self, memory, qemu)
    let limit = limits(memory, kind)
    let ofBoard = kind == .virt && limit == nil ? addressFailure(memory) : nil
    return ([limit] + objects.map { backendFailure($0, qemu) } + [nodes.failure, defaultMemoryTaken(qemu), ofBoard])
      .compactMap { $0 }
      + (kind == .q35 || kind == .i440fx ? moduleFailures(memory, qemu) : [])
  }

  /// The id of the backend that QEMU makes itself; nil where the options name one (QEMU system/vl.c: qemu_create_machine,
  /// hw/core/numa.c: numa_uses_legacy_mem).
  var defaultMemoryID: String? {
    let isNamed = machine.contains { $0.name == "memory-backend" }
      || options.contains { $0.name == "numa" && $0.value.string?.contains("memdev=") != false }
    if isNamed { return nil }
    switch MachineKind(self) {
    case .q35, .i440fx: return "pc.ram"
    case .microvm: return "microvm.ram"
    case .virt: return "mach-virt.ram"
    case .withoutPCI, .unknown: return nil
    }
  }

  /// The refusal of memory of `virt` beyond the addresses that there are. Where a backend gives the size without `-m`, the maximum
  /// stays the default, and the space for memory modules is negative (QEMU hw/arm/virt.c: virt_set_memmap).
  private func addressFailure(_ memory: MemoryOption) -> LaunchFailure? {
    let backend = machine.last { $0.name == "memory-backend" }
    guard let place = options.last(where: { $0.name == "m" })?.location ?? backend?.location else { return nil }
    func failure(_ text: String) -> LaunchFailure { LaunchFailure(RealizeFailure(.badOption, text), at: place) }
    let size = memory.size.map(MachineConfig.rounded)
    let ofBackend = size == nil ? backend?.value.string.flatMap { backendSize(MachineConfig.objectID($0)) } : nil
    if size == nil, backend != nil, ofBackend == nil { return nil }
    let ram = size ?? ofBackend ?? MachineConfig.defaultMemory
    let maximum = memory.maximum ?? size ?? MachineConfig.defaultMemory
    func gigabytes(_ bytes: UInt64) -> UInt64 { (bytes &+ (1 << 30 - 1)) & ~(1 << 30 - 1) }
    // Memory begins at 1 GiB, and each slot has one for alignment.
    let base = gigabytes(ram &+ 1 << 30)
    let end = base &+ gigabytes(maximum &- ram &+ (memory.slots ?? 0) << 30)
    if let bits = addressBitsOfVirt, end > 1 << UInt64(bits) {
      return failure("Addressing limited to \(bits) bits, but memory exceeds it by \(end - 1 << UInt64(bits)) bytes")
    }
    return end < base ? failure("maxmem/slots too huge") : nil
  }

  /// The width of the addresses of a `virt`, as far as the definition decides it.
  var addressBitsOfVirt: Int? {
    if machineSetting("highmem") == .known("off") { return 32 }
    guard usesKVM == .known(false) else { return nil }
    guard let processor = options.last(where: { $0.name == "cpu" }) else { return 40 }
    // Observed on 7.2.22 and 11.1.3.
    let model = processor.value.string?.split(separator: ",").first
    return model.map { ["cortex-a7", "cortex-a15", "cortex-a53"].contains($0) } == true ? 40 : nil
  }

  /// An object with that id (QEMU hw/core/machine.c: machine_run_board_init, create_default_memdev).
  private func defaultMemoryTaken(_ qemu: QEMUProfile) -> LaunchFailure? {
    guard let id = defaultMemoryID, let object = objects.first(where: { $0.id == id }) else { return nil }
    let text = qemu.isBefore(8, 0)
      ? "object name '\(id)' is reserved for the default RAM backend, it can't be used for any other purposes. Change the object's 'id' to "
        + "something else"
      : "object's id '\(id)' is reserved for the default RAM backend, it can't be used for any other purposes"
    return LaunchFailure(RealizeFailure(.badObject, text), at: object.location)
  }

  /// The option with the size of the guest's memory.
  var memoryOption: Property? { options.last { $0.name == "m" } ?? machine.last { $0.name.hasPrefix("memory.") } }

  /// RAM of a PC without `-m`, in bytes (QEMU hw/core/machine.c: default_ram_size).
  static let defaultMemory: UInt64 = 128 << 20

  /// QEMU rounds RAM up to this many bytes (QEMU hw/core/machine.c: machine_set_mem).
  static func rounded(_ size: UInt64) -> UInt64 { size > .max - 8191 ? size : (size + 8191) & ~8191 }

  /// `maxmem` and `slots` (QEMU hw/core/machine.c: machine_set_mem; hw/i386/pc.c: pc_memory_init).
  private func limits(_ memory: MemoryOption, _ kind: MachineKind) -> LaunchFailure? {
    guard let option = memoryOption else { return nil }
    func failure(_ text: String) -> LaunchFailure { LaunchFailure(RealizeFailure(.badOption, text), at: option.location) }
    let size = MachineConfig.rounded(memory.size ?? MachineConfig.defaultMemory)
    guard let maximum = memory.maximum else { return memory.slots == nil ? nil : failure("slots specified but no max-size") }
    func hexadecimal(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }
    if maximum < size {
      return failure(
        "invalid value of maxmem: maximum memory size (\(hexadecimal(maximum))) must be at least the initial memory size "
          + "(\(hexadecimal(size)))")
    }
    let slots = memory.slots ?? 0
    guard maximum > size else {
      return slots == 0 ? nil : failure(
        "invalid value of maxmem: memory slots were specified but maximum memory size (\(hexadecimal(maximum))) is equal to the "
          + "initial memory size (\(hexadecimal(size)))")
    }
    if kind == .microvm { return nil }
    if let type = machineType?.value.string, version(after: "pc-i440fx-").map({ $0 < (2, 1) }) ?? false {
      return failure("\"-memory 'slots|maxmem'\" is not supported by: \(type)")
    }
    // ACPI_MAX_RAM_SLOTS
    if slots > 256 { return failure("unsupported \(kind == .virt ? "number" : "amount") of memory slots: \(slots)") }
    if kind == .virt { return nil }
    return maximum % 4096 == 0 ? nil : failure("maximum memory size must by aligned to multiple of 4096 bytes")
  }
}

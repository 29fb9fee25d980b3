import Facts

/// Memory that the options of a machine give it: refusals that need no device of the host (recorded from 7.2.22, 10.0.13 and
/// 11.1.3).
extension MachineConfig {
  /// Refusals of the text of `-m` and of memory backends, which QEMU reads with the command line.
  func memoryTextFailures(_ qemu: QEMUProfile) -> [LaunchFailure] {
    guard libvirt == nil, qemu.modelledRelease != nil else { return [] }
    return ([MemoryOption(self, qemu)?.refusal] + objects.map { backendRefusal($0, qemu) }).compactMap { $0 }
      .sorted { ($0.location.range?.lowerBound ?? 0) < ($1.location.range?.lowerBound ?? 0) }
  }

  /// Refusals of `-m`, of memory backends, NUMA nodes and memory devices, in the order in which QEMU makes the machine.
  func memoryFailures(_ qemu: QEMUProfile) -> [LaunchFailure] {
    guard let memory = MemoryOption(self, qemu) else { return [] }
    if let refusal = memory.sizeRefusal { return [refusal] }
    let kind = MachineKind(self)
    guard kind == .q35 || kind == .i440fx else { return [] }
    return ([limits(memory)] + objects.map(emptyBackend) + [nodes(memory)]).compactMap { $0 }
      + moduleFailures(memory, qemu)
  }

  /// RAM of a PC without `-m`, in bytes (QEMU hw/core/machine.c: default_ram_size).
  static let defaultMemory: UInt64 = 128 << 20

  /// QEMU rounds RAM up to this many bytes (QEMU hw/core/machine.c: machine_set_mem).
  static func rounded(_ size: UInt64) -> UInt64 { size > .max - 8191 ? size : (size + 8191) & ~8191 }

  /// `maxmem` and `slots` (QEMU hw/core/machine.c: machine_set_mem; hw/i386/pc.c: pc_memory_init).
  private func limits(_ memory: MemoryOption) -> LaunchFailure? {
    guard let option = options.last(where: { $0.name == "m" }) else { return nil }
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
    // ACPI_MAX_RAM_SLOTS
    if slots > 256 { return failure("unsupported amount of memory slots: \(slots)") }
    return maximum % 4096 == 0 ? nil : failure("maximum memory size must by aligned to multiple of 4096 bytes")
  }

  /// Nodes and the machine's backend against the RAM (QEMU hw/core/numa.c: parse_numa_node, numa_complete_configuration;
  /// hw/core/machine.c: machine_run_board_init).
  private func nodes(_ memory: MemoryOption) -> LaunchFailure? {
    let backend = machine.last { $0.name == "memory-backend" }
    guard areObjectsKnown, backend.map({ $0.value.string != nil }) ?? true else { return nil }
    let numa = options.filter { $0.name == "numa" }
    var sum: UInt64 = 0
    var numbers: Set<Int> = []
    var hasBackends = false
    for option in numa {
      guard let text = option.value.string, !text.contains("$"), !text.contains("`") else { return nil }
      let items = OptionText.items(text, implied: "type")
      func failure(_ text: String) -> LaunchFailure { LaunchFailure(RealizeFailure(.badOption, text), at: option.location) }
      let type = items.last { $0.key == "type" }?.value
      guard let type, ["node", "dist", "cpu", "hmat-lb", "hmat-cache"].contains(type) else {
        return failure(type.map { "Parameter 'type' does not accept value '\($0)'" } ?? "Parameter 'type' is missing")
      }
      guard type == "node" else { continue }
      var number = numbers.count
      for (key, value) in items {
        switch key {
        case "type", "cpus", "initiator": break
        case "memdev":
          guard objects.contains(where: { $0.id == value && $0.type?.hasPrefix("memory-backend") != false }) else {
            return failure("memdev=\(value) is ambiguous")
          }
          guard let size = backendSize(value), size <= .max - sum else { return nil }
          hasBackends = true
          sum += size
        // Machine types before 5.1 take it.
        case "mem" where ["q35", "pc"].contains(machineType?.value.string):
          return failure("Parameter -numa node,mem is not supported by this machine type")
        case "mem": return nil
        case "nodeid":
          guard case .natural(let given)? = QEMUNumber.integer(value), given < 1 << 16 else { return nil }
          number = Int(given)
        default: return failure("Invalid parameter '\(key)'")
        }
      }
      // MAX_NODES
      if number >= 128 { return failure("Max number of NUMA nodes reached: \(number)") }
      if !numbers.insert(number).inserted { return failure("Duplicate NUMA nodeid: \(number)") }
    }
    let ram = memory.size.map(MachineConfig.rounded)
    if let backend, let id = backend.value.string {
      if hasBackends {
        return LaunchFailure(
          RealizeFailure(.badObject, "'-machine memory-backend' and '-numa memdev' properties are mutually exclusive"),
          at: backend.location)
      }
      guard numbers.isEmpty, let ram, let size = backendSize(id), size != ram else { return nil }
      return LaunchFailure(
        RealizeFailure(.badObject, "Machine memory size does not match the size of the memory backend"), at: backend.location)
    }
    guard let highest = numbers.max(), let last = numa.last else { return nil }
    if let missing = (0..<highest).last(where: { !numbers.contains($0) }) {
      return LaunchFailure(RealizeFailure(.badOption, "numa: Node ID missing: \(missing)"), at: last.location)
    }
    let all = ram ?? MachineConfig.defaultMemory
    guard sum != all else { return nil }
    // Machine types before 5.2 may distribute the memory themselves.
    guard hasBackends || ["q35", "pc"].contains(machineType?.value.string) else { return nil }
    let text = "total memory for NUMA nodes (0x\(String(sum, radix: 16))) should equal RAM size (0x\(String(all, radix: 16)))"
    return LaunchFailure(RealizeFailure(.badOption, text), at: last.location)
  }
}

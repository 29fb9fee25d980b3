import Facts

/// The nodes of `-numa`, and the backends that are the guest's memory (QEMU hw/core/numa.c: parse_numa_node,
/// numa_complete_configuration; hw/core/machine.c: machine_run_board_init; recorded from 7.2.22, 10.0.13 and 11.1.3).
struct NUMANodes {
  /// Number of nodes.
  private(set) var count: UInt64 = 0
  /// Whether all that is checked is known; not where a part is in a template, or not modelled.
  private(set) var isKnown = true
  /// The first refusal.
  private(set) var failure: LaunchFailure?

  private var numbers: Set<UInt64> = []
  private var sum: UInt64 = 0
  private var backends: [String] = []
  private var hasSizes = false
  /// The node of each processor that one names.
  private var nodeOfProcessor: [UInt64: UInt64] = [:]
  /// The initiator of each node that has one.
  private var initiators: [UInt64: UInt64] = [:]

  /// MAX_NODES
  private static let most: UInt64 = 128

  /// Reads the options of a q35, i440fx, microvm or virt.
  static func read(_ machine: MachineConfig, _ memory: MemoryOption, _ qemu: QEMUProfile) -> NUMANodes {
    var nodes = NUMANodes()
    let backend = machine.machine.last { $0.name == "memory-backend" }
    guard machine.areObjectsKnown, backend.map({ $0.value.string != nil }) ?? true else {
      nodes.isKnown = false
      return nodes
    }
    let options = machine.options.filter { $0.name == "numa" }
    var processors: UInt64?
    if case .topology(let topology) = ProcessorTopology.read(machine, qemu) { processors = UInt64(topology.maximum) }
    for option in options where nodes.failure == nil && nodes.isKnown {
      guard let text = option.value.string, !option.value.isOfShell, !NUMANodes.mayHaveBinary(text, qemu) else {
        nodes.isKnown = false
        return nodes
      }
      do throws(Refusal) {
        try nodes.take(OptionText.items(text, implied: "type"), machine, processors, qemu)
      } catch {
        nodes.failure = LaunchFailure(RealizeFailure(.badOption, error.text), at: option.location)
      }
    }
    nodes.count = UInt64(nodes.numbers.count)
    if nodes.failure == nil, nodes.isKnown { nodes.failure = nodes.refusal(backend, options.last, machine, memory) }
    if options.isEmpty, machine.addsNode(memory) { nodes.count = 1 }
    return nodes
  }

  /// Whether only the C library decides about a number.
  private static func mayHaveBinary(_ text: String, _ qemu: QEMUProfile) -> Bool {
    text.split { ",=-".contains($0) }.contains { QEMUNumber.mayBeBinary(String($0), in: qemu) }
  }

  private struct Refusal: Error {
    let text: String
    init(_ text: String) { self.text = text }
  }

  /// Takes one option.
  private mutating func take(
    _ items: [(key: String, value: String)], _ machine: MachineConfig, _ processors: UInt64?, _ qemu: QEMUProfile
  ) throws(Refusal) {
    func last(_ key: String) -> String? { items.last { $0.key == key }?.value }
    guard let type = last("type"), ["node", "dist", "cpu", "hmat-lb", "hmat-cache"].contains(type) else {
      throw Refusal(last("type").map { "Parameter 'type' does not accept value '\($0)'" } ?? "Parameter 'type' is missing")
    }
    guard type == "node" else { return }
    // QEMU reads the keys in this order.
    let given = try last("nodeid").map { (text) throws(Refusal) in try NUMANodes.number("nodeid", text) }
    var own: [UInt64] = []
    for item in items where item.key == "cpus" { own += try NUMANodes.range(item.value) }
    var size: UInt64?
    if let text = last("mem") {
      guard case .bytes(let bytes) = MemoryOption.bytes(text, takesHexSuffix: qemu.isBefore(10, 0)) else {
        throw Refusal("Parameter 'mem' expects a size value")
      }
      // Digits alone are mebibytes.
      size = text.utf8.last?.isASCIIDigit == true ? bytes << 20 : bytes
    }
    let initiator = try last("initiator").map { (text) throws(Refusal) in try NUMANodes.number("initiator", text) }
    if let other = items.first(where: { !["type", "nodeid", "cpus", "mem", "memdev", "initiator"].contains($0.key) }) {
      throw Refusal("Invalid parameter '\(other.key)'")
    }
    let number = given ?? UInt64(numbers.count)
    if number >= NUMANodes.most { throw Refusal("Max number of NUMA nodes reached: \(number)") }
    if !numbers.insert(number).inserted { throw Refusal("Duplicate NUMA nodeid: \(number)") }
    try takeInitiator(initiator, of: number, machine)
    try takeProcessors(own, of: number, processors)
    try takeMemory(size, last("memdev"), machine)
  }

  private mutating func takeInitiator(_ initiator: UInt64?, of node: UInt64, _ machine: MachineConfig) throws(Refusal) {
    guard let initiator else { return }
    switch machine.machineSetting("hmat") {
    case .unknown: return isKnown = false
    case .known("on"): break
    case .known:
      throw Refusal(
        "ACPI Heterogeneous Memory Attribute Table (HMAT) is disabled, enable it with -machine hmat=on before using any of hmat "
          + "specific options")
    }
    if initiator >= NUMANodes.most { throw Refusal("The initiator id \(initiator) expects an integer between 0 and 127") }
    initiators[node] = initiator
  }

  private mutating func takeProcessors(_ own: [UInt64], of node: UInt64, _ processors: UInt64?) throws(Refusal) {
    guard !own.isEmpty else { return }
    guard let processors else { return isKnown = false }
    for one in own {
      if one >= processors { throw Refusal("CPU index (\(one)) should be smaller than maxcpus (\(processors))") }
      if let other = nodeOfProcessor.updateValue(node, forKey: one), other != node {
        throw Refusal("CPU is already assigned to node-id: \(other)")
      }
      if let initiator = initiators[node], initiator != node {
        throw Refusal("The initiator of CPU NUMA node \(node) should be itself (got \(initiator))")
      }
    }
  }

  private mutating func takeMemory(_ size: UInt64?, _ backend: String?, _ machine: MachineConfig) throws(Refusal) {
    hasSizes = hasSizes || size != nil
    let backend = backend.map(MachineConfig.objectID)
    if let backend { backends.append(backend) }
    if hasSizes, !backends.isEmpty {
      throw Refusal("numa configuration should use either mem= or memdev=,mixing both is not allowed")
    }
    if let size {
      if !machine.acceptsSizesOfNodes { throw Refusal("Parameter -numa node,mem is not supported by this machine type") }
      add(size)
    }
    guard let backend else { return }
    // An empty name is not an error.
    if backend.isEmpty { return isKnown = false }
    guard machine.objects.contains(where: { $0.id == backend && $0.type?.hasPrefix("memory-backend") != false }) else {
      throw Refusal("memdev=\(backend) is ambiguous")
    }
    if let size = machine.backendSize(backend) { add(size) } else { isKnown = false }
  }

  private mutating func add(_ size: UInt64) {
    if size <= .max - sum { sum += size } else { isKnown = false }
  }

  /// The refusal of the nodes together, and of the backend of the whole machine.
  private func refusal(_ backend: Property?, _ last: Property?, _ machine: MachineConfig, _ memory: MemoryOption) -> LaunchFailure? {
    let ram = memory.size.map(MachineConfig.rounded)
    if let backend, let id = backend.value.string.map(MachineConfig.objectID) {
      func failure(_ text: String) -> LaunchFailure { LaunchFailure(RealizeFailure(.badObject, text), at: backend.location) }
      if !backends.isEmpty { return failure("'-machine memory-backend' and '-numa memdev' properties are mutually exclusive") }
      let size = machine.backendSize(id)
      if let ram, let size, size != ram { return failure("Machine memory size does not match the size of the memory backend") }
      if ram == nil { return nil }
    }
    guard let highest = numbers.max(), let last else { return nil }
    func failure(_ text: String) -> LaunchFailure { LaunchFailure(RealizeFailure(.badOption, text), at: last.location) }
    if let missing = (0..<highest).last(where: { !numbers.contains($0) }) { return failure("numa: Node ID missing: \(missing)") }
    let all = ram ?? MachineConfig.defaultMemory
    if sum != all {
      return failure("total memory for NUMA nodes (0x\(String(sum, radix: 16))) should equal RAM size (0x\(String(all, radix: 16)))")
    }
    let twice = Dictionary(grouping: backends) { $0 }.filter { $1.count > 1 }.keys.min()
    if let twice { return failure("memory backend \(twice) can't be used multiple times.") }
    // Other options of -numa may give a node its processors.
    guard machine.options.allSatisfy({ $0.name != "numa" || $0.isNUMANode }) else { return nil }
    let own = Set(nodeOfProcessor.values)
    for (node, initiator) in initiators.sorted(by: { $0.key < $1.key }) {
      if !numbers.contains(initiator) { return failure("NUMA node \(initiator) is missing, use '-numa node' option to declare it first") }
      // Without a processor in any node QEMU distributes them.
      if !own.isEmpty, !own.contains(initiator) { return failure("The initiator of NUMA node \(node) is invalid") }
    }
    return nil
  }

  /// A number of 16 bits (QEMU qapi/opts-visitor.c: opts_type_uint64).
  private static func number(_ key: String, _ text: String) throws(Refusal) -> UInt64 {
    guard case .natural(let number)? = QEMUNumber.integer(text) else { throw Refusal("Parameter '\(key)' expects a uint64 value") }
    if number > 0xffff { throw Refusal("Parameter '\(key)' expects uint16_t") }
    return number
  }

  /// Processors of one `cpus=`.
  private static func range(_ text: String) throws(Refusal) -> [UInt64] {
    let wrong = Refusal("Parameter 'cpus' expects a uint64 value or range")
    let parts = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard case .natural(let first)? = QEMUNumber.integer(parts[0]) else { throw wrong }
    var end = first
    if parts.count > 1 {
      guard case .natural(let last)? = QEMUNumber.integer(parts[1]), first <= last, last - first < 65536 else { throw wrong }
      end = last
    }
    if end > 0xffff { throw Refusal("Parameter 'null' expects uint16_t") }
    return Array(first...end)
  }
}

extension MachineConfig {
  /// Whether a node may have memory without a backend: in machine types before 5.1.
  fileprivate var acceptsSizesOfNodes: Bool { (versionOfPC ?? version(after: "virt-")).map { $0 < (5, 1) } ?? false }

  /// Whether QEMU adds a node for memory that is plugged in (QEMU hw/core/numa.c: numa_complete_configuration; observed on 7.2.22
  /// and 10.0.13).
  fileprivate func addsNode(_ memory: MemoryOption) -> Bool {
    let version = versionOfPC ?? (99, 0)
    guard MachineKind(self) != .microvm else { return false }
    let mayGrow = memory.maximum.map { $0 > MachineConfig.rounded(memory.size ?? MachineConfig.defaultMemory) } ?? false
    return version >= (5, 1) && mayGrow || version >= (2, 11) && (memory.slots ?? 0) > 0
  }
}

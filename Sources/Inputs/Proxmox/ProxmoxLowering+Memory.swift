import Facts
import Syntax

extension ProxmoxLowering {
  /// MiB of a machine whose memory can be hot plugged, before any is (qemu-server PVE/QemuServer/Memory.pm: $STATICMEM).
  private static let staticMemory = 1024

  /// MiB of a machine for which none are given.
  private static let defaultMemory = 512

  /// The text of the memory's size in MiB; `current=` is the other spelling.
  var memory: String {
    let memory = config.entry("memory").map { ProxmoxProperties($0.value) }
    return memory?[""] ?? memory?["current"] ?? "\(ProxmoxLowering.defaultMemory)"
  }

  /// The reason for which Proxmox cannot parse the size, warns and leaves the line out; nil where it can.
  private var memoryMistake: String? {
    if TemplatePlaceholder.isIn(memory) { return nil }
    if !memory.utf8.allSatisfy(\.isASCIIDigit) { return ProxmoxConfig.mistyped("integer", memory) }
    return Int(memory).map { $0 < 16 } ?? false ? "value must have a minimum value of 16" : nil
  }

  /// The argument of `-m`.
  var memoryOption: String { memoryMistake == nil ? memory : "\(ProxmoxLowering.defaultMemory)" }

  /// Refuses memory, NUMA nodes and hugepages that do not go together (qemu-server PVE/QemuServer/Memory.pm: config).
  mutating func refuseMemory() {
    // Nothing is reported about a machine without host devices.
    guard !machine.assigned.isEmpty || config.text("args")?.contains("vfio") == true else { return }
    definition.problems += config.typeProblems
    if let mistake = memoryMistake {
      definition.problems.append(
        InputProblem(
          message: "Proxmox starts the machine with \(ProxmoxLowering.defaultMemory) MiB: " + ProxmoxConfig.warning("memory", mistake),
          fix: "write the number of MiB, such as `memory: 8192`", location: place("memory")))
    }
    let size = Int(memoryOption) ?? ProxmoxLowering.defaultMemory
    let hasNUMA = config.flag("numa"), hugepages = config.text("hugepages")
    let nodes = (0..<8).compactMap { config.entry("numa\($0)") }
    // `1` is `network,disk,usb` (PVE/QemuServer.pm: parse_hotplug_features).
    let hotplug = (config.text("hotplug") ?? "").split { ",; ".contains($0) }.contains("memory")
    if let entry = config.entry("vcpus"), Int(entry.value.text) ?? .max > processors {
      noteOpen("`vcpus: \(entry.value.text)`", "QEMU refuses more than the machine's \(processors)", entry)
    }
    if hotplug { refuseHotplug(size, nodes, hugepages: hugepages, hasNUMA: hasNUMA) }
    if hugepages != nil, !hasNUMA { refuse("numa needs to be enabled to use hugepages", "set `numa: 1`", place("hugepages")) }
    if hotplug, config.entries.contains(where: { isNumbered($0.key, "virtiofs") }) {
      refuse(
        "Memory hotplug does not work in combination with virtio-fs.", "remove `memory` from `hotplug:`, or the folder",
        place("hotplug"))
    }
    guard hasNUMA else { return }
    let total = refuseNodes(nodes)
    if total > 0, total != (hotplug ? ProxmoxLowering.staticMemory : size) {
      refuse(
        "total memory for NUMA nodes must be equal to vm static memory", "give the nodes \(size) MiB together", place("memory"))
    }
    let pages = hugepages == "any" ? 2 : hugepages.flatMap { Int($0) } ?? 0
    if let hugepages, !["any", "2", "1024"].contains(hugepages), let entry = config.entry("hugepages") {
      noteOpen("`hugepages: \(hugepages)`", "Proxmox has pages of 2 and of 1024 MiB, and may refuse it", entry)
    }
    let sizes = total > 0 ? nodes.compactMap { ProxmoxProperties($0.value)["memory"].flatMap { Int($0) } } : [size / sockets]
    if pages > 0, let odd = sizes.first(where: { $0 % pages != 0 }), let entry = config.entry("hugepages") {
      noteOpen(
        "`hugepages: \(pages)` for a node of \(odd) MiB", "the size is not a multiple of the pages', and Proxmox may refuse it", entry)
    }
    if hugepages != nil, let node = nodes.first(where: { ProxmoxProperties($0.value)["hostnodes"] == nil }) {
      refuse("numa hostnodes need to be defined to use hugepages", "add `hostnodes=0,policy=bind`", config.location(node))
    }
    noteNodes(nodes, size)
  }

  /// Notes nodes and sizes that QEMU may refuse, whose checks are not modelled: gaps between nodes, processors of two nodes or
  /// beyond the machine's, and memory that is not divided evenly.
  private mutating func noteNodes(_ nodes: [ProxmoxConfig.Entry], _ size: Int) {
    var taken: Set<Int> = []
    for (index, node) in nodes.enumerated() {
      let properties = ProxmoxProperties(node.value)
      let cpus = (properties["cpus"] ?? properties[""] ?? "").split(separator: ";").flatMap { part -> [Int] in
        let ends = part.split(separator: "-").compactMap { Int($0) }
        guard let first = ends.first, let last = ends.last, first <= last, last < 4096 else { return [-1] }
        return Array(first...last)
      }
      let isOrdinary = node.key == "numa\(index)" && cpus.allSatisfy { (0..<processors).contains($0) && taken.insert($0).inserted }
        && properties["hostnodes"].map { Int($0) != nil } ?? true
      if !isOrdinary {
        noteOpen("the NUMA node `\(node.key)`", "QEMU or Proxmox may refuse its number, its processors or its host nodes", node)
      }
    }
    if nodes.isEmpty, size % sockets != 0, let entry = config.entry("numa") {
      noteOpen("the memory of \(sockets) NUMA nodes", "\(size) MiB are not divided evenly, and QEMU may refuse the sum", entry)
    }
  }

  /// `-smp`, unless `vcpus:` is more than it allows (qemu-server PVE/QemuServer.pm: config_to_command).
  var processorOption: String? {
    let count = config.text("vcpus").map { Int($0) ?? .max } ?? processors
    if count > processors { return nil }
    return "\(count),sockets=\(sockets),cores=\(processors / sockets),maxcpus=\(processors)"
  }

  private var processors: Int { sockets * number("cores") }

  /// Old configurations have `smp:`.
  private var sockets: Int { number(config.entry("sockets") == nil ? "smp" : "sockets") }

  /// A number of processors; Proxmox ignores one below 1, and a million is more than any QEMU accepts.
  private func number(_ key: String) -> Int { min(max(1, config.text(key).flatMap { Int($0) } ?? 1), 1 << 20) }

  private mutating func refuseHotplug(_ size: Int, _ nodes: [ProxmoxConfig.Entry], hugepages: String?, hasNUMA: Bool) {
    let place = place("hotplug")
    if !hasNUMA { refuse("NUMA needs to be enabled for memory hotplug", "set `numa: 1`", place) }
    if let node = nodes.first {
      refuse(
        "cannot enable memory hotplugging with custom NUMA topology", "remove `\(node.key)`, or `memory` from `hotplug:`", place)
    }
    let least = ProxmoxLowering.staticMemory * (hugepages == "1024" ? sockets : 1)
    if size < least { refuse("minimum memory must be \(least)MB", "set `memory: \(least)`", place) }
    // Modules of 512 MiB, and of more behind them (PVE/QemuServer/Memory.pm: foreach_dimm).
    if size > least, (size - least) % 512 != 0, let entry = config.entry("memory") {
      noteOpen("`memory: \(size)` with hot plug", "it is not a multiple of the modules' size, and Proxmox may refuse it", entry)
    }
  }

  /// - Returns: the MiB of all nodes.
  private mutating func refuseNodes(_ nodes: [ProxmoxConfig.Entry]) -> Int {
    var total = 0
    for node in nodes {
      let properties = ProxmoxProperties(node.value), location = config.location(node)
      guard let memory = properties["memory"].flatMap({ Int($0) }), memory > 0 else {
        refuse("missing NUMA node\(node.key.dropFirst(4)) memory value", "add `memory=MIB`", location)
        continue
      }
      total += memory
      if properties["cpus"] ?? properties[""] == nil {
        refuse("missing NUMA node\(node.key.dropFirst(4)) cpus", "add `cpus=FIRST-LAST`", location)
      }
      if let hosts = properties["hostnodes"], properties["policy"] == nil {
        refuse("you need to define a policy for hostnode \(hosts)", "add `policy=bind`", location)
      }
    }
    return total
  }

  /// Notes a part that QEMU or Proxmox may refuse.
  private mutating func noteOpen(_ what: String, _ reason: String, _ entry: ProxmoxConfig.Entry) {
    definition.noteUnread(what, reason, entry.range, config.source)
  }

  private func isNumbered(_ key: String, _ name: String) -> Bool {
    key.hasPrefix(name) && key.count > name.count && key.dropFirst(name.count).allSatisfy { ("0"..."9").contains($0) }
  }
}

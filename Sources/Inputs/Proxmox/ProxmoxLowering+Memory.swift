import Facts
import Syntax

extension ProxmoxLowering {
  /// MiB of a machine whose memory can be hot plugged, before any is (qemu-server PVE/QemuServer/Memory.pm: $STATICMEM).
  private static let staticMemory = 1024

  /// Refuses memory, NUMA nodes and hugepages that do not go together (qemu-server PVE/QemuServer/Memory.pm: config).
  mutating func refuseMemory() {
    let memory = config.entry("memory").map { ProxmoxProperties($0.value) }
    let size = Int(memory?[""] ?? memory?["current"] ?? "512") ?? 512
    let hasNUMA = config.flag("numa"), hugepages = config.text("hugepages")
    let nodes = config.entries.filter { isNumbered($0.key, "numa") }
    // `1` is `network,disk,usb` (PVE/QemuServer.pm: parse_hotplug_features).
    let hotplug = (config.text("hotplug") ?? "").split { ",; ".contains($0) }.contains("memory")
    let numa = "set `numa: 1`"
    if hotplug { refuseHotplug(size, nodes, hugepages: hugepages, hasNUMA: hasNUMA) }
    if hugepages != nil, !hasNUMA { refuse("numa needs to be enabled to use hugepages", numa, place("hugepages")) }
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
    let pages = hugepages.flatMap { Int($0) } ?? 0
    let sizes = total > 0 ? nodes.compactMap { ProxmoxProperties($0.value)["memory"].flatMap { Int($0) } } : [size / sockets]
    if pages > 0, let odd = sizes.first(where: { $0 % pages != 0 }), let entry = config.entry("hugepages") {
      definition.noteUnread(
        "`hugepages: \(pages)` for a node of \(odd) MiB", "the size is not a multiple of the pages', and Proxmox may refuse it",
        entry.range, config.source)
    }
  }

  private var sockets: Int { max(1, config.text("sockets").flatMap { Int($0) } ?? 1) }

  private mutating func refuseHotplug(_ size: Int, _ nodes: [ProxmoxConfig.Entry], hugepages: String?, hasNUMA: Bool) {
    let place = place("hotplug")
    if !hasNUMA { refuse("NUMA needs to be enabled for memory hotplug", "set `numa: 1`", place) }
    if let node = nodes.first {
      refuse(
        "cannot enable memory hotplugging with custom NUMA topology", "remove `\(node.key)`, or `memory` from `hotplug:`", place)
    }
    let least = ProxmoxLowering.staticMemory * (hugepages == "1024" ? sockets : 1)
    if size < least { refuse("minimum memory must be \(least)MB", "set `memory: \(least)`", place) }
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

  private func isNumbered(_ key: String, _ name: String) -> Bool {
    key.hasPrefix(name) && key.count > name.count && key.dropFirst(name.count).allSatisfy { ("0"..."9").contains($0) }
  }
}

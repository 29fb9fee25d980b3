/// The bridges of a host, and the paths between its devices.
public struct PCITopology: Sendable {
  /// The path between two devices, as `nvidia-smi topo -m` names it.
  public enum Path: String, Sendable {
    /// The same device.
    case same = "X"
    /// One bridge or switch, or none.
    case oneBridge = "PIX"
    /// Several bridges, and not the host bridge.
    case bridges = "PXB"
    /// The host bridge.
    case hostBridge = "PHB"
    /// The host bridges of one NUMA node.
    case node = "NODE"
    /// The link between NUMA nodes.
    case system = "SYS"
  }

  /// PCI Express device/port types of bridges (PCIe 6.0 §7.5.3.2); conventional bridges have none.
  public enum BridgeKind: String, Sendable {
    case rootPort = "root port"
    case upstream = "switch upstream port"
    case downstream = "switch downstream port"
    case bridge
  }

  private struct Bridge: Sendable {
    let address: PCIAddress
    let buses: ClosedRange<UInt8>
    let kind: BridgeKind
  }

  private let host: Host
  private var bridges: [UInt32: [Bridge]] = [:]
  /// The first bridge whose buses could not be read, by domain: the parent of any device there may be it.
  private var unread: [UInt32: Unknown] = [:]

  /// Reads the bridges' bus numbers from their config space (PCI-to-PCI Bridge 1.2 §3.2.5: offsets 0x19, 0x1a).
  public init(_ host: Host) {
    self.host = host
    for device in host.devices.values.sorted(by: { $0.address < $1.address }) {
      guard device.classCode.map({ $0 >> 8 == 0x0604 }) != .known(false) else { continue }
      let buses = device.config.flatMap { space in
        space.headerType.flatMap { type in
          type != 1 ? .known(nil) : space.byte(0x19).flatMap { low in space.byte(0x1a).map { ($0, low) } }.map(Optional.some)
        }
      }
      switch buses {
      case .known(.some((let high, let low))) where low > 0 && low <= high:
        bridges[device.address.domain, default: []].append(
          Bridge(address: device.address, buses: low...high, kind: PCITopology.kind(device)))
      case .known: break
      case .unknown(let unknown): if unread[device.address.domain] == nil { unread[device.address.domain] = unknown }
      }
    }
  }

  private static func kind(_ device: HostDevice) -> BridgeKind {
    guard case .known(let space) = device.config,
      let express = space.standardChain.capabilities.first(where: { $0.id == 0x10 }),
      case .known(let flags) = space.word(express.offset + 2)
    else { return .bridge }
    switch flags >> 4 & 0xf {
    case 4: return .rootPort
    case 5: return .upstream
    case 6: return .downstream
    default: return .bridge
    }
  }

  /// The kind of a bridge; nil for anything else.
  public func kind(of address: PCIAddress) -> BridgeKind? {
    bridges[address.domain]?.first { $0.address == address }?.kind
  }

  /// The bridge above a function; nil below a host bridge.
  public func parent(of address: PCIAddress) -> PCIAddress? { above(address)?.address }

  private func above(_ address: PCIAddress) -> Bridge? {
    let all = (bridges[address.domain] ?? []).filter { $0.buses.contains(address.bus) && $0.address != address }
    // The innermost one has the fewest buses; a bridge's own range never contains its own bus.
    return all.min { $0.buses.count < $1.buses.count }
  }

  /// The bridges above a function, from the innermost to the root.
  public func ancestors(of address: PCIAddress) -> [PCIAddress] {
    var found: [PCIAddress] = []
    var next = above(address)
    while let bridge = next, !found.contains(bridge.address) {
      found.append(bridge.address)
      next = above(bridge.address)
    }
    return found
  }

  /// The path between two functions.
  public func path(_ a: PCIAddress, _ b: PCIAddress) -> Known<Path> {
    if a == b { return .known(.same) }
    for address in [a, b] {
      if case .known(nil) = host.device(at: address) { return .unknown(Unknown(ofAbsentDevice: address)) }
    }
    if a.domain == b.domain {
      let one = ancestors(of: a), two = ancestors(of: b)
      if let common = one.first(where: two.contains) {
        let depth = (one.firstIndex(of: common) ?? 0, two.firstIndex(of: common) ?? 0)
        if depth == (0, 0) { return .known(.oneBridge) }
        // Two ports of one switch: each device is right below a downstream port.
        let isSwitch = kind(of: common) == .upstream && depth == (1, 1)
        return .known(isSwitch ? .oneBridge : .bridges)
      }
      if let missing = unread[a.domain] { return .unknown(missing) }
      // Functions of one root bus; a slot's functions have no bridge between them.
      let (first, second) = (one.last ?? a, two.last ?? b)
      if first.bus == second.bus { return .known(one.isEmpty && two.isEmpty && a.slot == b.slot ? .oneBridge : .hostBridge) }
    }
    return node(of: a).flatMap { one in node(of: b).map { one == $0 ? .node : .system } }
  }

  /// The NUMA node; -1, a host without nodes, is one node.
  private func node(of address: PCIAddress) -> Known<Int> {
    host.devices[address]?.numaNode ?? .unknown("NUMA node of \(address)", "nothing is known about the device")
  }
}

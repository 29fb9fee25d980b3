import Facts
import Syntax

/// A network of libvirt, as far as it decides about passthrough: an interface on a pool of VFs becomes a host device
/// (libvirt src/network/bridge_driver.c: networkAllocatePort).
public struct LibvirtNetwork: Hashable, Sendable {
  /// `<forward mode='hostdev'>`.
  public let isPool: Bool
  /// `managed='yes'`: libvirt binds the VF to a vfio driver.
  let isManaged: Bool

  /// Reads a description.
  /// - Returns: nil when it cannot be parsed.
  public init?(_ text: String) {
    guard let root = try? XMLTree.parse(Array(text.utf8)).root, root.qualifiedName == "network" else { return nil }
    let forward = root.child("forward")
    isPool = forward?.value("mode") == "hostdev"
    isManaged = forward?.value("managed") == "yes"
  }
}

extension LibvirtReader {
  /// Marks the interfaces on a pool as host devices, and notes the others whose network is not known.
  mutating func readNetworks(_ devices: [LibvirtDeviceElement]) {
    for part in devices {
      guard let name = LibvirtNetwork.name(of: part.element) else { continue }
      if pools[name.value]?.isPool == true {
        part.isPooled = true
      } else {
        let place = location(name, part.path, "/source")
        definition.machine.libvirt?.networks.append(LibvirtNetworkInterface(network: name.value, location: place))
      }
    }
  }
}

extension LibvirtNetwork {
  fileprivate static func read(_ name: String, _ description: Known<String>) -> Known<LibvirtNetwork> {
    switch description {
    case .unknown(let unknown): return .unknown(unknown)
    case .known(let text):
      return LibvirtNetwork(text).map { .known($0) } ?? .unknown("network `\(name)`", "its description cannot be parsed")
    }
  }

  /// The network's name of an interface that may be on a pool: not of one that libvirt has put on another device, as the
  /// `<actual>` of a domain that runs shows.
  static func name(of interface: XMLElement) -> XMLAttribute? {
    guard interface.qualifiedName == "interface", interface.value("type") == "network", interface.child("actual") == nil,
      !DomainWithoutPassthrough.isHostDevice(interface)
    else { return nil }
    return interface.child("source")?["network"]
  }
}

extension ParsedInput {
  /// The definition with the networks of its interfaces looked up on a host: interfaces on a pool of VFs are host devices.
  /// - Parameter description: the XML of a network.
  public func lowered(networks description: (String) -> Known<String>) -> ParsedInput {
    guard let interfaces = machine.libvirt?.networks, !interfaces.isEmpty else { return self }
    var found: [String: Known<LibvirtNetwork>] = [:]
    for name in Set(interfaces.map(\.network)) { found[name] = LibvirtNetwork.read(name, description(name)) }
    let pools = found.compactMapValues { $0.display.flatMap { $0.isPool ? $0 : nil } }
    var lowered = pools.isEmpty ? self : again(pools)
    let rest = lowered.machine.libvirt?.networks ?? []
    lowered.machine.libvirt?.networks = rest.compactMap { interface in
      guard case .unknown(let unknown)? = found[interface.network] else { return nil }
      var interface = interface
      interface.unknown = unknown
      return interface
    }
    return lowered
  }

  /// The same document, with interfaces on these networks as host devices.
  private func again(_ pools: [String: LibvirtNetwork]) -> ParsedInput {
    guard let document else { return self }
    var definition = LibvirtDocument.parse(document.source, from: document.start, .all, pools: pools).definition
    definition.firstLine = firstLine
    definition.document = document
    definition.machine.unreadParts += machine.unreadParts.filter { !definition.machine.unreadParts.contains($0) }
    return definition
  }
}

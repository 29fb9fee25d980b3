import Facts
import Glibc

/// The host's network interfaces, as far as this network namespace shows them.
struct LiveNetwork {
  /// The reason why further interfaces, or uses of one, may exist.
  private(set) var gap: String?
  private var interfaces: [PCIAddress: [String]] = [:]
  /// The bonds, bridges and VLANs on top of each interface.
  private var uppers: [String: [String]] = [:]
  private var defaults: Set<String> = []
  private var addressed: Set<String> = []

  init(_ tree: FileTree) {
    gap = tree.namespaceGap("net")
    switch tree.list("/sys/class/net") {
    case .failed(let reason): gap = gap ?? reason
    case .absent: gap = gap ?? "/sys/class/net: \(errnoText(ENOENT))"
    case .found(let names):
      // bonding_masters is a file between the interfaces (linux/drivers/net/bonding/bond_sysfs.c).
      for name in names where name != "bonding_masters" {
        let link = tree.link("/sys/class/net/\(name)")
        let list = tree.list("/sys/class/net/\(name)")
        if case .failed(let reason) = link { gap = gap ?? reason }
        if case .failed(let reason) = list { gap = gap ?? reason }
        if let owner = link.display.flatMap({ PCIAddress(lastIn: $0) }) { interfaces[owner, default: []].append(name) }
        guard let entries = list.display else { continue }
        uppers[name] = entries.filter { $0.hasPrefix("upper_") }.map { String($0.dropFirst("upper_".count)) }
      }
    }
    readVersion4(tree)
    readVersion6(tree)
  }

  /// /proc/net/route: interface, destination, gateway, …, mask, as hexadecimal numbers in the
  /// processor's order of bytes. A network without a gateway is one that the interface has an address in.
  private mutating func readVersion4(_ tree: FileTree) {
    for line in tree.table("/proc/net/route", gap: &gap).dropFirst() where line.count >= 8 {
      if line[1] == "00000000", line[7] == "00000000" {
        defaults.insert(String(line[0]))
      } else if line[2] == "00000000", !line[1].hasSuffix("FEA9") {  // 169.254/16 is on every link
        addressed.insert(String(line[0]))
      }
    }
  }

  /// /proc/net/ipv6_route and if_inet6; neither exists where IPv6 is off.
  private mutating func readVersion6(_ tree: FileTree) {
    for line in tree.table("/proc/net/ipv6_route", mayBeAbsent: true, gap: &gap) where line.count >= 10 && line[9] != "lo" {
      if line[1] == "00", line[0].allSatisfy({ $0 == "0" }) { defaults.insert(String(line[9])) }
    }
    for line in tree.table("/proc/net/if_inet6", mayBeAbsent: true, gap: &gap) where line.count >= 6 && line[3] == "00" {
      addressed.insert(String(line[5]))  // scope 0 is global
    }
  }

  func hasInterface(_ function: PCIAddress) -> Bool { interfaces[function] != nil }

  func uses(of function: PCIAddress) -> [HostUse] {
    var uses: [HostUse] = []
    for name in interfaces[function] ?? [] {
      var seen: [String] = []
      var next = [name]
      while let one = next.popLast(), seen.count < 64 {
        if seen.contains(one) { continue }
        seen.append(one)
        if defaults.contains(one) { uses.append(HostUse(.defaultRoute, name, one == name ? "" : one)) }
        if addressed.contains(one) { uses.append(HostUse(.address, name, one == name ? "" : one)) }
        for upper in uppers[one] ?? [] {
          if one == name { uses.append(HostUse(.member, name, upper)) }
          next.append(upper)
        }
      }
    }
    return uses
  }
}

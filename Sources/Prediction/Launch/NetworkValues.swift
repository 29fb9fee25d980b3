import Facts

/// Parameters of networks that QEMU checks together, and rules of forwarding.
extension OptionValues {
  /// A tap (QEMU net/tap.c: net_init_tap; QEMU 11 has other texts).
  func tap(_ items: Items) -> String? {
    func has(_ names: [String]) -> Bool { names.contains { OptionValues.last($0, items) != nil } }
    let ownDevice = ["ifname", "script", "downscript", "vnet_hdr"]
    let way = ["fd", "fds", "helper"].first { has([$0]) }
    let isWithoutQueues = OptionValues.last("queues", items) == "0"
    if release > QEMURelease(10, 0) {
      let ways = ["queues", "helper", "fds", "fd"].filter { has([$0]) }
      if ways.count > 1 { return "queues=, helper=, fds= and fd= are mutual exclusive" }
      if way != nil { return has(ownDevice) ? "ifname=, script=, downscript=, vnet_hdr= are invalid with fd=/fds=/helper=" : nil }
      return isWithoutQueues ? "queues must be greater than zero" : nil
    }
    switch way {
    case "fd":
      guard has(ownDevice + ["helper", "queues", "fds", "vhostfds"]) else { return nil }
      return "ifname=, script=, downscript=, vnet_hdr=, helper=, queues=, fds=, and vhostfds= are invalid with fd="
    case "fds":
      guard has(ownDevice + ["helper", "queues", "vhostfd"]) else { return nil }
      return "ifname=, script=, downscript=, vnet_hdr=, helper=, queues=, and vhostfd= are invalid with fds="
    case "helper":
      guard has(ownDevice + ["queues", "vhostfds"]) else { return nil }
      return "ifname=, script=, downscript=, vnet_hdr=, queues=, and vhostfds= are invalid with helper="
    default: return isWithoutQueues && !has(["vhostfds"]) ? "net_client_init1: Assertion `nc' failed." : nil
    }
  }

  /// The rules of a user network, which it applies last (QEMU net/slirp.c: net_slirp_init).
  func forwarding(_ items: Items) -> String? {
    for (name, rule) in items where name == "hostfwd" || name == "guestfwd" {
      if name == "hostfwd", let why = wrongPart(ofHostRule: rule) { return "Invalid host forwarding rule '\(rule)' (\(why))" }
      if name == "guestfwd", isWrong(guestRule: rule) { return "Invalid guest forwarding rule '\(rule)'" }
    }
    return nil
  }

  private func wrongPart(ofHostRule rule: String) -> String? {
    var rest = rule[...]
    func next(_ end: Character) -> Substring? {
      guard let place = rest.firstIndex(of: end) else { return nil }
      defer { rest = rest[rest.index(after: place)...] }
      return rest[..<place]
    }
    guard let transport = next(":") else { return "No : separators" }
    if transport == "unix", release > QEMURelease(10, 0) { return nil }
    if !["tcp", "udp", ""].contains(transport) { return "Bad protocol name" }
    guard let host = next(":") else { return "Missing : separator" }
    if !OptionValues.mayBeAddress(host) { return "Bad host address" }
    guard let port = next("-") else { return "Bad host port separator" }
    if !OptionValues.mayBePort(port, from: 0) { return "Bad host port" }
    guard let guest = next(":") else { return "Missing guest address" }
    if !OptionValues.mayBeAddress(guest) { return "Bad guest address" }
    return OptionValues.mayBePort(rest, from: 1) ? nil : "Bad guest port"
  }

  private func isWrong(guestRule rule: String) -> Bool {
    let parts = rule.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, let dash = parts[2].firstIndex(of: "-") else { return true }
    return !["tcp", ""].contains(parts[0]) || !OptionValues.mayBeAddress(parts[1])
      || !OptionValues.mayBePort(parts[2][..<dash], from: 1)
  }

  /// Whether the C library may read an address; an empty one stands for any.
  private static func mayBeAddress(_ text: Substring) -> Bool {
    text.first.map { $0.isNumber || $0.isWhitespace } ?? true && text.allSatisfy { $0.isHexDigit || ".xX".contains($0) || $0.isWhitespace }
  }

  private static func mayBePort(_ text: Substring, from least: Int) -> Bool {
    if let number = Int(text), !text.hasPrefix("0") { return (least...65535).contains(number) }
    return text == "0" && least == 0 || text != "0" && text.first.map { "0123456789+ ".contains($0) } ?? false
  }

  /// The refusal of a card's address (QEMU net/net.c: net_parse_macaddr). Other forms are a number, or have signs and blanks.
  static func macRefusal(_ text: String) -> String? {
    if text.isEmpty || Int(text) != nil || text.contains(where: { "xX+".contains($0) || $0.isWhitespace }) { return nil }
    let parts = text.split(omittingEmptySubsequences: false) { $0 == ":" || $0 == "-" }
    if parts.count != 6 || !parts.allSatisfy({ $0.allSatisfy(\.isHexDigit) }) { return "invalid syntax for ethernet address" }
    let first = UInt64(parts[0], radix: 16) ?? 0
    return first & 1 == 1 ? "NIC cannot have multicast MAC address" : nil
  }
}

extension MachineConfig {
  /// Ids of networks; nil when some are not known, or QEMU may give them itself.
  var networkIDs: Set<String>? {
    proxmox == nil && libvirt == nil && !hasOption("nic") && !hasOption("net") ? ids(of: .network) : nil
  }

  /// The filters of networks that the machine does not have (QEMU net/filter.c: netfilter_complete).
  func filtersWithoutNetwork(among networks: Set<String>?) -> [LaunchFailure] {
    guard let networks else { return [] }
    return objects.filter { $0.type?.hasPrefix("filter-") ?? false }.compactMap { object in
      guard let property = object.properties.last(where: { $0.name == "netdev" }), let id = property.value.string,
        !property.value.isOfShell, !networks.contains(id), !["@", "<", "{", "%"].contains(where: id.contains)
      else { return nil }
      return LaunchFailure(RealizeFailure(.badObject, "Parameter 'netdev' expects a network backend id"), at: object.location)
    }
  }
}

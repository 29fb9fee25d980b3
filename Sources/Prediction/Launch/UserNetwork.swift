import Facts
import var Glibc.AF_INET6
import func Glibc.inet_aton
import func Glibc.inet_pton
import struct Glibc.in_addr
import func Glibc.strtol

/// A user network's addresses and names, read as QEMU and the C library read them (QEMU net/slirp.c: net_slirp_init).
extension OptionValues {
  /// The refusal of a user network.
  func user(_ items: Items) -> String? {
    func last(_ key: String) -> String? { OptionValues.last(key, items) }
    func isSet(_ keys: [String]) -> Bool { keys.contains { last($0) != nil } }
    func flag(_ key: String) -> Bool? { last(key).map { QEMUBool($0) == .on } }
    // One that is switched on alone switches the other off.
    let hasIPv4 = flag("ipv4") ?? (flag("ipv6") != true), hasIPv6 = flag("ipv6") ?? (flag("ipv4") != true)
    if let text = last("ipv6-net").flatMap(shortIPv6) { return text }
    if !hasIPv4, isSet(["net", "ip", "host", "dns"]) { return "IPv4 disabled but netmask/host/dns provided" }
    if !hasIPv6, isSet(["ipv6-net", "ipv6-prefix", "ipv6-host", "ipv6-dns"]) {
      return "IPv6 disabled but prefix/host6/dns6 provided"
    }
    if !hasIPv4, !hasIPv6 { return "IPv4 and IPv6 disabled" }
    let isRestricted = flag("restrict") == true
    return OptionValues.ipv4(last, isRestricted) ?? OptionValues.ipv6(last, isRestricted) ?? OptionValues.names(last) ?? forwarding(items)
  }

  /// QEMU net/net.c: net_client_init.
  private func shortIPv6(_ text: String) -> String? {
    if text.isEmpty { return "Parameter 'ipv6-net' expects a valid IPv6 prefix" }
    guard let slash = text.firstIndex(of: "/") else { return nil }
    let length = text[text.index(after: slash)...]
    guard length.isEmpty || !length.contains(where: \.isNumber) else { return nil }
    return release == QEMURelease(7, 2) ? "Parameter 'ipv6-prefixlen' expects a number" : "parameter 'ipv6-net' expects a number after '/'"
  }

  private static func ipv4(_ last: (String) -> String?, _ isRestricted: Bool) -> String? {
    var network: UInt32 = 0x0a00_0200, mask: UInt32 = 0xffff_ff00
    if let text = last("net") ?? last("ip").map({ $0 + "/24" }) {
      let slash = text.firstIndex(of: "/")
      guard let address = address(String(text[..<(slash ?? text.endIndex)])) else { return "Failed to parse netmask" }
      (network, mask) = (address, classMask(of: address))
      if let length = slash.map({ String(text[text.index(after: $0)...]) }) {
        if let bits = number(length) {
          guard (4...32).contains(bits) else { return "Invalid netmask provided (must be in range 4-32)" }
          mask = UInt32.max << (32 - UInt32(bits))
        } else if let written = self.address(length) {
          mask = written
        } else {
          return "Failed to parse netmask (trailing chars)"
        }
      }
      network &= mask
    }
    // Another network has these of its own.
    var host = network | 0x0202 & ~mask, name = network | 0x0203 & ~mask, first = network | 0x020f & ~mask
    func read(_ key: String, into value: inout UInt32) -> Bool {
      guard let text = last(key) else { return true }
      guard let address = address(text) else { return false }
      value = address
      return true
    }
    if !read("host", into: &host) { return "Failed to parse host" }
    if host & mask != network { return "Host doesn't belong to network" }
    if !read("dns", into: &name) { return "Failed to parse DNS" }
    if isRestricted, name & mask != network { return "DNS doesn't belong to network" }
    if name == host { return "DNS must be different from host" }
    if !read("dhcpstart", into: &first) { return "Failed to parse DHCP start address" }
    if first & mask != network { return "DHCP doesn't belong to network" }
    return first == host || first == name ? "DHCP must be different from host and DNS" : nil
  }

  /// The mask of a network without one.
  private static func classMask(of address: UInt32) -> UInt32 {
    if address & 0x8000_0000 == 0 { return 0xff00_0000 }
    if address & 0xfff0_0000 == 0xac10_0000 { return 0xfff0_0000 }
    if address & 0xc000_0000 == 0x8000_0000 { return 0xffff_0000 }
    if address & 0xffff_0000 == 0xc0a8_0000 { return 0xffff_0000 }
    if address & 0xffff_0000 == 0xc612_0000 { return 0xfffe_0000 }
    return address & 0xe000_0000 == 0xe000_0000 ? 0xffff_ff00 : 0xffff_fff0
  }

  private static func ipv6(_ last: (String) -> String?, _ isRestricted: Bool) -> String? {
    let short = last("ipv6-net")?.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard let prefix = longAddress(short?[0] ?? last("ipv6-prefix") ?? "fec0::") else { return "Failed to parse IPv6 prefix" }
    // One that is not a number was refused; how QEMU reads others is not followed.
    let text = short.map { $0.count > 1 ? $0[1] : "64" } ?? last("ipv6-prefixlen") ?? "64"
    guard var length = Int(text) else { return nil }
    if length == 0 { length = 64 }
    guard (0...126).contains(length) else {
      return "Invalid IPv6 prefix provided (IPv6 prefix length must be between 0 and 126)"
    }
    func isInside(_ address: [UInt8]) -> Bool {
      let whole = length / 8, mask = UInt8.max << (8 - UInt8(length % 8))
      return address[..<whole] == prefix[..<whole] && (length % 8 == 0 || (address[whole] ^ prefix[whole]) & mask == 0)
    }
    if let text = last("ipv6-host") {
      guard let host = longAddress(text) else { return "Failed to parse IPv6 host" }
      if !isInside(host) { return "IPv6 Host doesn't belong to network" }
    }
    guard let text = last("ipv6-dns") else { return nil }
    guard let name = longAddress(text) else { return "Failed to parse IPv6 DNS" }
    return isRestricted && !isInside(name) ? "IPv6 DNS doesn't belong to network" : nil
  }

  private static func names(_ last: (String) -> String?) -> String? {
    if last("domainname")?.isEmpty ?? false { return "'domainname' parameter cannot be empty" }
    let names = [("domainname", "domainname"), ("hostname", "vhostname"), ("tftp-server-name", "tftp-server-name")]
    return names.first { key, _ in last(key).map { $0.utf8.count > 255 } ?? false }
      .map { "'\($1)' parameter cannot exceed 255 bytes" }
  }

  private static func address(_ text: String) -> UInt32? {
    var address = in_addr()
    return inet_aton(text, &address) == 0 ? nil : UInt32(bigEndian: address.s_addr)
  }

  private static func longAddress(_ text: String) -> [UInt8]? {
    var address = [UInt8](repeating: 0, count: 16)
    return inet_pton(AF_INET6, text, &address) == 1 ? address : nil
  }

  /// A number as the C library reads a whole text; zero for an empty one.
  private static func number(_ text: String) -> Int? {
    text.withCString { start in
      var end: UnsafeMutablePointer<CChar>?
      let number = strtol(start, &end, 10)
      return end?.pointee == 0 ? number : nil
    }
  }
}

import Facts

/// Properties of devices, objects, globals and the machine that a rehearsal leaves out because they name files, sockets, ports,
/// descriptors or renderers of the host. What passes here cannot name a file either: QEMU's working directory is empty.
enum HostProperty {
  /// The reason why a property is left out; nil for one that is kept.
  static func reason(_ name: String, _ value: PropertyValue) -> String? {
    switch value {
    case .array, .object: "the value is a list or an object"
    case .string(let text), .unknown(let text): reason(name, text)
    default: isHosts(name) ? hosts : nil
    }
  }

  /// The same, of a value that is text.
  static func reason(_ name: String, _ text: String) -> String? {
    if isHosts(name) { return hosts }
    return text.utf8.contains(UInt8(ascii: "/")) && !texts.contains(name) ? "it may name a file" : nil
  }

  private static let hosts = "it is the host's"

  private static func isHosts(_ name: String) -> Bool {
    if names.contains(name) { return true }
    if name == "romfile" { return false }
    return name.contains("path") || ["file", "dir", "splash"].contains(where: name.hasSuffix)
      || ["vhostfd", "spdm_", "pcap", "cert"].contains(where: name.hasPrefix)
  }

  /// Names of files, descriptors, connections and renderers (`-device TYPE,help` of QEMU 7.2, 10.0 and 11.1).
  private static let names: Set<String> = [
    "socket", "sockfd", "fd", "fds", "chroot", "cdat", "kernel", "initrd", "dtb", "db", "hidraw", "hostdevice", "ibdev", "mad-chardev",
    "host_ip", "blob", "hostmem", "venus", "prealloc", "evdev", "context_init", "drm_native_context",
  ]
  /// Names of properties whose text may have a slash without being a file's name; `romfile` is opened, and only read.
  private static let texts: Set<String> = [
    "romfile", "bus", "mount_tag", "tag", "name", "serial", "product", "vendor", "label", "model", "model-id", "ver", "nqn", "osk",
    "bootargs", "iommufd", "memdev", "iothread", "rng", "cryptodev", "bmc", "subsys", "canbus", "canbus0", "canbus1", "primary-bus",
    "persistent-memdev", "volatile-memdev", "lsa", "upstream", "memory-backend", "desc", "append", "identity",
  ]
}

import Facts

/// A path of sysfs that ends in the address of a function.
enum SysfsPath {
  /// Its parts. A `.` at the end is the name that QEMU asks the kernel for, and `..` leads from a folder that is none of
  /// `plain` to another than is written, where it is a link.
  static func parts(_ path: String) -> [Substring] {
    let all = path.split(separator: "/")
    var parts: [Substring] = []
    for part in all.dropLast() where part != "." {
      if part == "..", !parts.isEmpty, plain.starts(with: parts) { parts.removeLast() } else { parts.append(part) }
    }
    return parts + all.suffix(1)
  }

  private static let plain: [Substring] = ["sys", "bus", "pci", "devices"]

  /// Whether the kernel has the path of a function that the host has: it lists one in the folders of its bus, driver and group.
  static func exists(_ path: String, of device: HostDevice, on host: Host) throws(Unknown) -> Bool {
    let folders = parts(path).dropLast().map(String.init)
    switch folders.dropFirst().first {
    case "bus"?:
      if folders.dropFirst(2) == ["pci", "devices"] { return true }
      guard folders.count == 5, folders[2...3] == ["pci", "drivers"] else { return false }
      return try device.driver.value == folders[4]
    case "kernel"?:
      guard folders.count == 5, folders[2] == "iommu_groups", folders[4] == "devices" else { return false }
      return try device.group.value.map(String.init) == folders[3]
    case "devices"?:
      let bridges = PCITopology(host).ancestors(of: device.address)
      let root = bridges.last ?? device.address
      let bus = "pci\(root.domain.hexadecimal(digits: 4)):\(root.bus.hexadecimal(digits: 2))"
      if folders.dropFirst(2) == [bus] + bridges.reversed().map(\.description) { return true }
    default: break
    }
    throw Unknown("sysfs path `\(path)`", reason: "which folders the kernel has there is not known")
  }
}

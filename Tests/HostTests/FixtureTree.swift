import Glibc
import XCTest

/// A folder of a test that stands for the root of a host.
final class FixtureTree {
  let root: String

  init() throws {
    var template = Array("/tmp/vfiogate-test-XXXXXX".utf8CString)
    // SAFETY: mkdtemp writes into the template, which is a C string of its own length.
    guard let made = mkdtemp(&template) else { throw XCTSkip("mkdtemp: \(String(cString: strerror(errno)))") }
    root = String(cString: made)
    // Another user must be able to come in.
    chmod(root, 0o755)
  }

  deinit { remove(root) }

  private func remove(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    if status.st_mode & S_IFMT == S_IFDIR {
      chmod(path, 0o755)
      for name in names(path) { remove("\(path)/\(name)") }
      rmdir(path)
    } else {
      unlink(path)
    }
  }

  private func names(_ path: String) -> [String] {
    guard let stream = opendir(path) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  func directory(_ path: String) {
    var made = root
    for part in path.split(separator: "/") {
      made += "/" + part
      mkdir(made, 0o755)
    }
  }

  func file(_ path: String, _ text: String) { file(path, Array(text.utf8)) }

  func file(_ path: String, _ bytes: [UInt8]) {
    makeParent(path)
    let descriptor = open(root + path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    XCTAssertGreaterThanOrEqual(descriptor, 0, path)
    XCTAssertEqual(write(descriptor, bytes, bytes.count), bytes.count)
    close(descriptor)
  }

  func link(_ path: String, to target: String) {
    makeParent(path)
    XCTAssertEqual(symlink(target, root + path), 0, path)
  }

  func delete(_ path: String) { remove(root + path) }

  func mode(_ path: String, _ mode: mode_t) { XCTAssertEqual(chmod(root + path, mode), 0, path) }

  private func makeParent(_ path: String) {
    if let slash = path.lastIndex(of: "/") { directory(String(path[..<slash])) }
  }
}

extension FixtureTree {
  /// A function with what the kernel gives every function, below `bridges`.
  func function(
    _ address: String, below bridges: [String] = [], vendor: String = "0x10de", device: String = "0x2204",
    config: [UInt8] = [UInt8](repeating: 0, count: 256), driver: String? = nil, group: Int? = nil
  ) {
    let place = "/sys/devices/pci0000:00/" + (bridges + [address]).joined(separator: "/")
    file("\(place)/vendor", vendor + "\n")
    file("\(place)/device", device + "\n")
    file("\(place)/class", "0x030000\n")
    file("\(place)/config", config)
    file("\(place)/resource", FixtureTree.resource)
    file("\(place)/driver_override", "(null)\n")
    file("\(place)/numa_node", "-1\n")
    if let driver { link("\(place)/driver", to: "../../../../bus/pci/drivers/\(driver)") }
    if let group {
      link("\(place)/iommu_group", to: "../../../../kernel/iommu_groups/\(group)")
      link("/sys/kernel/iommu_groups/\(group)/devices/\(address)", to: "../../../..\(place)")
      file("/sys/kernel/iommu_groups/\(group)/reserved_regions", "0x00000000fee00000 0x00000000feefffff msi\n")
    }
    link("/sys/bus/pci/devices/\(address)", to: "../../.." + place.dropFirst("/sys".count))
  }

  func attribute(_ address: String, _ name: String, _ text: String) {
    file("/sys/bus/pci/devices/\(address)/\(name)", text)
  }

  /// BAR 0 of 16 MiB, BAR 1 of 256 MiB, no others, a ROM of 512 KiB.
  private static let resource =
    """
    0x00000000fb000000 0x00000000fbffffff 0x0000000000040200
    0x0000007c00000000 0x0000007c0fffffff 0x000000000014220c
    0x0000000000000000 0x0000000000000000 0x0000000000000000
    0x0000000000000000 0x0000000000000000 0x0000000000000000
    0x0000000000000000 0x0000000000000000 0x0000000000000000
    0x0000000000000000 0x0000000000000000 0x0000000000000000
    0x00000000fc000000 0x00000000fc07ffff 0x0000000000046200

    """

  /// A whole host: kernel, /proc with one process, /dev, one card with two functions on vfio-pci.
  func wholeHost() {
    file("/proc/sys/kernel/osrelease", "7.1.3-amd64\n")
    file("/proc/cmdline", "root=/dev/sda1 intel_iommu=on\n")
    file("/boot/config-7.1.3-amd64", "CONFIG_IOMMUFD=m\nCONFIG_VFIO_DEVICE_CDEV=y\n# CONFIG_AMD_IOMMU is not set\n")
    process(1, "systemd", fds: ["/dev/null"])
    link("/proc/self/ns/pid", to: "pid:[4026531836]")
    file("/dev/iommu", "")
    file("/dev/vfio/vfio", "")
    file("/dev/vfio/12", "")
    file("/dev/vfio/devices/vfio0", "")
    file("/sys/class/iommu/dmar0/intel-iommu/cap", "d2008c40660462\n")
    file("/sys/class/iommu/dmar0/intel-iommu/ecap", "f050da\n")
    function("0000:00:01.0", device: "0x1901", config: FixtureTree.port(type: 4), driver: "pcieport", group: 1)
    function("0000:01:00.0", below: ["0000:00:01.0"], driver: "vfio-pci", group: 12)
    function("0000:01:00.1", below: ["0000:00:01.0"], driver: "vfio-pci", group: 12)
    file("/sys/bus/pci/devices/0000:01:00.0/vfio-dev/vfio0/dev", "511:0\n")
    link("/sys/bus/pci/devices/0000:01:00.0/iommu", to: "../../../virtual/iommu/dmar0")
    directory("/sys/firmware/acpi/tables")
  }

  func process(_ pid: Int, _ name: String, fds: [String]) {
    file("/proc/\(pid)/comm", name + "\n")
    file("/proc/\(pid)/stat", "\(pid)")
    directory("/proc/\(pid)/fd")
    for (number, target) in fds.enumerated() { link("/proc/\(pid)/fd/\(number)", to: target) }
  }

  /// A bridge's config space whose PCI Express capability gives a device/port type.
  static func port(type: UInt8) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 4096)
    bytes[0x06] = 0x10
    bytes[0x0e] = 0x01
    bytes[0x34] = 0x40
    bytes[0x40] = 0x10
    bytes[0x42] = 0x02 | type << 4
    return bytes
  }
}

import Facts
import Glibc

extension HostDevice {
  /// The facts in a function's own sysfs directory. Facts that need the whole host
  /// (users, the firmware's tables, the cdev's node) are filled in by `Host.live`.
  init(reading sysfs: SysfsDevice) {
    self.init(sysfs.address, nothingKnown: "not read")
    let tree = sysfs.tree
    vendor = sysfs.hexadecimal("vendor", fact: "vendor")
    device = sysfs.hexadecimal("device", fact: "device id")
    classCode = sysfs.hexadecimal("class", fact: "class")
    driver = sysfs.attribute("driver", fact: "driver", absent: nil) { tree.linkName($0).optional }
    driverOverride = sysfs.attribute("driver_override", fact: "driver_override", absent: nil) {
      // The kernel prints a null pointer as "(null)".
      tree.text($0).map { .some($0 == "(null)" || $0.isEmpty ? nil : $0) }
    }
    group = sysfs.attribute("iommu_group", fact: "iommu_group", absent: nil) {
      tree.linkName($0).map { Int($0).map { .some($0) } }
    }
    iommu = sysfs.attribute("iommu", fact: "IOMMU", absent: nil) { tree.linkName($0).optional }
    numaNode = sysfs.attribute("numa_node", fact: "NUMA node", absent: -1) { tree.text($0).map { Int($0) } }
    bootVGA = sysfs.attribute("boot_vga", fact: "boot_vga", absent: nil) {
      tree.text($0).map { $0 == "1" ? .some(true) : $0 == "0" ? .some(false) : nil }
    }
    resetMethods = HostDevice.resetMethods(sysfs)
    physicalFunction = sysfs.attribute("physfn", fact: "physical function", absent: nil) {
      tree.linkName($0).map { PCIAddress($0).map { .some($0) } }
    }
    virtualFunctions = HostDevice.virtualFunctions(sysfs)
    regionSizes = sysfs.required("resource", fact: "region sizes") { tree.text($0).map(regionSizes(in:)) }
    hasShadowROM = sysfs.required("resource", fact: "ROM shadow") { tree.text($0).map(hasShadowROM(in:)) }
    removable = sysfs.attribute("removable", fact: "removable", absent: nil) {
      tree.text($0).map { .some($0 == "unknown" ? nil : $0) }
    }
    config = sysfs.required("config", fact: "config space") { tree.configSpace($0, of: sysfs.address) }
  }

  /// The kernel shows `reset_method` (Linux 5.15) and `reset` only where a reset exists
  /// (linux/drivers/pci/pci.c: pci_dev_reset_method_attr_is_visible).
  private static func resetMethods(_ sysfs: SysfsDevice) -> Known<[String]> {
    if let names = sysfs.listing, !names.contains("reset_method"), names.contains("reset") {
      return .unknown("reset_method of \(sysfs.address)", "a kernel before 5.15 does not name the methods")
    }
    return sysfs.attribute("reset_method", fact: "reset_method", absent: []) {
      sysfs.tree.text($0).map { $0.split(separator: " ").map(String.init) }
    }
  }

  private static func virtualFunctions(_ sysfs: SysfsDevice) -> Known<[PCIAddress]> {
    let names = (sysfs.listing ?? []).filter { $0.hasPrefix("virtfn") && Int($0.dropFirst(6)) != nil }
    var found: [PCIAddress] = []
    for name in names.isEmpty ? ["virtfn0"] : names.sorted() {
      let one: Known<PCIAddress?> = sysfs.attribute(name, fact: "virtual functions", absent: nil) {
        sysfs.tree.linkName($0).map { PCIAddress($0).map { .some($0) } }
      }
      switch one {
      case .unknown(let unknown): return .unknown(unknown)
      case .known(let address): if let address { found.append(address) }
      }
    }
    return .known(found.sorted())
  }
}

/// sysfs `resource`: a line of start, end and flags for each of BAR 0 to 5 and the ROM
/// (linux/Documentation/PCI/sysfs-pci.rst). Nil when the text has another format.
private func regionSizes(in text: String) -> [UInt64]? {
  var sizes: [UInt64] = []
  for line in text.split(separator: "\n").prefix(7) {
    let fields = line.split(separator: " ")
    guard fields.count == 3, let start: UInt64 = number(fields[0]), let end: UInt64 = number(fields[1]),
      let flags: UInt64 = number(fields[2])
    else { return nil }
    let (size, overflow) = (end &- start).addingReportingOverflow(1)
    sizes.append(flags == 0 || end < start || overflow ? 0 : size)
  }
  return sizes.count == 7 ? sizes : nil
}

/// The seventh line is the ROM's; a shadow lies where the firmware copies a video ROM to (linux
/// arch/x86/pci/fixup.c: pci_fixup_video).
private func hasShadowROM(in text: String) -> Bool? {
  let lines = text.split(separator: "\n")
  guard lines.count >= 7, let start = lines[6].split(separator: " ").first, let address: UInt64 = number(start)
  else { return nil }
  return address == 0xc0000
}

extension FileTree {
  /// sysfs `config`: as much as the kernel lets this user read (64 bytes without CAP_SYS_ADMIN),
  /// and the size of the space, which is the size of the file.
  func configSpace(_ path: String, of address: PCIAddress) -> ReadResult<ConfigSpace> {
    // SAFETY: the descriptor is closed on every path out.
    let descriptor = open(place(path), O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return .failed("\(path): \(errnoText(errno))") }
    defer { close(descriptor) }
    var status = stat()
    let hasSize = fstat(descriptor, &status) == 0 && status.st_size > 0
    let (bytes, error) = readAll(descriptor, limit: 4096)
    if bytes.isEmpty, error != 0 { return .failed("\(path): \(errnoText(error))") }
    let size: Known<Int> =
      hasSize
      ? .known(Int(clamping: status.st_size))
      : .unknown("config space size of \(address)", "\(path): the file has no size")
    return .found(ConfigSpace(bytes, size: size))
  }
}

import Facts

/// Drivers of `-device` that are meant for passthrough, and that QEMU refuses (QEMU system/qdev-monitor.c:
/// qdev_get_device_class).
enum VFIODriverModel {
  /// The concrete device types whose names begin with `vfio` in QEMU 11.1.3.
  private static let concrete = [
    "vfio-pci", "vfio-pci-nohotplug", "vfio-user-pci", "vfio-ap", "vfio-ccw", "vfio-pci-igd-lpc-bridge",
  ]
  /// Device assignment of before vfio, gone since QEMU 3.0 (docs/about/removed-features.rst).
  private static let gone = ["pci-assign", "kvm-pci-assign"]
  private static let abstract = ["vfio-pci-device", "pci-device"]

  /// Types that came with 10.1.
  private static let recent = ["vfio-user-pci", "vfio-pci-device"]

  /// The failure of a driver that is missing, unknown or abstract; nil for one that QEMU has, and for one that is not
  /// meant for vfio.
  static func refusal(_ driver: String?, _ qemu: QEMUProfile) -> RealizeFailure? {
    guard let driver else { return RealizeFailure(.noDriver, "Parameter 'driver' is missing") }
    guard isMeantForVFIO(driver) else { return nil }
    let isMissing = recent.contains(driver) && qemu.isBefore(10, 1)
    if abstract.contains(driver), !isMissing {
      return RealizeFailure(.abstractDriver, "Parameter 'driver' expects a non-abstract device type")
    }
    if concrete.contains(driver), !isMissing { return nil }
    return RealizeFailure(.unknownDriver, "'\(driver)' is not a valid device model name")
  }

  /// Whether the name is meant for vfio: case and dashes do not matter to a person; they do to QEMU.
  static func isMeantForVFIO(_ driver: String) -> Bool {
    // Of other scripts every byte has the highest bit.
    let letters = driver.utf8.lazy.filter { $0.isASCIILetterOrDigit || $0 >= 0x80 }
      .map { $0 < 0x40 ? $0 : $0 | 0x20 }
    // Quotation marks of a word processor, before it, are such bytes too.
    return letters.isEmpty || letters.drop { $0 >= 0x80 }.starts(with: "vfio".utf8) || gone.contains(driver)
      || driver == "iommufd" || abstract.contains(driver)
  }
}

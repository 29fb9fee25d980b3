import Facts

/// Device types that not all of QEMU 7.2, 10.0 and 11.1 have (`device-list-properties` of 7.2.22, 10.0.13 and 11.1.3), other than vfio's
/// and those that a build may leave out.
enum ReleasedTypes {
  private static let since10: Set<String> = [
    "cxl-switch-mailbox-cci", "emmc", "hv-balloon", "i2c-echo", "igb", "igbvf", "ivshmem-flat", "sd-card-spi", "uefi-vars-sysbus",
    "uefi-vars-x64", "ufs", "ufs-lu", "vhost-user-snd", "vhost-user-snd-pci", "vhost-vdpa-device-pci", "virtio-multitouch-pci",
    "virtio-sound-pci", "vmclock",
  ]
  private static let since11: Set<String> = [
    "cxl-fmw", "iommu-testdev", "nitro-heartbeat", "nitro-serial-vsock", "nitro-vsock-bridge", "sp-mem", "vhost-user-rtc",
    "vhost-user-spi-pci",
  ]
  private static let until10: Set<String> = ["pvrdma", "sga"]

  private static let alsoTransitional: Set<String> = [
    "vhost-scsi-pci", "vhost-user-blk-pci", "vhost-user-scsi-pci", "vhost-vdpa-device-pci",
  ]

  /// Whether the name is that of a generation of virtio, of a device that has no types of one generation.
  private static func isOfNoGeneration(_ driver: String) -> Bool {
    let base = DeviceNeeds.base(driver)
    guard base != driver, PCIDrivers.hasVirtioBus(driver), !DeviceProperties.transitional.contains(base), !alsoTransitional.contains(base)
    else { return false }
    return driver != "vhost-vsock-pci-non-transitional" && driver != "vhost-user-vsock-pci-non-transitional"
  }

  /// The refusal of a type that the QEMU does not have; nil for a release that was not recorded.
  static func refusal(of driver: String, in qemu: QEMUProfile) -> RealizeFailure? {
    guard let release = qemu.modelledRelease else { return nil }
    let isTooNew = since10.contains(DeviceNeeds.base(driver)) && release < QEMURelease(10, 0)
      || since11.contains(driver) && release < QEMURelease(11, 0)
    guard isTooNew || until10.contains(driver) && release >= QEMURelease(10, 0) || isOfNoGeneration(driver) else { return nil }
    return RealizeFailure(.badOption, property: "driver", "'\(driver)' is not a valid device model name")
  }
}

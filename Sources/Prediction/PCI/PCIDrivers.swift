/// QEMU's device types by whether they are on a PCI bus: enough to model slots, and to know where that is uncertain.
enum PCIDrivers {
  /// Whether the type is known to be a PCI device.
  static func isPCI(_ driver: String) -> Bool {
    driver.hasSuffix("-pci") || driver.hasSuffix("-pci-non-transitional")
      || driver.hasSuffix("-pci-transitional") || driver.hasPrefix("e1000") || known.contains(driver)
  }

  /// Whether the type is known not to have a PCI slot.
  static func isElsewhere(_ driver: String) -> Bool {
    driver.hasPrefix("usb-") || driver.hasPrefix("ide-") || driver.hasPrefix("scsi-")
      || driver.hasPrefix("isa-") || driver.hasPrefix("hda-") || driver.hasPrefix("tpm-")
      || driver.hasSuffix("-cpu") || driver.hasSuffix("-device") || elsewhere.contains(driver)
  }

  /// Whether the type has a PCI bus behind it.
  static func isBridge(_ driver: String) -> Bool { bridges.contains(driver) }

  private static let bridges: Set<String> = [
    "pcie-root-port", "ioh3420", "x3130-upstream", "xio3130-downstream", "pxb-pcie", "pxb-cxl", "pxb",
    "pcie-pci-bridge", "pci-bridge", "i82801b11-bridge", "cxl-rp", "cxl-upstream", "cxl-downstream",
  ]

  private static let known: Set<String> = [
    "vfio-pci-nohotplug", "pcie-root-port", "ioh3420", "x3130-upstream", "xio3130-downstream",
    "pxb-pcie", "pxb-cxl", "pxb", "pcie-pci-bridge", "pci-bridge", "i82801b11-bridge", "cxl-rp",
    "cxl-upstream", "cxl-downstream", "nvme", "qemu-xhci", "nec-usb-xhci", "ich9-usb-ehci1",
    "ich9-usb-uhci1", "ich9-usb-uhci2", "ich9-usb-uhci3", "piix3-usb-uhci", "usb-ehci", "pci-ohci",
    "ich9-ahci", "ahci", "lsi53c895a", "megasas", "mptsas1068", "ich9-intel-hda", "intel-hda", "AC97",
    "ES1370", "VGA", "qxl", "qxl-vga", "virtio-vga", "virtio-vga-gl", "virtio-gpu-gl-pci",
    "bochs-display", "cirrus-vga", "vmware-svga", "secondary-vga", "igb", "igbvf", "rtl8139", "pcnet",
    "vmxnet3", "i6300esb", "edu", "ivshmem-plain", "ivshmem-doorbell", "pvpanic-pci", "sdhci-pci",
  ]

  private static let elsewhere: Set<String> = [
    "intel-iommu", "arm-smmuv3", "virtserialport", "virtconsole", "pc-dimm", "nvdimm",
    "vmcoreinfo", "pvpanic", "vmgenid", "vfio-ap", "vfio-ccw", "kvmclock", "sga", "loader",
    "guest-loader", "generic-sdhci", "smbus-eeprom", "floppy", "ib700", "hyperv-testdev", "vmbus-bridge",
  ]
}

/// The device types that QEMU's machine `virt` takes.
enum ArmDrivers {
  static func isKnown(_ driver: String) -> Bool { ofVirt.contains(driver) }

  /// `-device help` of QEMU 11.1.3 for Arm, with those of its modules, without chips for buses that `virt` does not have and
  /// `virtio-iommu-device`, which no bus there takes.
  private static let ofVirt: Set<String> = [
    "AC97", "ES1370", "VGA", "acpi-erst", "am53c974", "arm-smmuv3", "ati-vga", "bochs-display", "ccid-card-emulated",
    "ccid-card-passthru", "cirrus-vga", "ctucan_pci", "cxl-downstream", "cxl-rp", "cxl-switch-mailbox-cci", "cxl-type3",
    "cxl-upstream", "dc390", "e1000", "e1000-82544gc", "e1000-82545em", "e1000e", "edu", "emmc", "guest-loader", "hda-duplex",
    "hda-micro", "hda-output", "i2c-ddc", "i2c-echo", "i6300esb", "i82550", "i82551", "i82557a", "i82557b", "i82557c",
    "i82558a", "i82558b", "i82559a", "i82559b", "i82559c", "i82559er", "i82562", "i82801", "i82801b11-bridge", "ich9-ahci",
    "ich9-intel-hda", "ich9-usb-ehci1", "ich9-usb-ehci2", "ich9-usb-uhci1", "ich9-usb-uhci2", "ich9-usb-uhci3",
    "ich9-usb-uhci4", "ich9-usb-uhci5", "ich9-usb-uhci6", "ide-cd", "ide-cf", "ide-hd", "igb", "intel-hda", "ioh3420",
    "iommu-testdev", "ipoctal232", "ivshmem-doorbell", "ivshmem-plain", "kvaser_pci", "loader", "lsi53c810", "lsi53c895a",
    "megasas", "megasas-gen2", "mioe3680_pci", "mptsas1068", "ne2k_pci", "nec-usb-xhci", "nvdimm", "nvme", "nvme-ns",
    "nvme-subsys", "pc-dimm", "pci-bridge", "pci-bridge-seat", "pci-ohci", "pci-serial", "pci-serial-2x", "pci-serial-4x",
    "pci-testdev", "pcie-pci-bridge", "pcie-root-port", "pcm3680_pci", "pcnet", "piix3-usb-uhci", "piix4-usb-uhci",
    "pvpanic-pci", "pvscsi", "pxb", "pxb-cxl", "pxb-pcie", "qemu-xhci", "qxl", "qxl-vga", "ramfb", "rocker", "rtl8139",
    "scsi-block", "scsi-cd", "scsi-generic", "scsi-hd", "sd-card", "sd-card-spi", "sdhci-pci", "secondary-vga", "tpci200",
    "tpm-tis-device", "tulip", "u2f-passthru", "uefi-vars-sysbus", "uefi-vars-x64", "ufs", "ufs-lu", "usb-audio", "usb-bot",
    "usb-braille", "usb-ccid", "usb-ehci", "usb-host", "usb-hub", "usb-kbd", "usb-mouse", "usb-mtp", "usb-net", "usb-redir",
    "usb-serial", "usb-storage", "usb-tablet", "usb-uas", "usb-wacom-tablet", "vhost-scsi", "vhost-scsi-pci",
    "vhost-scsi-pci-non-transitional", "vhost-scsi-pci-transitional", "vhost-user-blk", "vhost-user-blk-pci",
    "vhost-user-blk-pci-non-transitional", "vhost-user-blk-pci-transitional", "vhost-user-fs-device", "vhost-user-fs-pci",
    "vhost-user-gpio-device", "vhost-user-gpio-pci", "vhost-user-gpu", "vhost-user-gpu-pci", "vhost-user-i2c-device",
    "vhost-user-i2c-pci", "vhost-user-input", "vhost-user-input-pci", "vhost-user-rng", "vhost-user-rng-pci", "vhost-user-rtc",
    "vhost-user-rtc-pci", "vhost-user-scmi", "vhost-user-scmi-pci", "vhost-user-scsi", "vhost-user-scsi-pci",
    "vhost-user-scsi-pci-non-transitional", "vhost-user-scsi-pci-transitional", "vhost-user-snd", "vhost-user-snd-pci",
    "vhost-user-spi-device", "vhost-user-spi-pci", "vhost-user-test-device", "vhost-user-test-device-pci",
    "vhost-user-vsock-device", "vhost-user-vsock-pci", "vhost-user-vsock-pci-non-transitional", "vhost-vdpa-device",
    "vhost-vdpa-device-pci", "vhost-vdpa-device-pci-non-transitional", "vhost-vdpa-device-pci-transitional",
    "vhost-vsock-device", "vhost-vsock-pci", "vhost-vsock-pci-non-transitional", "virtconsole", "virtio-9p-device",
    "virtio-9p-pci", "virtio-9p-pci-non-transitional", "virtio-9p-pci-transitional", "virtio-balloon-device",
    "virtio-balloon-pci", "virtio-balloon-pci-non-transitional", "virtio-balloon-pci-transitional", "virtio-blk-device",
    "virtio-blk-pci", "virtio-blk-pci-non-transitional", "virtio-blk-pci-transitional", "virtio-crypto-device",
    "virtio-crypto-pci", "virtio-gpu-device", "virtio-gpu-gl-device", "virtio-gpu-gl-pci", "virtio-gpu-pci",
    "virtio-gpu-rutabaga-device", "virtio-gpu-rutabaga-pci", "virtio-input-host-device", "virtio-input-host-pci",
    "virtio-iommu-pci", "virtio-keyboard-device", "virtio-keyboard-pci", "virtio-mem", "virtio-mem-pci", "virtio-mouse-device",
    "virtio-mouse-pci", "virtio-multitouch-device", "virtio-multitouch-pci", "virtio-net-device", "virtio-net-pci",
    "virtio-net-pci-non-transitional", "virtio-net-pci-transitional", "virtio-rng-device", "virtio-rng-pci",
    "virtio-rng-pci-non-transitional", "virtio-rng-pci-transitional", "virtio-rtc-device", "virtio-rtc-pci",
    "virtio-scsi-device", "virtio-scsi-pci", "virtio-scsi-pci-non-transitional", "virtio-scsi-pci-transitional",
    "virtio-serial-device", "virtio-serial-pci", "virtio-serial-pci-non-transitional", "virtio-serial-pci-transitional",
    "virtio-sound-device", "virtio-sound-pci", "virtio-tablet-device", "virtio-tablet-pci", "virtserialport", "vmcoreinfo",
    "vmxnet3", "x3130-upstream", "xio3130-downstream",
  ]
}

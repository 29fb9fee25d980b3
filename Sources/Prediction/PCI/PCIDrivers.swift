/// QEMU's device types by whether they are on a PCI bus: `qom-list-types` of 11.1.3 for x86, and the types of its modules.
enum PCIDrivers {
  /// Whether the type is known to be a PCI device.
  static func isPCI(_ driver: String) -> Bool {
    driver.hasSuffix("-pci") || driver.hasSuffix("-pci-non-transitional")
      || driver.hasSuffix("-pci-transitional") || driver.hasPrefix("e1000") || isBridge(driver) || known.contains(driver)
  }

  /// Whether the type is known not to have a PCI slot.
  static func isElsewhere(_ driver: String) -> Bool {
    driver.hasPrefix("usb-") || driver.hasPrefix("ide-") || driver.hasPrefix("scsi-")
      || driver.hasPrefix("isa-") || driver.hasPrefix("hda-") || driver.hasPrefix("tpm-")
      || driver.hasSuffix("-cpu") || driver.hasSuffix("-device") || elsewhere.contains(driver)
  }

  /// Whether it is a PCI function with a virtio device behind it, on a bus of its own.
  static func hasVirtioBus(_ driver: String) -> Bool {
    (driver.hasPrefix("virtio-") || driver.hasPrefix("vhost-")) && isPCI(driver)
  }

  /// Whether the type has a PCI bus behind it, or is a root complex.
  static func isBridge(_ driver: String) -> Bool { bridges.contains(driver) || isExpander(driver) }

  /// Whether it is a root complex of its own, which QEMU does not count as a bridge (QEMU hw/pci-bridge/pci_expander_bridge.c).
  static func isExpander(_ driver: String) -> Bool { ["pxb", "pxb-pcie", "pxb-cxl"].contains(driver) }

  /// Whether the type is a network card, or may be one.
  static func mayBeNetworkCard(_ driver: String) -> Bool {
    ["e1000", "i825", "igb", "vhost-vdpa", "virtio-net-pci"].contains(where: driver.hasPrefix) || otherCards.contains(driver)
  }

  private static let otherCards: Set<String> = ["i82801", "ne2k_pci", "pcnet", "pvrdma", "rtl8139", "tulip", "vmxnet3"]

  /// Whether the type derives from QEMU's PCI bridge.
  static func isPCIBridge(_ driver: String) -> Bool { bridges.contains(driver) }

  /// Whether it is a bridge to a conventional bus.
  static func isConventionalBridge(_ driver: String) -> Bool {
    ["pcie-pci-bridge", "pci-bridge", "pci-bridge-seat", "i82801b11-bridge"].contains(driver)
  }

  private static let bridges: Set<String> = [
    "pcie-root-port", "ioh3420", "x3130-upstream", "xio3130-downstream", "pcie-pci-bridge", "pci-bridge",
    "pci-bridge-seat", "i82801b11-bridge", "cxl-rp", "cxl-upstream", "cxl-downstream",
  ]

  private static let known: Set<String> = [
    "AC97", "AMDVI-PCI", "ES1370", "ICH9-LPC", "ICH9-SMB", "PIIX3", "PIIX4_PM", "VGA", "acpi-erst", "am53c974",
    "ati-vga", "bochs-display", "cirrus-vga", "ctucan_pci", "cxl-switch-mailbox-cci", "cxl-type3", "dc390", "edu",
    "gpex-root", "i440FX", "i6300esb", "i82550", "i82551", "i82557a", "i82557b", "i82557c", "i82558a", "i82558b",
    "i82559a", "i82559b", "i82559c", "i82559er", "i82562", "i82801", "ich9-ahci", "ich9-intel-hda", "ich9-usb-ehci1",
    "ich9-usb-ehci2", "ich9-usb-uhci1", "ich9-usb-uhci2", "ich9-usb-uhci3", "ich9-usb-uhci4", "ich9-usb-uhci5",
    "ich9-usb-uhci6", "igb", "igbvf", "intel-hda", "iommu-testdev", "ivshmem-doorbell", "ivshmem-plain",
    "kvaser_pci", "lsi53c810", "lsi53c895a", "mch", "megasas", "megasas-gen2", "mioe3680_pci", "mptsas1068",
    "ne2k_pci", "nec-usb-xhci", "nvme", "pci-ipmi-bt", "pci-ipmi-kcs", "pci-ohci", "pci-serial", "pci-serial-2x",
    "pci-serial-4x", "pci-testdev", "pcm3680_pci", "pcnet", "piix3-ide", "piix3-usb-uhci", "piix4-ide", "piix4-isa",
    "piix4-usb-uhci", "pvrdma", "pvscsi", "qemu-xhci", "qxl", "qxl-vga", "rocker", "rtl8139", "secondary-vga",
    "tpci200", "tulip", "ufs", "usb-ehci", "vfio-pci-igd-lpc-bridge", "vfio-pci-nohotplug", "vhost-user-vga",
    "virtio-vga", "virtio-vga-gl", "virtio-vga-rutabaga", "vmware-svga", "vmxnet3", "x-pci-proxy-dev",
    "xen-platform",
  ]

  private static let elsewhere: Set<String> = [
    "arm-smmuv3", "sga", "vfio-ap", "vfio-ccw",
    "acpi-ged", "adlib", "amd-iommu", "apic", "base-xhci", "ccid-card-emulated", "ccid-card-passthru",
    "cfi.pflash01", "cs4231a", "cxl-fmw", "emmc", "esp", "floppy", "fsl-esdhc-be", "fsl-esdhc-le", "fw_cfg_io",
    "fw_cfg_mem", "generic-sdhci", "gpex-pcihost", "gpio_i2c", "guest-loader", "gus", "hpet", "hv-balloon",
    "hv-syndbg", "hyperv-synic", "hyperv-testdev", "i2c-ddc", "i2c-echo", "i440FX-pcihost", "i8042", "i8042-mmio",
    "i8257", "ib700", "imx-usdhc", "intel-iommu", "ioapic", "ipmi-bmc-extern", "ipmi-bmc-sim", "ipoctal232",
    "isabus-bridge", "ivshmem-flat", "kvm-apic", "kvm-i8259", "kvm-ioapic", "kvm-pit", "kvmclock", "kvmvapic",
    "loader", "mc146818rtc", "migration", "ne2k_isa", "nitro-heartbeat", "nitro-serial-vsock", "nitro-vsock-bridge",
    "nvdimm", "nvme-ns", "nvme-subsys", "pc-dimm", "pc-testdev", "port92", "ps2-kbd", "ps2-mouse", "pvpanic",
    "pxb-cxl-host", "pxb-host", "q35-pcihost", "ramfb", "remote-pcihost", "s3c-sdhci", "sb16", "sd-card",
    "sd-card-spi", "serial", "sgx-epc", "smbus-eeprom", "smbus-ipmi", "sp-mem", "sysbus-esp", "sysbus-xhci",
    "u2f-passthru", "uefi-vars-sysbus", "uefi-vars-x64", "ufs-lu", "vhost-scsi", "vhost-user-blk", "vhost-user-gpu",
    "vhost-user-input", "vhost-user-rng", "vhost-user-rtc", "vhost-user-scsi", "vhost-user-snd", "virtconsole",
    "virtio-mem", "virtio-mmio", "virtio-pmem", "virtserialport", "vmbus-bridge", "vmclock", "vmcoreinfo", "vmgenid",
    "vmmouse", "vmport", "xen-backend", "xen-bridge", "xen-cdrom", "xen-console", "xen-disk", "xen-evtchn",
    "xen-gnttab", "xen-overlay", "xen-primary-console", "xen-sysdev", "xen-xenstore",
  ]

  /// The type and the types that it derives from, as far as a `-global` names them (`qom-list-types` of 11.1.3).
  static func classes(of driver: String) -> [String] {
    var classes = [driver]
    while let parent = parents[classes[classes.count - 1]] { classes.append(parent) }
    if classes.last != "device", isPCI(driver) {
      if hasVirtioBus(driver) { classes += virtioBases(of: driver) + ["virtio-pci"] }
      classes += interfaces(of: driver) + ["pci-device", "device"]
    }
    return classes
  }

  /// The abstract types between a device and `virtio-pci` (`qom-list-types` of 7.2.22 and 11.1.3).
  private static func virtioBases(of driver: String) -> [String] {
    let variant = ["-non-transitional", "-transitional"].first(where: driver.hasSuffix) ?? ""
    let name = driver.dropLast(variant.count)
    let others: [String]
    switch name {
    case "virtio-keyboard-pci", "virtio-mouse-pci", "virtio-multitouch-pci", "virtio-tablet-pci":
      others = ["virtio-input-hid-pci", "virtio-input-pci"]
    case "virtio-input-host-pci", "vhost-user-input-pci": others = ["virtio-input-pci"]
    case _ where name.hasPrefix("virtio-gpu") || name == "vhost-user-gpu-pci": others = ["virtio-gpu-pci-base"]
    case _ where name.hasPrefix("virtio-vga") || name == "vhost-user-vga": others = ["virtio-vga-base"]
    case "virtio-mem-pci", "virtio-pmem-pci": return [name + "-base", "virtio-md-pci"]
    case "virtio-crypto-pci", "virtio-iommu-pci", "virtio-sound-pci": others = []
    default: return [name + "-base"]
    }
    return [name + "-base-type"] + others
  }

  /// The kinds of PCI device that a type may be, which `-global` may name too (`qom-list-types implements=` of 11.1.3).
  private static func interfaces(of driver: String) -> [String] {
    let isExpressBridge = bridges.contains(driver) && (!isConventionalBridge(driver) || driver == "pcie-pci-bridge")
    if isExpressBridge || onlyExpress.contains(driver) { return ["pci-express-device"] }
    let isVirtio = hasVirtioBus(driver) && !driver.hasSuffix("-pci-transitional")
    return (isVirtio || both.contains(driver) ? ["pci-express-device"] : []) + ["conventional-pci-device"]
  }

  private static let onlyExpress: Set<String> = [
    "cxl-switch-mailbox-cci", "cxl-type3", "e1000e", "igb", "igbvf", "megasas-gen2", "nvme", "ufs",
  ]
  private static let both: Set<String> = ["bochs-display", "nec-usb-xhci", "pvscsi", "qemu-xhci", "vfio-user-pci", "vmxnet3"]

  /// Whether a type is another or derives from it.
  static func derives(_ driver: String, from base: String) -> Bool {
    if driver == base { return true }
    return (bases.contains(base) || base.hasPrefix("virtio-") || base.hasPrefix("vhost-")) && classes(of: driver).contains(base)
  }

  /// The types that others derive from; most names that a `-global` has are none.
  private static let bases = Set(parents.values).union(["virtio-pci", "conventional-pci-device", "pci-express-device"])

  /// Whether it is a type that ports and bridges derive from.
  static func isBaseOfBridges(_ driver: String) -> Bool {
    driver.hasPrefix("pcie-") && bases.contains(driver) || driver == "base-pci-bridge"
  }

  private static let parents = [
    "pcie-root-port": "pcie-root-port-base", "ioh3420": "pcie-root-port-base", "cxl-rp": "pcie-root-port-base",
    "pcie-root-port-base": "pcie-slot", "xio3130-downstream": "pcie-slot", "cxl-downstream": "pcie-slot",
    "pcie-slot": "pcie-port", "x3130-upstream": "pcie-port", "cxl-upstream": "pcie-port", "pcie-port": "base-pci-bridge",
    "pci-bridge-seat": "pci-bridge", "pci-bridge": "base-pci-bridge", "pcie-pci-bridge": "base-pci-bridge",
    "i82801b11-bridge": "base-pci-bridge", "base-pci-bridge": "pci-device", "pxb-cxl": "pxb-pcie", "pxb-pcie": "pxb",
    "pxb": "pci-device", "pci-device": "device", "intel-iommu": "x86-iommu", "amd-iommu": "x86-iommu",
    "x86-iommu": "sys-bus-device", "arm-smmuv3": "arm-smmu", "arm-smmu": "sys-bus-device", "sys-bus-device": "device",
    "e1000": "e1000-base", "e1000-82544gc": "e1000-base", "e1000-82545em": "e1000-base", "dc390": "am53c974", "lsi53c810": "lsi53c895a",
    "intel-hda": "intel-hda-generic", "ich9-intel-hda": "intel-hda-generic", "ivshmem-plain": "ivshmem-common",
    "ivshmem-doorbell": "ivshmem-common", "megasas": "megasas-base", "megasas-gen2": "megasas-base", "qxl": "pci-qxl", "qxl-vga": "pci-qxl",
    "VGA": "pci-vga", "secondary-vga": "pci-vga", "nec-usb-xhci": "pci-xhci", "qemu-xhci": "pci-xhci", "usb-ehci": "pci-ehci-usb",
    "ich9-usb-ehci1": "pci-ehci-usb", "ich9-usb-ehci2": "pci-ehci-usb", "piix3-usb-uhci": "pci-uhci-usb", "piix4-usb-uhci": "pci-uhci-usb",
    "ich9-usb-uhci1": "pci-uhci-usb", "ich9-usb-uhci2": "pci-uhci-usb", "ich9-usb-uhci3": "pci-uhci-usb", "ich9-usb-uhci4": "pci-uhci-usb",
    "ich9-usb-uhci5": "pci-uhci-usb", "ich9-usb-uhci6": "pci-uhci-usb",
  ]

  /// QEMU's name of the bus type that a device needs; nil for a PCI device, and where it is not known.
  static func neededBus(_ driver: String) -> String? {
    if driver.hasPrefix("usb-"), driver != "usb-ehci" { return "usb-bus" }
    if driver.hasPrefix("hda-") { return "HDA" }
    switch driver {
    case "scsi-hd", "scsi-cd", "scsi-block", "scsi-generic": return "SCSI"
    case "ide-hd", "ide-cd", "ide-cf": return "IDE"
    case "virtserialport", "virtconsole": return "virtio-serial-bus"
    default: return nil
    }
  }

  /// The bus that a device needs of which only its user gives the name, and the types that offer one.
  static func bus(offeredTo driver: String) -> (type: String, by: Set<String>)? {
    switch driver {
    case "ccid-card-emulated", "ccid-card-passthru": ("ccid-bus", ["usb-ccid"])
    case "hv-balloon": ("vmbus", ["vmbus-bridge"])
    case "nvme-ns": ("nvme-bus", ["nvme", "nvme-subsys"])
    case "sd-card": ("sd-bus", ["sdhci-pci"])
    default: nil
    }
  }

  /// Whether the type is one of these lists.
  static func isKnown(_ driver: String) -> Bool { isPCI(driver) && !isOnlyNamedLikePCI(driver) || isElsewhere(driver) }

  /// Whether a type ends in `-pci` and is not of a kind that QEMU names so: a misspelt name may do that too.
  private static func isOnlyNamedLikePCI(_ driver: String) -> Bool {
    driver.hasSuffix("-pci") && !driver.hasPrefix("virtio-") && !driver.hasPrefix("vhost-")
      && !["vfio-pci", "vfio-user-pci", "pvpanic-pci", "sdhci-pci"].contains(driver)
  }

  /// The bus that a type offers to devices of other kinds: QEMU's name of the bus type, and the number of such buses.
  static func offeredBus(_ driver: String) -> (type: String, count: Int)? { offeredBuses[driver] }

  private static let offeredBuses: [String: (type: String, count: Int)] = {
    let types: [(type: String, count: Int, drivers: [String])] = [
      ("SCSI", 1, [
        "usb-bot", "usb-uas", "virtio-scsi-device", "virtio-scsi-pci", "virtio-scsi-pci-transitional",
        "virtio-scsi-pci-non-transitional", "lsi53c895a", "lsi53c810", "megasas", "megasas-gen2", "mptsas1068", "pvscsi",
        "am53c974", "dc390",
      ]),
      ("virtio-serial-bus", 1, [
        "virtio-serial-device", "virtio-serial-pci", "virtio-serial-pci-transitional", "virtio-serial-pci-non-transitional",
      ]),
      ("usb-bus", 1, [
        "qemu-xhci", "nec-usb-xhci", "usb-ehci", "ich9-usb-ehci1", "ich9-usb-ehci2", "piix3-usb-uhci", "piix4-usb-uhci",
        "ich9-usb-uhci1", "ich9-usb-uhci2", "ich9-usb-uhci3", "ich9-usb-uhci4", "ich9-usb-uhci5", "ich9-usb-uhci6", "pci-ohci",
      ]),
      ("IDE", 6, ["ich9-ahci"]), ("IDE", 2, ["piix3-ide", "piix4-ide"]), ("HDA", 1, ["intel-hda", "ich9-intel-hda"]),
    ]
    return Dictionary(uniqueKeysWithValues: types.flatMap { one in one.drivers.map { ($0, (one.type, one.count)) } })
  }()
}

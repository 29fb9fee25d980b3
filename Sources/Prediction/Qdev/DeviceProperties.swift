import Facts

/// Properties of the devices other than vfio's whose options are checked: bridges, root complexes and IOMMUs
/// (`device-list-properties` of 11.1.3, 10.0.13 and 7.2.22), and what the PCI core gives to every PCI device.
enum DeviceProperties {
  /// The type of a property.
  enum Lookup: Equatable {
    case kind(PropertyKind)
    /// The device has no such property.
    case absent
    /// The device's own properties are not known.
    case unknown
  }

  /// The type of a property of a driver.
  static func lookup(_ name: String, of driver: String, in qemu: QEMUProfile) -> Lookup {
    if let release = qemu.release.display, let change = DevicePropertyChange.of(name, driver), !change.exists(in: release) {
      return qemu.modelledRelease == nil ? .unknown : .absent
    }
    let own = own(driver)
    // Observed on 7.2.22.
    if name == "x-speed", own?[name] != nil, qemu.isBefore(8, 0) { return .kind(.choice(["2_5", "5", "8", "16"])) }
    if let kind = own?[name] { return .kind(kind) }
    if PCIDrivers.isPCI(driver), let kind = common[name] {
      return .kind(VFIOProperties.property(name, of: "vfio-pci")?.kind(in: qemu) ?? kind)
    }
    if name == "bootindex", own == nil {
      return bootable.contains(driver) || !PCIDrivers.isKnown(driver) || qemu.modelledRelease == nil ? .kind(.signed32) : .absent
    }
    if name != "realized", ofEveryDevice.contains(name) { return .kind(.readOnly) }
    if PCIDrivers.hasVirtioBus(driver), let kind = virtio[name] { return .kind(kind) }
    if let inner = innerLookup(name, of: driver, in: qemu) { return inner }
    if name == "disable-legacy" || name == "disable-modern", PCIDrivers.hasVirtioBus(driver) {
      if ofModules.contains(where: driver.contains) { return .unknown }
      if driver != DeviceNeeds.base(driver) || modern.contains(driver) { return qemu.modelledRelease == nil ? .unknown : .absent }
      return .kind(name == "disable-legacy" ? .onOffAuto : .bool)
    }
    // It decides about slots.
    if driver == "nvme", name == "sriov_max_vfs" { return .kind(.unsigned(bits: 16)) }
    if let kind = memoryModules[driver]?[name] { return .kind(kind) }
    let isModule = driver == "pc-dimm" || driver == "nvdimm"
    let isModelled = own != nil || isModule
    if name == "realized" { return isModelled ? .kind(.realized) : .unknown }
    guard let release = qemu.modelledRelease else { return .unknown }
    return isModelled ? .absent : RecordedProperties.lookup(name, of: driver, in: release)
  }

  /// Types with `bootindex` (`device-list-properties` of each type of 11.1.3; of those that 10.0.13 and 7.2.22 have, the same
  /// ones; QEMU hw/s390x/s390-ccw.c: s390_ccw_instance_init).
  private static let bootable: Set<String> = {
    let generations = ["vhost-scsi", "vhost-user-blk", "vhost-user-scsi", "vhost-vdpa-device", "virtio-blk", "virtio-net"].flatMap {
      ["\($0)-pci", "\($0)-pci-transitional", "\($0)-pci-non-transitional"]
    }
    let cards = [
      "e1000", "e1000-82544gc", "e1000-82545em", "e1000e", "i82550", "i82551", "i82557a", "i82557b", "i82557c", "i82558a", "i82558b",
      "i82559a", "i82559b", "i82559c", "i82559er", "i82562", "i82801", "igb", "ne2k_isa", "ne2k_pci", "pcnet", "rtl8139", "tulip",
      "usb-net", "vmxnet3", "virtio-net-device",
    ]
    let disks = [
      "ide-cd", "ide-cf", "ide-hd", "nvme", "nvme-ns", "scsi-block", "scsi-cd", "scsi-generic", "scsi-hd", "usb-storage",
      "vhost-scsi", "vhost-user-blk", "vhost-user-fs-device", "vhost-user-fs-pci", "vhost-user-scsi", "vhost-vdpa-device",
      "virtio-blk-device",
    ]
    return Set(generations + cards + disks + ["usb-host", "usb-redir", "vfio-pci", "vfio-pci-nohotplug", "vfio-user-pci", "vfio-ccw"])
  }()

  private static let ofEveryDevice: Set<String> = ["type", "hotplugged", "hotpluggable", "parent_bus", "realized"]

  /// Whether every PCI device has the property.
  static func isOfPCICore(_ name: String, in qemu: QEMUProfile) -> Bool {
    if ofEveryDevice.contains(name) { return true }
    return lookup(name, of: "pcie-pci-bridge", in: qemu) != .absent && common[name] != nil
  }

  /// The properties of the PCI core (QEMU hw/pci/pci.c: pci_props).
  private static let common: [String: PropertyKind] = [
    "acpi-index": .unsigned(bits: 32), "addr": .slot, "busnr": .readOnly, "failover_pair_id": .text, "multifunction": .bool,
    "rombar": .signed32, "romfile": .text, "romsize": .unsigned(bits: 32), "sriov-pf": .text,
    "x-max-bounce-buffer-size": .size(maximum: 0xffff_ffff), "x-pcie-ari-nextfn-1": .bool, "x-pcie-err-unc-mask": .bool,
    "x-pcie-ext-tag": .bool, "x-pcie-extcap-init": .bool, "x-pcie-lnksta-dllla": .bool,
  ]

  /// The properties that decide about the places of memory devices; all of a module's own.
  private static let memoryModules: [String: [String: PropertyKind]] = {
    let module: [String: PropertyKind] = [
      "addr": .unsigned(bits: 64), "memdev": .link, "node": .unsigned(bits: 32), "size": .readOnly, "slot": .signed32,
    ]
    let block: [String: PropertyKind] = [
      "block-size": .size(maximum: nil), "memaddr": .unsigned(bits: 64), "node": .unsigned(bits: 32), "prealloc": .bool,
      "requested-size": .size(maximum: nil), "unplugged-inaccessible": .onOffAuto,
    ]
    return [
      "pc-dimm": module, "nvdimm": module.merging(["label-size": .size(maximum: nil), "unarmed": .bool, "uuid": .text]) { a, _ in a },
      "virtio-mem-pci": block, "virtio-pmem-pci": ["memaddr": .unsigned(bits: 64)],
    ]
  }()

  private static let writeable: [String: PropertyKind] = ["x-pci-express-writeable-slt-bug": .bool]
  private static let upstream: [String: PropertyKind] = [
    "aer_log_max": .unsigned(bits: 16), "port": .unsigned(bits: 8),
  ].merging(writeable) { a, _ in a }
  private static let port: [String: PropertyKind] = [
    "chassis": .unsigned(bits: 8), "hotplug": .bool, "power_controller_present": .bool, "slot": .unsigned(bits: 16),
    "x-do-not-expose-native-hotplug-cap": .bool, "x-native-hotplug": .bool,
  ].merging(upstream) { a, _ in a }
  private static let reserve: [String: PropertyKind] = [
    "bus-reserve": .unsigned(bits: 32), "io-reserve": .size(maximum: nil), "mem-reserve": .size(maximum: nil),
    "pref32-reserve": .size(maximum: nil), "pref64-reserve": .size(maximum: nil),
  ]
  private static let link: [String: PropertyKind] = [
    "x-speed": .choice(["2_5", "5", "8", "16", "32", "64"]), "x-width": .choice(["1", "2", "4", "8", "12", "16", "32"]),
  ]
  private static let acsPort = port.merging(["disable-acs": .bool]) { a, _ in a }
  private static let rootPort = acsPort.merging(reserve) { a, _ in a }.merging(link) { a, _ in a }
    .merging(["x-migrate-msix": .bool]) { a, _ in a }
  private static let bridge: [String: PropertyKind] = [
    "chassis_nr": .unsigned(bits: 8), "msi": .onOffAuto, "shpc": .bool,
  ].merging(reserve) { a, _ in a }.merging(writeable) { a, _ in a }
  private static let expander: [String: PropertyKind] = [
    "bus_nr": .unsigned(bits: 8), "bypass_iommu": .bool, "numa_node": .unsigned(bits: 16),
  ]
  private static let memoryExpander = expander.merging(["hdm_for_passthrough": .bool]) { a, _ in a }
  private static let expressBridge = writeable.merging(["msi": .onOffAuto]) { a, _ in a }
  private static let intelIOMMU: [String: PropertyKind] = [
    "aw-bits": .unsigned(bits: 8), "caching-mode": .bool, "device-iotlb": .bool, "dma-translation": .bool,
    "eim": .onOffAuto, "fs1gp": .bool, "fsts": .bool, "intremap": .onOffAuto, "pasid-bits": .unsigned(bits: 8),
    "scalable-mode": .bool, "snoop-control": .bool, "stale-tm": .bool, "svm": .bool, "version": .unsigned(bits: 32),
    "pt": .bool, "dma-drain": .bool, "x-buggy-eim": .bool, "x-flts": .bool, "x-pasid-mode": .bool, "x-scalable-mode": .bool,
  ]
  private static let amdIOMMU: [String: PropertyKind] = [
    "device-iotlb": .bool, "dma-remap": .bool, "dma-translation": .bool, "intremap": .onOffAuto, "pci-id": .text,
    "xtsup": .bool, "pt": .bool,
  ]
  /// QEMU hw/arm/smmuv3.c: smmuv3_properties; hw/core/qdev-properties-system.c: OasMode and SsidSizeMode.
  private static let smmuv3: [String: PropertyKind] = [
    "accel": .bool, "ats": .onOffAuto, "bus_num": .unsigned(bits: 8), "cmdqv": .onOffAuto, "identifier": .unsigned(bits: 8),
    "memory": .text, "msi-gpa": .unsigned(bits: 64), "oas": .choice(["auto", "32", "36", "40", "42", "44", "48", "52", "56"]),
    "primary-bus": .text, "ril": .onOffAuto, "secure-memory": .text, "smmu_per_bus": .bool,
    "ssidsize": .choice(["auto"] + (0...20).map { "\($0)" }), "stage": .text,
  ]

  /// Virtio devices that can be of the old generation.
  static let transitional: Set<String> = [
    "virtio-9p-pci", "virtio-balloon-pci", "virtio-blk-pci", "virtio-net-pci", "virtio-rng-pci", "virtio-scsi-pci", "virtio-serial-pci",
  ]

  /// Virtio devices that QEMU makes of the new generation alone, without a choice.
  private static let modern: Set<String> = [
    "vhost-user-fs-pci", "vhost-user-gpio-pci", "vhost-user-i2c-pci", "vhost-user-rng-pci", "vhost-user-rtc-pci", "vhost-user-snd-pci",
    "vhost-user-spi-pci", "vhost-user-test-device-pci", "virtio-rtc-pci",
  ]
  /// Parts of names of types that were not recorded.
  private static let ofModules = ["-gl", "rutabaga"]

  /// The properties that a virtio device has itself, and its function on PCI passes on.
  private static let ofInner: Set<String> = [
    "any_layout", "event_idx", "in_order", "indirect_desc", "iommu_platform", "notify_on_empty", "packed", "queue_reset",
    "use-disabled-flag", "use-started", "x-disable-legacy-check",
  ]

  /// The type of a property of the device in one of virtio on PCI, as far as it is one that all have, or that the function has.
  private static func innerLookup(_ name: String, of driver: String, in qemu: QEMUProfile) -> Lookup? {
    guard driver.hasPrefix("virtio-"), driver.hasSuffix("-device") else { return nil }
    if ofInner.contains(name) { return lookup(name, of: "virtio-iommu-pci", in: qemu) }
    let isOfFunction = virtio[name] != nil || common[name] != nil || name == "disable-legacy" || name == "disable-modern"
    return isOfFunction && qemu.modelledRelease != nil ? .absent : nil
  }

  /// The properties of every virtio device on PCI.
  private static let virtio: [String: PropertyKind] = {
    let flags = [
      "aer", "any_layout", "ats", "event_idx", "in_order", "indirect_desc", "iommu_platform",
      "migrate-extra", "modern-pio-notify", "notify_on_empty", "packed", "page-per-vq", "queue_reset", "use-disabled-flag",
      "use-started", "virtio-pci-bus-master-bug-migration", "x-ats-page-aligned", "x-disable-legacy-check", "x-disable-pcie",
      "x-ignore-backend-features", "x-pcie-deverr-init", "x-pcie-flr-init", "x-pcie-lnkctl-init", "x-pcie-pm-init",
      "x-pcie-pm-no-soft-reset",
    ]
    return Dictionary(uniqueKeysWithValues: flags.map { ($0, .bool) } + [("virtio-backend", .readOnly)])
  }()

  private static let virtioIOMMU: [String: PropertyKind] = [
    "aw-bits": .unsigned(bits: 8), "boot-bypass": .bool, "class": .unsigned(bits: 32), "disable-legacy": .onOffAuto,
    "disable-modern": .bool, "granule": .choice(["4k", "8k", "16k", "64k", "host"]), "len-reserved-regions": .unsigned(bits: 32),
    "primary-bus": .text, "reserved-regions": .list,
  ].merging(virtio) { a, _ in a }

  /// The driver's own properties; nil for a driver that is not modelled.
  private static func own(_ driver: String) -> [String: PropertyKind]? {
    switch driver {
    case "pcie-root-port": return rootPort
    case "ioh3420": return acsPort
    case "xio3130-downstream": return port
    case "x3130-upstream": return upstream
    case "pcie-pci-bridge": return expressBridge
    case "pci-bridge", "pci-bridge-seat": return bridge
    case "i82801b11-bridge": return writeable
    case "pxb", "pxb-pcie": return expander
    case "pxb-cxl": return memoryExpander
    case "intel-iommu": return intelIOMMU
    case "amd-iommu": return amdIOMMU
    case "arm-smmuv3": return smmuv3
    case "virtio-iommu-pci": return virtioIOMMU
    default: return nil
    }
  }
}

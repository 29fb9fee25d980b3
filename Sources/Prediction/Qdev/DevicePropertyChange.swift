import Facts

/// A property of the devices of `DeviceProperties` that not all of QEMU 7.2, 10.0 and 11.1 have.
struct DevicePropertyChange {
  /// The first release that has it; nil where 7.2 has it.
  let since: QEMURelease?
  /// The first release without it; nil where 11.1 has it.
  let until: QEMURelease?

  /// Whether a release has it.
  func exists(in release: QEMURelease) -> Bool {
    since.map { $0 <= release } ?? true && until.map { release < $0 } ?? true
  }

  /// The change of a driver's property; nil for one that all releases have, or none.
  static func of(_ name: String, _ driver: String) -> DevicePropertyChange? {
    let own = owns[PCIDrivers.hasVirtioBus(driver) ? "virtio-iommu-pci" : driver] ?? (isPort(driver) ? ports : [:])
    if let change = own[name] { return change }
    guard PCIDrivers.isPCI(driver) else { return nil }
    if name == "x-pci-express-writeable-slt-bug" { return after72 }
    // Properties of the PCI core that vfio-pci has.
    guard core.contains(name), let property = VFIOProperties.property(name, of: "vfio-pci") else { return nil }
    return DevicePropertyChange(since: property.since, until: property.until)
  }

  private static let core: Set<String> = [
    "busnr", "sriov-pf", "x-max-bounce-buffer-size", "x-pcie-ari-nextfn-1", "x-pcie-err-unc-mask", "x-pcie-ext-tag",
    "x-pcie-extcap-init",
  ]

  // A release that is not known exactly: the first after one without it, the last that 11.1 follows.
  private static let after72 = DevicePropertyChange(since: QEMURelease(8, 0), until: nil)
  private static let after100 = DevicePropertyChange(since: QEMURelease(10, 1), until: nil)
  private static let before111 = DevicePropertyChange(since: nil, until: QEMURelease(11, 1))

  private static func isPort(_ driver: String) -> Bool { ["pcie-root-port", "ioh3420", "xio3130-downstream"].contains(driver) }

  private static let ports = [
    "x-do-not-expose-native-hotplug-cap": after72, "disable-acs": before111, "x-migrate-msix": before111,
    "x-native-hotplug": DevicePropertyChange(since: nil, until: QEMURelease(10, 0)),
  ]

  private static let owns = [
    "intel-iommu": [
      "stale-tm": after72, "fs1gp": after72, "scalable-mode": after100, "fsts": after100, "pasid-bits": after100,
      "svm": after100, "pt": before111, "dma-drain": before111, "x-buggy-eim": before111, "x-pasid-mode": before111,
      "x-scalable-mode": before111, "x-flts": DevicePropertyChange(since: QEMURelease(8, 0), until: QEMURelease(11, 1)),
    ],
    "amd-iommu": [
      "xtsup": after72, "dma-translation": after100, "pci-id": after100, "dma-remap": after100, "pt": before111,
    ],
    "virtio-iommu-pci": [
      "aw-bits": after72, "granule": after72, "in_order": after72, "reserved-regions": after72, "x-pcie-pm-no-soft-reset": after72,
      "len-reserved-regions": DevicePropertyChange(since: nil, until: QEMURelease(8, 0)), "migrate-extra": before111,
      "x-disable-pcie": before111, "x-ignore-backend-features": before111, "x-pcie-deverr-init": before111,
      "x-pcie-lnkctl-init": before111, "x-pcie-pm-init": before111,
    ],
    // `device-list-properties` of 7.2.22; `stage` is of 8.1.
    "arm-smmuv3": [
      "accel": after100, "ats": after100, "cmdqv": after100, "identifier": after100, "memory": after100, "msi-gpa": after100,
      "oas": after100, "ril": after100, "secure-memory": after100, "smmu_per_bus": after100, "ssidsize": after100, "stage": after72,
    ],
    "pxb-cxl": ["hdm_for_passthrough": after72],
  ]
}

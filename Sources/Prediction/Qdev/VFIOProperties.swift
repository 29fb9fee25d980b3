import Facts

/// What a property of vfio-pci takes, and what QEMU says to anything else (11.1.3).
enum PropertyKind: Hashable {
  case bool
  case text
  /// QAPI enumerations: OnOffAuto, OffAutoPCIBAR.
  case choice([String])
  case signed32
  case unsigned(bits: Int)
  case size(maximum: UInt64?)
  case host, slot, link, descriptor, token
  /// Exists, and cannot be set.
  case readOnly
  /// `realized`: see `QEMUCrash.realizedArgument`.
  case realized

  static let onOffAuto = PropertyKind.choice(["on", "off", "auto"])
}

/// vfio-pci's properties as `device-list-properties` of QEMU 11.1.3 lists them, and what every
/// device has beside them (`qom-list-properties`).
enum VFIOProperties {
  static func kind(_ name: String, driver: String) -> PropertyKind? {
    if driver == "vfio-pci-nohotplug", let kind = nohotplug[name] { return kind }
    return all[name]
  }

  /// The names that `device-list-properties vfio-pci` gives on 11.1.3.
  static let names: Set<String> = Set(all.filter { $0.value != .readOnly && $0.value != .realized }.keys)

  private static let nohotplug: [String: PropertyKind] = [
    "ramfb": .bool, "x-ramfb-migrate": .onOffAuto, "use-legacy-x86-rom": .bool,
  ]

  private static let all: [String: PropertyKind] = [
    "acpi-index": .unsigned(bits: 32), "addr": .slot, "ats": .onOffAuto, "bootindex": .signed32,
    "busnr": .readOnly, "display": .onOffAuto, "enable-migration": .onOffAuto,
    "failover_pair_id": .text, "fd": .descriptor, "host": .host, "hotpluggable": .readOnly,
    "hotplugged": .readOnly, "iommufd": .link, "migration-events": .bool, "multifunction": .bool,
    "parent_bus": .readOnly, "realized": .realized, "rombar": .signed32, "romfile": .text,
    "romsize": .unsigned(bits: 32), "skip-vsc-check": .bool, "sriov-pf": .text, "sysfsdev": .text,
    "type": .readOnly, "vf-token": .token, "x-balloon-allowed": .bool,
    "x-device-dirty-page-tracking": .onOffAuto, "x-igd-gms": .unsigned(bits: 32),
    "x-igd-legacy-mode": .onOffAuto, "x-igd-lpc": .bool, "x-igd-opregion": .bool,
    "x-intx-mmap-timeout-ms": .unsigned(bits: 32), "x-max-bounce-buffer-size": .size(maximum: 0xffff_ffff),
    "x-migration-load-config-after-iter": .onOffAuto, "x-migration-max-queued-buffers-size": .size(maximum: nil),
    "x-migration-multifd-transfer": .onOffAuto,
    "x-msix-relocation": .choice(["off", "auto", "bar0", "bar1", "bar2", "bar3", "bar4", "bar5"]),
    "x-no-geforce-quirks": .bool, "x-no-kvm-intx": .bool, "x-no-kvm-ioeventfd": .bool,
    "x-no-kvm-msi": .bool, "x-no-kvm-msix": .bool, "x-no-mmap": .bool, "x-no-vfio-ioeventfd": .bool,
    "x-nv-gpudirect-clique": .unsigned(bits: 8), "x-pci-class-code": .unsigned(bits: 32),
    "x-pci-device-id": .unsigned(bits: 32), "x-pci-sub-device-id": .unsigned(bits: 32),
    "x-pci-sub-vendor-id": .unsigned(bits: 32), "x-pci-vendor-id": .unsigned(bits: 32),
    "x-pcie-ari-nextfn-1": .bool, "x-pcie-err-unc-mask": .bool, "x-pcie-ext-tag": .bool,
    "x-pcie-lnksta-dllla": .bool, "x-pre-copy-dirty-page-tracking": .onOffAuto, "x-req": .bool,
    "x-vga": .bool, "x-vpasid-cap-offset": .unsigned(bits: 16), "xres": .unsigned(bits: 32),
    "yres": .unsigned(bits: 32),
  ]
}

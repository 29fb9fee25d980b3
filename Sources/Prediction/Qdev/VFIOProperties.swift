import Facts

/// The type of a property of vfio-pci, by which QEMU parses and refuses values (11.1.3).
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

/// One property of vfio-pci.
struct VFIOProperty {
  let name: String
  let kind: PropertyKind
  /// The first release that has it, where that is 8.1 or later: an older one answers `not found`. Every QEMU in use
  /// has the rest.
  let since: QEMUVersion?
  /// The driver that alone has it; nil when all have it.
  let only: String?

  init(_ name: String, _ kind: PropertyKind, since: QEMUVersion? = nil, only: String? = nil) {
    self.name = name
    self.kind = kind
    self.since = since
    self.only = only
  }
}

/// A release of QEMU, by its first two numbers.
struct QEMUVersion: Comparable {
  let major: Int
  let minor: Int

  init(_ major: Int, _ minor: Int) {
    self.major = major
    self.minor = minor
  }

  static func < (a: QEMUVersion, b: QEMUVersion) -> Bool { (a.major, a.minor) < (b.major, b.minor) }
}

/// vfio-pci's properties: the one table of them. A new property is one line, and everything else follows from it.
enum VFIOProperties {
  /// The property of that name; nil when the driver has none.
  static func property(_ name: String, of driver: String) -> VFIOProperty? {
    guard let property = byName[name], property.only == nil || property.only == driver else { return nil }
    return property
  }

  /// The names that `device-list-properties vfio-pci` gives.
  static let listed: Set<String> = Set(
    all.filter { $0.kind != .readOnly && $0.kind != .realized && $0.only == nil }.map(\.name))

  private static let byName = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })

  /// The properties that `device-list-properties` of QEMU 11.1.3 lists, and those that every device has beside them
  /// (`qom-list-properties`: read-only, `realized`). Versions are those of the comments in vfio_pci_class_init (QEMU
  /// hw/vfio/pci.c).
  static let all: [VFIOProperty] = [
    VFIOProperty("acpi-index", .unsigned(bits: 32)),
    VFIOProperty("addr", .slot),
    VFIOProperty("ats", .onOffAuto, since: QEMUVersion(11, 1)),
    VFIOProperty("bootindex", .signed32),
    VFIOProperty("busnr", .readOnly),
    VFIOProperty("display", .onOffAuto),
    VFIOProperty("enable-migration", .onOffAuto),
    VFIOProperty("failover_pair_id", .text),
    VFIOProperty("fd", .descriptor, since: QEMUVersion(9, 0)),
    VFIOProperty("host", .host),
    VFIOProperty("hotpluggable", .readOnly),
    VFIOProperty("hotplugged", .readOnly),
    VFIOProperty("iommufd", .link, since: QEMUVersion(9, 0)),
    VFIOProperty("migration-events", .bool, since: QEMUVersion(9, 1)),
    VFIOProperty("multifunction", .bool),
    VFIOProperty("realized", .realized),
    VFIOProperty("parent_bus", .readOnly),
    VFIOProperty("rombar", .signed32),
    VFIOProperty("romfile", .text),
    VFIOProperty("romsize", .unsigned(bits: 32)),
    VFIOProperty("skip-vsc-check", .bool, since: QEMUVersion(9, 1)),
    VFIOProperty("sriov-pf", .text),
    VFIOProperty("sysfsdev", .text),
    VFIOProperty("type", .readOnly),
    VFIOProperty("vf-token", .token, since: QEMUVersion(8, 1)),
    VFIOProperty("x-balloon-allowed", .bool),
    VFIOProperty("x-device-dirty-page-tracking", .onOffAuto, since: QEMUVersion(9, 1)),
    VFIOProperty("x-igd-gms", .unsigned(bits: 32)),
    VFIOProperty("x-igd-legacy-mode", .onOffAuto),
    VFIOProperty("x-igd-lpc", .bool),
    VFIOProperty("x-igd-opregion", .bool),
    VFIOProperty("x-intx-mmap-timeout-ms", .unsigned(bits: 32)),
    VFIOProperty("x-max-bounce-buffer-size", .size(maximum: 0xffff_ffff)),
    VFIOProperty("x-migration-load-config-after-iter", .onOffAuto, since: QEMUVersion(10, 1)),
    VFIOProperty("x-migration-max-queued-buffers-size", .size(maximum: nil), since: QEMUVersion(10, 1)),
    VFIOProperty("x-migration-multifd-transfer", .onOffAuto, since: QEMUVersion(10, 0)),
    VFIOProperty("x-msix-relocation", .choice(["off", "auto", "bar0", "bar1", "bar2", "bar3", "bar4", "bar5"])),
    VFIOProperty("x-no-geforce-quirks", .bool),
    VFIOProperty("x-no-kvm-intx", .bool),
    VFIOProperty("x-no-kvm-ioeventfd", .bool),
    VFIOProperty("x-no-kvm-msi", .bool),
    VFIOProperty("x-no-kvm-msix", .bool),
    VFIOProperty("x-no-mmap", .bool),
    VFIOProperty("x-no-vfio-ioeventfd", .bool),
    VFIOProperty("x-nv-gpudirect-clique", .unsigned(bits: 8)),
    VFIOProperty("x-pci-class-code", .unsigned(bits: 32)),
    VFIOProperty("x-pci-device-id", .unsigned(bits: 32)),
    VFIOProperty("x-pci-sub-device-id", .unsigned(bits: 32)),
    VFIOProperty("x-pci-sub-vendor-id", .unsigned(bits: 32)),
    VFIOProperty("x-pci-vendor-id", .unsigned(bits: 32)),
    VFIOProperty("x-pcie-ari-nextfn-1", .bool),
    VFIOProperty("x-pcie-err-unc-mask", .bool),
    VFIOProperty("x-pcie-ext-tag", .bool),
    VFIOProperty("x-pcie-lnksta-dllla", .bool),
    VFIOProperty("x-pre-copy-dirty-page-tracking", .onOffAuto),
    VFIOProperty("x-req", .bool),
    VFIOProperty("x-vga", .bool),
    VFIOProperty("x-vpasid-cap-offset", .unsigned(bits: 16), since: QEMUVersion(11, 0)),
    VFIOProperty("xres", .unsigned(bits: 32)),
    VFIOProperty("yres", .unsigned(bits: 32)),
    VFIOProperty("ramfb", .bool, only: "vfio-pci-nohotplug"),
    VFIOProperty("x-ramfb-migrate", .onOffAuto, only: "vfio-pci-nohotplug"),
    VFIOProperty("use-legacy-x86-rom", .bool, only: "vfio-pci-nohotplug")
  ]
}

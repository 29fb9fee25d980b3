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
  /// A list, which only JSON can give.
  case list
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
  /// The first release that has it, where 7.2 has not: an older one answers `not found`. Where the release is not known
  /// exactly, the first after one without it.
  let since: QEMURelease?
  /// The first release without it; nil for a property that 11.1 has.
  let until: QEMURelease?
  /// The driver that alone has it; nil when all have it.
  let only: String?

  init(_ name: String, _ kind: PropertyKind, since: QEMURelease? = nil, until: QEMURelease? = nil, only: String? = nil) {
    self.name = name
    self.kind = kind
    self.since = since
    self.until = until
    self.only = only
  }

  /// Whether `device-list-properties vfio-pci` lists it.
  var isListed: Bool { kind != .readOnly && kind != .realized && only == nil }

  /// Whether a release has it.
  func exists(in release: QEMURelease) -> Bool {
    since.map { $0 <= release } ?? true && until.map { release < $0 } ?? true
  }

  /// Whether a QEMU has it.
  func exists(in qemu: QEMUProfile) throws(Unknown) -> Bool {
    if since == nil, until == nil { return true }
    if name == "ats" { return try qemu.behaviour.value != .none }
    return isListed ? try qemu.properties.value.contains(name) : exists(in: try qemu.release.value)
  }

  /// The type in a QEMU. `rombar` was unsigned before it had a default of its own.
  func kind(in qemu: QEMUProfile) -> PropertyKind {
    name == "rombar" && qemu.isBefore(9, 2) ? .unsigned(bits: 32) : kind
  }
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
    all.filter(\.isListed).map(\.name))

  private static let byName = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })

  /// The properties that `device-list-properties` of QEMU 11.1.3, 10.0 and 7.2 list, and those that every device has beside them
  /// (`qom-list-properties`: read-only, `realized`). Versions are those of the comments in vfio_pci_class_init (QEMU
  /// hw/vfio/pci.c).
  static let all: [VFIOProperty] = [
    VFIOProperty("acpi-index", .unsigned(bits: 32)),
    VFIOProperty("addr", .slot),
    VFIOProperty("ats", .onOffAuto, since: QEMURelease(11, 1)),
    VFIOProperty("bootindex", .signed32),
    VFIOProperty("busnr", .readOnly, since: QEMURelease(8, 0)),
    VFIOProperty("display", .onOffAuto),
    VFIOProperty("enable-migration", .onOffAuto, since: QEMURelease(8, 1)),
    VFIOProperty("failover_pair_id", .text),
    VFIOProperty("fd", .descriptor, since: QEMURelease(9, 0)),
    VFIOProperty("host", .host),
    VFIOProperty("hotpluggable", .readOnly),
    VFIOProperty("hotplugged", .readOnly),
    VFIOProperty("iommufd", .link, since: QEMURelease(9, 0)),
    VFIOProperty("migration-events", .bool, since: QEMURelease(9, 1)),
    VFIOProperty("multifunction", .bool),
    VFIOProperty("realized", .realized),
    VFIOProperty("parent_bus", .readOnly),
    VFIOProperty("rombar", .signed32),
    VFIOProperty("romfile", .text),
    VFIOProperty("romsize", .unsigned(bits: 32)),
    VFIOProperty("skip-vsc-check", .bool, since: QEMURelease(9, 1)),
    VFIOProperty("sriov-pf", .text, since: QEMURelease(10, 1)),
    VFIOProperty("sysfsdev", .text),
    VFIOProperty("type", .readOnly),
    VFIOProperty("vf-token", .token, since: QEMURelease(8, 1)),
    VFIOProperty("x-balloon-allowed", .bool),
    VFIOProperty("x-device-dirty-page-tracking", .onOffAuto, since: QEMURelease(9, 1)),
    VFIOProperty("x-enable-migration", .bool, until: QEMURelease(8, 1)),
    VFIOProperty("x-igd-gms", .unsigned(bits: 32)),
    VFIOProperty("x-igd-legacy-mode", .onOffAuto, since: QEMURelease(10, 0)),
    VFIOProperty("x-igd-lpc", .bool, since: QEMURelease(10, 0)),
    VFIOProperty("x-igd-opregion", .bool),
    VFIOProperty("x-intx-mmap-timeout-ms", .unsigned(bits: 32)),
    VFIOProperty("x-max-bounce-buffer-size", .size(maximum: 0xffff_ffff), since: QEMURelease(9, 1)),
    VFIOProperty("x-migration-load-config-after-iter", .onOffAuto, since: QEMURelease(10, 1)),
    VFIOProperty("x-migration-max-queued-buffers-size", .size(maximum: nil), since: QEMURelease(10, 1)),
    VFIOProperty("x-migration-multifd-transfer", .onOffAuto, since: QEMURelease(10, 0)),
    VFIOProperty("x-msix-relocation", .choice(["off", "auto", "bar0", "bar1", "bar2", "bar3", "bar4", "bar5"])),
    VFIOProperty("x-no-geforce-quirks", .bool),
    VFIOProperty("x-no-kvm-intx", .bool),
    VFIOProperty("x-no-kvm-ioeventfd", .bool),
    VFIOProperty("x-no-kvm-msi", .bool),
    VFIOProperty("x-no-kvm-msix", .bool),
    VFIOProperty("x-no-mmap", .bool),
    VFIOProperty("x-no-vfio-ioeventfd", .bool),
    VFIOProperty("x-nv-gpudirect-clique", .unsigned(bits: 8)),
    VFIOProperty("x-pci-class-code", .unsigned(bits: 32), since: QEMURelease(10, 1)),
    VFIOProperty("x-pci-device-id", .unsigned(bits: 32)),
    VFIOProperty("x-pci-sub-device-id", .unsigned(bits: 32)),
    VFIOProperty("x-pci-sub-vendor-id", .unsigned(bits: 32)),
    VFIOProperty("x-pci-vendor-id", .unsigned(bits: 32)),
    VFIOProperty("x-pcie-ari-nextfn-1", .bool, since: QEMURelease(8, 0)),
    VFIOProperty("x-pcie-err-unc-mask", .bool, since: QEMURelease(8, 0)),
    VFIOProperty("x-pcie-ext-tag", .bool, since: QEMURelease(8, 0)),
    VFIOProperty("x-pcie-extcap-init", .bool, until: QEMURelease(11, 1)),
    VFIOProperty("x-pcie-lnksta-dllla", .bool),
    VFIOProperty("x-pre-copy-dirty-page-tracking", .onOffAuto),
    VFIOProperty("x-req", .bool),
    VFIOProperty("x-vga", .bool),
    VFIOProperty("x-vpasid-cap-offset", .unsigned(bits: 16), since: QEMURelease(11, 0)),
    VFIOProperty("xres", .unsigned(bits: 32)),
    VFIOProperty("yres", .unsigned(bits: 32)),
    VFIOProperty("ramfb", .bool, only: "vfio-pci-nohotplug"),
    VFIOProperty("x-ramfb-migrate", .onOffAuto, since: QEMURelease(8, 2), only: "vfio-pci-nohotplug"),
    VFIOProperty("use-legacy-x86-rom", .bool, since: QEMURelease(10, 1), only: "vfio-pci-nohotplug")
  ]
}

import Facts

extension QEMUProfile {
  /// An upstream release, by the version comments of vfio_pci_class_init (QEMU hw/vfio/pci.c). A
  /// distribution's build may carry more: ask it instead where that is possible.
  public static func released(_ major: Int, _ minor: Int, _ text: String) -> QEMUProfile {
    let version = (major, minor)
    let missing = since.filter { version < $0.value }.keys
    return QEMUProfile(
      name: "QEMU \(text) as released", behaviour: .known(version >= (11, 1) ? .shipped : .none),
      properties: .known(VFIOProperties.names.subtracting(missing)))
  }

  /// The same QEMU with another ats behaviour, which the user asserts.
  public func with(behaviour: ATSBehaviour) -> QEMUProfile {
    QEMUProfile(
      name: "\(name), ats behaviour \(behaviour.rawValue)", behaviour: .known(behaviour), properties: properties)
  }

  private static let since: [String: (Int, Int)] = [
    "vf-token": (8, 1), "iommufd": (9, 0), "fd": (9, 0), "x-device-dirty-page-tracking": (9, 1),
    "migration-events": (9, 1), "skip-vsc-check": (9, 1), "x-migration-multifd-transfer": (10, 0),
    "x-migration-load-config-after-iter": (10, 1), "x-migration-max-queued-buffers-size": (10, 1),
    "x-vpasid-cap-offset": (11, 0), "ats": (11, 1),
  ]
}

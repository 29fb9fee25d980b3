import Facts

extension QEMUProfile {
  /// An upstream release, by the table of properties (`VFIOProperties`). A distribution's build may have more: ask that
  /// QEMU instead where possible.
  public static func released(_ major: Int, _ minor: Int, _ text: String) -> QEMUProfile {
    let version = QEMUVersion(major, minor)
    func has(_ property: VFIOProperty) -> Bool { property.since.map { $0 <= version } ?? true }
    let names = VFIOProperties.all.filter(has).map(\.name)
    let hasATS = names.contains("ats")
    return QEMUProfile(
      name: "QEMU \(text) as released", behaviour: .known(hasATS ? .shipped : .none),
      properties: .known(VFIOProperties.listed.intersection(names)), release: "\(major).\(minor)")
  }

  /// The same QEMU with the ats behaviour that the user gives.
  public func with(behaviour: ATSBehaviour) -> QEMUProfile {
    QEMUProfile(
      name: "\(name), ats behaviour \(behaviour.rawValue)", behaviour: .known(behaviour), properties: properties,
      release: release, isAssumed: isAssumed)
  }

  /// The same QEMU as a default that the user did not choose.
  public var assumed: QEMUProfile {
    QEMUProfile(name: name, behaviour: behaviour, properties: properties, release: release, isAssumed: true)
  }
}

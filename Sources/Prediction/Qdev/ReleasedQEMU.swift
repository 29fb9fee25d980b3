import Facts

extension QEMUProfile {
  /// An upstream release, by the table of properties (`VFIOProperties`). A distribution's build may have more: ask that
  /// QEMU instead where possible.
  public static func released(_ major: Int, _ minor: Int, _ text: String) -> QEMUProfile {
    let release = QEMURelease(major, minor)
    let names = VFIOProperties.all.filter { $0.exists(in: release) }.map(\.name)
    let hasATS = names.contains("ats")
    return QEMUProfile(
      name: "QEMU \(text)\(asReleased)", behaviour: .known(hasATS ? .shipped : .none),
      properties: .known(VFIOProperties.listed.intersection(names)), release: .known(release))
  }

  private static let asReleased = " as released"

  /// Whether it is a release as published, and not a program that was asked.
  var isAsReleased: Bool { name.hasSuffix(QEMUProfile.asReleased) }

  /// The releases of which all checks are modelled, and recorded: those of Debian 12, Debian 13 and its backports.
  public static let modelled = [QEMURelease(7, 2), QEMURelease(10, 0), QEMURelease(11, 1)]

  /// The release, when it is a modelled one; nil for any other, and where it is not known.
  public var modelledRelease: QEMURelease? { release.display.flatMap { QEMUProfile.modelled.contains($0) ? $0 : nil } }

  /// Whether only the machine makes an `arm-smmuv3`, as before 10.2. A build for Arm servers may have it earlier.
  var makesNoSMMU: Known<Bool> {
    guard isBefore(10, 2) else { return .known(false) }
    return isAsReleased || isBefore(8, 0)
      ? .known(true) : .unknown("device type `arm-smmuv3`", "\(name) is older than 10.2, and may have it by a patch; `--rehearse` asks it")
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

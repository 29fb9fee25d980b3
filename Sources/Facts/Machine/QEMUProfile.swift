/// The version of QEMU's code that decides about ATS.
public enum ATSBehaviour: String, Sendable, CaseIterable {
  /// The patch as posted on 2026-06-23.
  case v3
  /// QEMU 11.1 as released.
  case shipped = "11.1"
  /// QEMU without the property: the capability is passed through unchanged.
  case none
}

/// The QEMU that will run the configuration, as far as known.
public struct QEMUProfile: Sendable {
  /// The name that output shows: "11.1.3 (by version)", "/usr/bin/qemu-system-x86_64".
  public let name: String
  /// Whether `vfio-pci` has `ats`, and the code that implements it.
  public let behaviour: Known<ATSBehaviour>
  /// The names of vfio-pci's properties, when QEMU was asked or its version is given.
  public let properties: Known<Set<String>>

  /// The release. A distribution's patches do not show in it.
  public let release: Known<QEMURelease>
  /// Whether it is the default of a lint, because no QEMU was named: the one that runs the guest may be another.
  public let isAssumed: Bool

  /// Creates a profile.
  public init(
    name: String, behaviour: Known<ATSBehaviour>, properties: Known<Set<String>>, release: Known<QEMURelease>,
    isAssumed: Bool = false
  ) {
    self.release = release
    self.isAssumed = isAssumed
    self.name = name
    self.behaviour = behaviour
    self.properties = properties
  }

  /// Whether the release is known to be older.
  public func isBefore(_ major: Int, _ minor: Int) -> Bool {
    release.display.map { $0 < QEMURelease(major, minor) } ?? false
  }
}

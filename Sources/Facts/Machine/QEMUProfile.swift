/// Which code decides about ATS.
public enum ATSBehaviour: String, Sendable, CaseIterable {
  /// The patch as posted on 2026-06-23.
  case v3
  /// What QEMU 11.1 ships.
  case shipped = "11.1"
  /// QEMU without the property: the capability is passed through untouched.
  case none
}

/// What is known about the QEMU that will read the configuration.
public struct QEMUProfile: Sendable {
  /// For people: "11.1.3 (by version)", "/usr/bin/qemu-system-x86_64".
  public let name: String
  /// Whether `vfio-pci` has `ats`, and which code stands behind it.
  public let behaviour: Known<ATSBehaviour>
  /// The names of vfio-pci's properties, when QEMU was asked or its version is given.
  public let properties: Known<Set<String>>

  public init(name: String, behaviour: Known<ATSBehaviour>, properties: Known<Set<String>>) {
    self.name = name
    self.behaviour = behaviour
    self.properties = properties
  }
}

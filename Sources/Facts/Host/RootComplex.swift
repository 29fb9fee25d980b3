/// The firmware's description of the PCI root complex above a function of an Arm host.
public struct RootComplex: Hashable, Sendable {
  /// The origin of a description.
  public enum Source: String, Sendable, CaseIterable {
    /// The ACPI table IORT (Arm DEN 0049).
    case iort = "IORT"
    /// The host bridge's node of the device tree.
    case deviceTree = "device-tree"
  }

  /// The origin of the description.
  public let source: Source
  /// Whether it supports ATS: bit 0 of IORT's ATS attribute (Arm DEN 0049 §3.1.1.4), or the property `ats-supported`.
  public let ats: Bool
  /// Whether coherent accesses of its devices stay coherent with any attributes: CANWBS, bit 2 of IORT's memory access
  /// flags (Arm DEN 0049 §3.1.1.4). A device tree cannot say so (linux drivers/iommu/of_iommu.c).
  public let canwbs: Bool

  /// Creates a description.
  public init(_ source: Source, ats: Bool, canwbs: Bool) {
    self.source = source
    self.ats = ats
    self.canwbs = canwbs
  }
}

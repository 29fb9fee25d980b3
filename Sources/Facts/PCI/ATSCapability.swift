/// The Address Translation Service extended capability (PCIe 6.0 §10.5.1), id 0x000F.
public struct ATSCapability: Hashable, Sendable {
  /// The extended capability's id.
  public static let id: UInt16 = 0x000f

  /// Offset of the capability's header in config space.
  public let offset: Int
  /// Invalidate requests that the function accepts at a time: 1 to 32. The register's 0 means 32.
  public let invalidateQueueDepth: Known<Int>
  /// Whether untranslated addresses are always aligned to 4096 bytes.
  public let pageAligned: Known<Bool>
  /// Whether ATS is enabled now.
  public let enabled: Known<Bool>
  /// Smallest Translation Unit: 2^value blocks of 4096 bytes.
  public let smallestTranslationUnit: Known<Int>
}

extension ConfigSpace {
  /// The ATS capability: known to be absent (`.known(nil)`) only when the whole chain was walked.
  public var ats: Known<ATSCapability?> {
    let chain = extendedChain
    return chain.contains(ATSCapability.id, named: "ATS capability").map { _ in
      guard let found = chain.capabilities.first(where: { $0.id == ATSCapability.id }) else { return nil }
      let capability = word(found.offset + 4)  // PCIe 6.0 §10.5.1.2
      let control = word(found.offset + 6)  // PCIe 6.0 §10.5.1.3
      return ATSCapability(
        offset: found.offset,
        invalidateQueueDepth: capability.map { $0 & 0x1f == 0 ? 32 : Int($0 & 0x1f) },
        pageAligned: capability.map { $0 & 0x20 != 0 },
        enabled: control.map { $0 & 0x8000 != 0 },
        smallestTranslationUnit: control.map { Int($0 & 0x1f) })
    }
  }

  /// Whether the function has a PCI Express capability (id 0x10, PCIe 6.0 §7.5.3).
  public var hasPCIExpress: Known<Bool> {
    standardChain.contains(0x10, named: "PCI Express capability")
  }
}

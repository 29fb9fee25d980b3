import Facts

/// The width of the addresses that the host's kernel maps for a device behind VT-d, with which QEMU compares the
/// guest's aw-bits (QEMU hw/vfio/device.c: vfio_device_get_aw_bits).
public struct MappedWidth: Sendable {
  /// The width in bits; a range where a fact that decides it is unknown.
  let range: ClosedRange<Int>
  /// The fact that is unknown then.
  let open: Unknown

  /// The largest possible width, in bits.
  public var max: Int { range.upperBound }
  /// Whether the width is known.
  public var isExact: Bool { range.count == 1 }

  /// Whether addresses of this number of bits are wider.
  public func isExceeded(by bits: Int) throws(Unknown) -> Bool {
    if bits > range.upperBound { return true }
    if bits > range.lowerBound { throw open }
    return false
  }

  /// The width in bits.
  func exact() throws(Unknown) -> Int {
    if isExact { return max }
    throw open
  }
}

extension Host {
  /// The width that an IOMMU maps; nil for IOMMUs other than VT-d, which do not show it. First-stage tables have one
  /// bit less: the half of the addresses that processors sign-extend stays free (VT-d 4.1 §3.6; 47 bits observed on
  /// Linux 7.3.4, with iommufd and the legacy backend).
  /// - Parameter nests: the guest's first-stage tables are laid upon the host's second-stage ones, whose width counts
  ///   then.
  public func mappedWidth(
    by unit: IOMMUUnit, for backend: Known<VFIOBackend>, nests: Bool = false
  ) throws(Unknown) -> MappedWidth? {
    guard let width = try unit.addressWidth?.value else { return nil }
    let first = try min(width, unit.hasFiveLevels.value ? 57 : 48) - 1
    let unseen = Unknown("width of \(unit.name)'s first-stage tables", reason: "of fewer than 48 bits it was never observed")
    switch nests ? .known(false) : usesFirstStage(unit, backend) {
    case .known(false): return MappedWidth(range: width...width, open: unseen)
    case .known(true): return MappedWidth(range: first...(width < 48 ? width : first), open: unseen)
    case .unknown(let unknown): return MappedWidth(range: first...width, open: unknown)
    }
  }

  /// Whether a guest's memory is mapped by a first-stage table (linux
  /// drivers/iommu/intel/iommu.c: until 6.12 first_level_by_default, since 6.14 at the latest
  /// intel_iommu_domain_alloc_paging_flags).
  func usesFirstStage(_ unit: IOMMUUnit, _ backend: Known<VFIOBackend>) -> Known<Bool> {
    unit.extendedCapability.flatMap { register in
      // VT-d 4.1 §11.4.3: SMTS, FSTS, SSTS, SSADS.
      func has(_ bit: UInt64) -> Bool { register >> bit & 1 == 1 }
      guard has(43), has(47) else { return .known(false) }
      return scalableMode.flatMap { isOn in
        guard isOn else { return .known(false) }
        guard has(46) else { return .known(true) }
        return prefersFirstStage(tracksDirtyPages: has(45), backend)
      }
    }
  }

  /// Whether the kernel uses a first-stage table where the hardware has both stages.
  private func prefersFirstStage(tracksDirtyPages: Bool, _ backend: Known<VFIOBackend>) -> Known<Bool> {
    let fact = "stage of the host's tables"
    return kernelRelease.flatMap { release in
      guard let version = KernelVersion(release) else { return .unknown(fact, "the kernel is `\(release)`") }
      if version < KernelVersion(6, 13) { return .known(false) }
      if version < KernelVersion(6, 14) { return .unknown(fact, "the kernel is `\(release)`, about when it changed") }
      return backend.flatMap { backend in
        // QEMU asks iommufd for tables that track dirty pages where the hardware has them (hw/vfio/iommufd.c).
        guard backend == .iommufd, tracksDirtyPages else { return .known(true) }
        return .unknown(fact, "which one iommufd uses where dirty pages can be tracked was never observed")
      }
    }
  }
}

extension IOMMUUnit {
  /// Whether first-stage tables have five levels: CAP bit 60, FS5LP (VT-d 4.1 §11.4.2).
  fileprivate var hasFiveLevels: Known<Bool> { capability.map { $0 >> 60 & 1 == 1 } }
}

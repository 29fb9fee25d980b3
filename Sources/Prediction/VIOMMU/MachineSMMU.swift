import Facts

extension MachineConfig {
  /// The SMMU of `-machine iommu=smmuv3`; nil when there is none.
  public var ownSMMU: DeviceRequest? { Guest.iommu(of: self, MachineKind(self)) }

  /// Whether the machine gives both stages to its SMMU itself, regardless of a `-global`: virt-9.2 and newer do (recorded on 11.1.3).
  public var ownSMMUNests: Bool {
    guard let type = machineType?.value.string, ownSMMU != nil else { return false }
    return type == "virt" || version(after: "virt-").map { $0 >= (9, 2) } ?? false
  }

  static let onlyFirstStage = RealizeFailure(
    .iommuRefused, property: "stage", "Only stage1 is supported for SMMUv3 with accel=on")

  private var globalsOfSMMU: [GlobalProperty] { globals.filter { ["arm-smmuv3", "arm-smmu"].contains($0.driver) } }

  /// The first `-global` of an SMMU that QEMU refuses, or may refuse; nil where it accepts all.
  private func badGlobalOfSMMU(_ qemu: QEMUProfile) -> (refused: LaunchFailure?, open: OpenFailure?)? {
    for global in globalsOfSMMU {
      do throws(Unknown) {
        guard let failure = try MachineIndex.refusal(of: global, for: "arm-smmuv3", qemu) else { continue }
        return (LaunchFailure(failure, at: global.location), nil)
      } catch { return (nil, OpenFailure(fact: error, location: global.location)) }
    }
    return nil
  }

  /// A `-global` of the machine's own SMMU that QEMU may refuse; nil where there is none.
  func openGlobalOfOwnSMMU(_ qemu: QEMUProfile) -> OpenFailure? {
    qemu.modelledRelease == nil || ownSMMU == nil ? nil : badGlobalOfSMMU(qemu)?.open
  }

  /// The refusal of a `-global` by the SMMU of `-machine iommu=smmuv3`, which the machine makes before any device (QEMU
  /// hw/arm/virt.c: create_smmu; observed on 11.1.3 and 7.2.22). The rules have properties that need `accel=on`, and KVM for that.
  func refusalOfOwnSMMU(_ qemu: QEMUProfile) -> LaunchFailure? {
    guard qemu.modelledRelease != nil, let unit = ownSMMU else { return nil }
    if let bad = badGlobalOfSMMU(qemu) { return bad.refused }
    let mine = globalsOfSMMU
    do throws(Unknown) {
      let isAccelerated = try setting("accel", of: unit).value == "on"
      if isAccelerated, try !usesKVM.value { return nil }
      let place = mine.last { $0.property == "oas" }?.location ?? unit.location
      if let failure = try unsupportedOAS(of: unit) { return LaunchFailure(failure, at: place) }
      guard isAccelerated, ownSMMUNests else { return nil }
      return LaunchFailure(MachineConfig.onlyFirstStage, at: mine.last { $0.property == "accel" }?.location ?? unit.location)
    } catch { return nil }
  }

  /// The failure of an output address size that no `arm-smmuv3` has (QEMU hw/arm/smmuv3.c: smmu_validate_property).
  func unsupportedOAS(of unit: DeviceRequest) throws(Unknown) -> RealizeFailure? {
    guard let oas = try setting("oas", of: unit).value, ["32", "36", "40", "42", "52", "56"].contains(oas) else { return nil }
    return RealizeFailure(
      .iommuRefused, property: "oas",
      "QEMU SMMUv3 model only implements auto, 44 bit, or 48 bit OAS. Other OasMode values are not supported.")
  }
}

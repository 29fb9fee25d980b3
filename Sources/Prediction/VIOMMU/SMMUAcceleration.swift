import Facts

/// The checks of `arm-smmuv3,accel=on` against the host's SMMUv3, which the kernel shows only to who has bound the device
/// (QEMU hw/arm/smmuv3-accel.c; registers of Arm IHI 0070 §6.3).
extension RealizeContext {
  /// The accelerated SMMU that serves the device, with the identification registers of the host's.
  private func accelerated() throws(Unknown) -> (unit: DeviceRequest, host: IOMMUUnit)? {
    guard let unit = try viommu, unit.driver == "arm-smmuv3", try machine.setting("accel", of: unit).value == "on",
      try backend.value == .iommufd
    else { return nil }
    if unit.has(Guest.ofMachine) {
      throw Unknown("realize of \(name)", reason: "`accel=on` of the machine's own SMMU was never observed with KVM")
    }
    guard let host = try host.iommu(of: try device.value), host.kind == .smmuv3 else {
      throw Unknown("host's SMMUv3 of \(name)", reason: "an accelerated SMMU needs one, and another IOMMU serves the device")
    }
    return (unit, host)
  }

  /// The failure to allocate a table that a guest's can be laid upon (QEMU hw/vfio/iommufd.c:
  /// iommufd_cdev_autodomains_get).
  func smmuNesting() throws(Unknown) -> RealizeFailure? {
    guard let (_, host) = try accelerated(), let nests = host.smmuNests, try !nests.value else { return nil }
    return fails(.noNesting, "Failed to allocate hwpt: Operation not supported")
  }

  /// The failure of registers that the guest's SMMU cannot have (QEMU hw/arm/smmuv3-accel.c:
  /// smmuv3_accel_check_hw_compatible, in its order), and of a host whose devices may bypass the caches.
  func smmuCompatibility() throws(Unknown) -> RealizeFailure? {
    guard let (unit, host) = try accelerated() else { return nil }
    let registers = try host.identification.value
    guard registers.count == 6 else { throw Unknown("registers of \(host.name)", reason: "there are not six") }
    func value(_ name: String) throws(Unknown) -> String { try machine.smmuSetting(name, of: unit, qemu) }
    func number(_ name: String) throws(Unknown) -> UInt32? { UInt32(try value(name)) }
    func refused(_ text: String) -> RealizeFailure {
      fails(.smmuIncompatible, "Failed to set vIOMMU: Host SMMUv3 \(text)")
    }
    let level = registers[0] >> 27 & 3  // ST_LEVEL: two levels are QEMU's
    if level != 1 { return refused("Stream Table format mismatch (host STLEVEL=\(level), QEMU STLEVEL=1)") }
    if ![0, 2].contains(registers[0] >> 21 & 3) { return refused("doesn't support Little-endian translation table") }
    if registers[0] >> 3 & 1 == 0 { return refused("doesn't support AArch64 translation table format") }
    let streams = registers[1] & 0x3f  // SIDSIZE
    if streams < 16 { return refused("SIDSIZE not compatible (host=\(streams), QEMU=16)") }
    let substreams = registers[1] >> 6 & 0x1f
    if let wanted = try number("ssidsize"), substreams < wanted {
      return refused("SSIDSIZE not compatible (host=\(substreams), QEMU=\(wanted))")
    }
    if registers[3] >> 10 & 1 == 0, try value("ril") == "on" { return refused("doesn't support Range Invalidation") }
    let sizes: [UInt32] = [32, 36, 40, 42, 44, 48, 52]
    let code = Int(registers[5] & 7)
    if let wanted = try number("oas"), sizes.indices.contains(code), sizes[code] < wanted {
      return refused("supports only \(sizes[code])-bit IPA, but the vSMMU OAS implies \(wanted)-bit IPA")
    }
    if registers[0] >> 10 & 1 == 0, try value("ats") == "on" { return refused("doesn't support Address Translation Services") }
    for (bit, granule) in [(UInt32(4), "4K"), (5, "16K"), (6, "64K")] where registers[5] >> bit & 1 == 0 {
      return refused("doesn't support \(granule) translation granule")
    }
    if try machine.setting("cmdqv", of: unit).value == "on" {
      // A kernel without the driver answers so for any hardware (linux drivers/iommu/arm/arm-smmu-v3: arm_smmu_hw_info; recorded).
      if case .known("n"?) = self.host.kernelConfig.map({ $0["CONFIG_TEGRA241_CMDQV"] }) {
        return fails(.smmuIncompatible, "Failed to set vIOMMU: Failed to get hardware info: Operation not supported")
      }
      throw Unknown("command queues of the host's SMMUv3", reason: "the kernel shows them only to who has bound the device")
    }
    // IDR3.FWB, or a root complex that keeps caches coherent by itself (linux drivers/iommu/arm/arm-smmu-v3:
    // arm_smmu_get_viommu_size).
    if registers[3] >> 8 & 1 == 0, try !device.value.rootComplex.value.canwbs {
      return fails(.smmuIncompatible, "Failed to set vIOMMU: IOMMU_VIOMMU_ALLOC failed: Operation not supported")
    }
    return nil
  }
}

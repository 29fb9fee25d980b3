import Facts

/// The checks of the guest's IOMMU: whether it accepts the host's device.
extension RealizeContext {
  /// The failure of the PCI core's question whether the IOMMU accepts the device (QEMU hw/arm/smmuv3-accel.c:
  /// smmuv3_accel_supports_as).
  func smmuAcceptance() throws(Unknown) -> RealizeFailure? {
    guard let unit = try viommu, unit.driver == "arm-smmuv3", try machine.setting("accel", of: unit).value == "on",
      try backend.value == .legacy, try guest.isFoundByRequesterID(request)
    else { return nil }
    return RealizeFailure(
      .smmuRefuses,
      "vfio-pci endpoint devices without an iommufd backend not allowed when using arm-smmuv3,accel=on")
  }

  /// The failures of `virtio-iommu` (QEMU hw/virtio/virtio-iommu.c: virtio_iommu_set_iommu_device): a second device with
  /// one requester id, and pages of the guest that are smaller or larger than those of the host.
  func virtioIOMMU() throws(Unknown) -> RealizeFailure? {
    // Devices are shown to the guest's IOMMU since 9.1.
    guard !qemu.isBefore(9, 1), let unit = try viommu, unit.driver == "virtio-iommu-pci" else { return nil }
    let space = try addressSpace()
    if guest.spaces.first(.legacy, in: space) != nil || guest.spaces.first(.iommufd, in: space) != nil {
      return refused(.iommuRefusesDevice, "virtio_iommu_set_host_iova_ranges virtio-iommu does not support aliased BDF")
    }
    guard let text = try machine.setting("granule", of: unit).value, let shift = ["8k": 13, "16k": 14, "64k": 16][text]
    else { return nil }
    guard try backend.value == .iommufd else { return try granule(shift) }
    let (page, wanted) = (try smallestPage(), UInt64(1) << UInt64(shift))
    guard page < wanted else {
      if request.plug == .cold || page == wanted { return nil }
      throw Unknown("granule of `virtio-iommu-pci`", reason: "it is frozen when the machine is complete, and the host's pages are larger")
    }
    let mask = (UInt64.max << UInt64(shift)).hexadecimal(digits: 1)
    return refused(
      .iommuRefusesDevice,
      "\(name): virtio-iommu reports a page size mask 0x\(page.hexadecimal(digits: 1)) incompatible with currently supported "
        + "mask 0x\(mask)")
  }

  /// The smallest page of the host's tables in bytes, which iommufd gives to QEMU alone: an SMMU's are those of the processor where it
  /// has them (linux drivers/iommu/io-pgtable-arm.c: arm_lpae_restrict_pgsizes).
  private func smallestPage() throws(Unknown) -> UInt64 {
    // A host of which neither is known may be x86's where the guest is.
    if host.isArm == nil, MachineKind(machine) != .virt { return 4096 }
    let page = try host.pageSize.value
    guard let unit = try host.iommu(of: try device.value), unit.kind == .smmuv3, page != 4096 else { return page }
    let registers = try unit.identification.value
    let bit = page == 65_536 ? 6 : 5
    guard registers.count == 6, registers[5] >> UInt32(bit) & 1 == 1 else {
      throw Unknown("page sizes of \(unit.name)", reason: "it does not have those of the processor")
    }
    return page
  }

  /// The failure of pages of the guest that are larger than 4 KiB, with the legacy backend. VT-d maps pages of 4 KiB, and of
  /// 2 MiB and 1 GiB where CAP bits 34 and 35 are set (VT-d 4.1 §11.4.2). At the start larger ones are enough for QEMU; when the
  /// machine is complete the guest's size is frozen.
  private func granule(_ shift: Int) throws(Unknown) -> RealizeFailure? {
    let unseen = Unknown("page sizes of the host's IOMMU", reason: "the kernel reports them only to a container's owner")
    guard let unit = try host.iommu(of: try device.value), unit.kind == .intel, try unit.capability.value >> 34 & 1 == 1
    else { throw unseen }
    if request.plug == .cold { return nil }
    // A device that was there before made the frozen size larger.
    guard guest.assigned.isEmpty, guest.groupSpaces.isEmpty else { throw unseen }
    let size = (UInt64(1) << UInt64(shift)).hexadecimal(digits: 1)
    return refused(.iommuRefusesDevice, "\(name): virtio-iommu does not support frozen granule 0x\(size)")
  }

  /// The failure of an IOMMU that cannot notify vfio of the guest's mappings: a plain `arm-smmuv3` (QEMU hw/arm/smmuv3.c:
  /// smmuv3_notify_flag_changed), an accelerated one for a device that it does not find, and `amd-iommu` before 10.2
  /// (hw/i386/amd_iommu.c: amdvi_iommu_notify_flag_changed). In the text QEMU names the region by devfn and a number, and the device
  /// by the bus number of the moment: 0 until firmware has numbered the buses.
  func missingNotifier() throws(Unknown) -> RealizeFailure? {
    guard let unit = try viommu else { return nil }
    let isAMD = unit.driver == "amd-iommu" && qemu.isBefore(10, 2)
    guard isAMD || unit.driver == "arm-smmuv3" else { return nil }
    if !isAMD, try machine.setting("accel", of: unit).value == "on", try guest.isFoundByRequesterID(request) { return nil }
    var prefix = ""
    if try backend.value == .legacy, let group = try device.value.group.value {
      prefix = "failed to setup container for group \(group): "
    }
    let alias = try guest.alias(of: request)
    let devfn: Int
    if let alias { devfn = alias.devfn } else { devfn = try chosenDevfn() }
    let place = "00.\((devfn / 8).hexadecimal(digits: 2)).\(devfn % 8)"
    let (region, kind) = isAMD ? ("amd_iommu", "iommu notifier") : ("smmuv3-iommu-memory-region-\(devfn)-0", "iommu MAP notifier")
    return fails(
      .iommuWithoutNotifier, prefix + "memory listener initialization failed: Region \(region): "
        + "device \(place) requires \(kind) which is not currently supported")
  }

  /// The devfn that QEMU gives to the device; 0 where it is refused one.
  private func chosenDevfn() throws(Unknown) -> Int {
    guard let bus = try bus(), let requested = QEMUSlot.requested(request),
      case .at(let devfn) = bus.assignDevfn(
        to: request, driver: driver, requested: try requested.value, checksChosen: guest.checksChosenSlots)
    else { return 0 }
    return devfn
  }

  /// QEMU hw/i386/intel_iommu.c: vtd_dev_set_iommu_device and vtd_check_hiod, and intel_iommu_accel.c:
  /// vtd_check_hiod_accel, in the order observed on 11.1.3: the legacy backend is refused for caching-mode first, also
  /// with fsts.
  func vtdCheck(_ step: RealizeStep) throws(Unknown) -> RealizeFailure? {
    guard let unit = try viommu, unit.driver == "intel-iommu" else { return nil }
    let firstStage = try machine.firstStage(of: unit)
    let nests = try self.nests(on: unit)
    switch step {
    case .hostNesting where nests:
      throw Unknown(
        "host IOMMU's nesting", reason: "first-stage translation needs it, and where it works was never observed")
    case .firstStageBus where nests:
      guard let bus = try bus(), guest.path(from: bus.name).contains(where: { !$0.isExpress }) else { return nil }
      return refused(.firstStageBelowBridge, "Host device downstream to a PCI bridge is unsupported when fsts=on")
    case .cachingMode where !nests && !qemu.isBefore(10, 1):
      if try machine.setting("caching-mode", of: unit).value == "on" { return nil }
      return refused(
        .cachingModeOff, "Device assignment is not allowed without enabling caching-mode=on for Intel IOMMU.")
    case .addressWidth where !nests && !qemu.isBefore(9, 1):
      guard let widths = try addressWidths(), try widths.isExceeded() else { return nil }
      return refused(.addressWidthExceeded, "aw-bits \(widths.guest) > host aw-bits \(try widths.host.exact())")
    case .firstStageBackend where firstStage && !nests:
      return refused(
        .firstStageWithoutIOMMUFD,
        qemu.isBefore(10, 1) ? "host device is uncompatible with stage-1 translation" : "Need IOMMUFD backend when fsts=on")
    default: return nil
    }
  }

  /// The exit of a QEMU before 10.1 when the machine is complete: it has a vfio device and an `intel-iommu` without
  /// caching-mode, in any order, also where the device bypasses it (QEMU hw/i386/intel_iommu.c:
  /// vtd_machine_done_notify_one; observed on 10.0.13). A hot plug fails before: `machineHotplug`.
  func machineDone() throws(Unknown) -> RealizeFailure? {
    guard request.plug == .cold, qemu.isBefore(10, 1) else { return nil }
    // Without one there may be some in parts that were not read.
    var unit = machine.devices.last { $0.driver == "intel-iommu" }
    if unit == nil { unit = try viommu }
    guard let unit, unit.driver == "intel-iommu",
      try machine.setting("caching-mode", of: unit).value != "on"
    else { return nil }
    return RealizeFailure(
      .cachingModeOff,
      "We need to set caching-mode=on for intel-iommu to enable device assignment with IOMMU protection.")
  }

  /// The widths that the aw-bits check compares (QEMU hw/i386/intel_iommu.c: vtd_check_hiod).
  func addressWidths() throws(Unknown) -> AddressWidths? {
    guard let unit = try viommu, unit.driver == "intel-iommu" else { return nil }
    let nests = try self.nests(on: unit)
    guard let host = try host.iommu(of: try device.value),
      let width = try self.host.mappedWidth(by: host, for: backend, nests: nests)
    else { return nil }
    return AddressWidths(guest: try machine.addressWidth(of: unit, qemu), host: width, unit: host.name, nests: nests)
  }

  /// First-stage translation asks the kernel for tables that a guest's can be laid upon (QEMU hw/vfio/iommufd.c:
  /// iommufd_cdev_autodomains_get).
  func nestingRefused() throws(Unknown) -> RealizeFailure? {
    guard !qemu.isBefore(10, 1), let unit = try viommu, unit.driver == "intel-iommu", try machine.firstStage(of: unit),
      let host = try host.iommu(of: try device.value), host.kind == .intel, try !self.host.nests(host).value
    else { return nil }
    return fails(.noNesting, "Failed to allocate hwpt: Operation not supported")
  }

  /// Whether the device gets first-stage tables. Without `fsts` both backends are checked alike.
  private func nests(on unit: DeviceRequest) throws(Unknown) -> Bool {
    guard !qemu.isBefore(10, 1), try machine.firstStage(of: unit) else { return false }
    return try backend.value == .iommufd
  }

  private func refused(_ cause: FailureCause, _ text: String) -> RealizeFailure {
    fails(cause, "Failed to set vIOMMU: \(text)")
  }
}

/// The width of a guest's addresses behind `intel-iommu`, and the width that the host maps.
public struct AddressWidths: Sendable {
  /// `aw-bits`, in bits.
  public let guest: Int
  /// The width that the host maps.
  public let host: MappedWidth
  /// The host's IOMMU: `dmar0`.
  public let unit: String
  /// The guest's first-stage tables are laid upon the host's second-stage ones; the host may fail before the widths
  /// are compared.
  public let nests: Bool

  /// Whether the guest's addresses are wider than the host maps.
  public func isExceeded() throws(Unknown) -> Bool { try host.isExceeded(by: guest) }
}

extension MachineConfig {
  /// Whether first-stage translation is on: `fsts`, which was `x-flts` before it was stable.
  public func firstStage(of unit: DeviceRequest) throws(Unknown) -> Bool {
    if try setting("fsts", of: unit).value == "on" { return true }
    return try setting("x-flts", of: unit).value == "on"
  }

  /// The value of `aw-bits` of an `intel-iommu`: 48 unless it is given, and 39 for the machine types up to 9.1 (QEMU
  /// hw/i386/pc.c: pc_compat_9_1).
  public func addressWidth(of unit: DeviceRequest, _ qemu: QEMUProfile) throws(Unknown) -> Int {
    if let given = try setting("aw-bits", of: unit).value {
      if case .natural(let bits)? = QEMUNumber.integer(given), let bits = Int(exactly: bits) { return bits }
      throw Unknown("aw-bits", reason: "`\(given)` is not a number")
    }
    for family in ["pc-q35-", "pc-i440fx-"] {
      if let version = version(after: family) { return version <= (9, 1) ? 39 : 48 }
    }
    return try qemu.release.value < QEMURelease(9, 2) ? 39 : 48
  }
}

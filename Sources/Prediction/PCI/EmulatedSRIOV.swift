import Facts

/// The virtual functions that an emulated physical function makes of itself (QEMU hw/pci/pcie_sriov.c: pcie_sriov_pf_init). From 10.0
/// on they are on the bus from the start; 7.2 makes them when the guest asks for them (observed on 7.2.22, 10.0.13 and 11.1.3).
struct EmulatedSRIOV {
  /// The type of each, as QEMU's texts name it.
  let driver: String
  /// The devfn of each, counted from the physical function's.
  let offsets: [Int]

  /// The eight functions of an `igb` (QEMU hw/net/igb.c: IGB_VF_OFFSET, IGB_VF_STRIDE).
  static let igb = EmulatedSRIOV(driver: "igbvf", offsets: (0..<8).map { 0x80 + 2 * $0 })

  /// The functions of a device; nil for one without. Virtual functions of virtio are devices of their own.
  static func of(_ request: DeviceRequest, _ driver: String) -> EmulatedSRIOV? {
    if driver == "igb" { return igb }
    guard driver == "nvme", let count = request.natural("sriov_max_vfs"), 1..<128 ~= count else { return nil }
    return EmulatedSRIOV(driver: driver, offsets: Array(1...Int(count)))
  }
}

extension GuestBus {
  /// Adds virtual functions.
  mutating func add(_ functions: EmulatedSRIOV, of devfn: Int) {
    for offset in functions.offsets {
      occupants[devfn + offset] = SlotDevice(driver: functions.driver, id: nil, isMultifunction: .known(false), isVirtual: true)
    }
  }

  /// The refusal of a physical function whose virtual ones have no place (QEMU hw/pci/pcie_sriov.c: register_vfs; hw/pci/pci.c:
  /// do_pci_register_device).
  func refusal(of functions: EmulatedSRIOV, of devfn: Int) -> RealizeFailure? {
    if let last = functions.offsets.last, devfn + last > 0xff { return RealizeFailure(.slotTaken, "VF addr overflows") }
    for offset in functions.offsets {
      let place = devfn + offset
      guard let there = occupants[place] else { continue }
      return RealizeFailure(
        .slotTaken,
        "PCI: slot \(place / 8) function \(place % 8) not available for \(functions.driver), in use by "
          + "\(there.driver),id=\(there.id ?? "(null)")")
    }
    return nil
  }
}

/// Virtual functions that the user makes: network cards of virtio whose `sriov-pf` names their physical function, which comes later
/// (QEMU hw/pci/pcie_sriov.c: pcie_sriov_register_device; each PCI device of 11.1.3 was tried).
extension RealizeContext {
  /// Whether virtio is Express there: not in a root complex (QEMU hw/virtio/virtio-pci.c: virtio_pci_realize).
  private func isExpressFunction() throws(Unknown) -> Bool {
    guard let bus = try bus() else { return true }
    return bus.isExpress && bus.kind != .root
  }

  /// The refusal of a virtio device that is to be neither of the two generations: an Express one is not legacy by itself (QEMU
  /// hw/virtio/virtio-pci.c: virtio_pci_device_plugged; recorded from 7.2.22, 10.0.13 and 11.1.3).
  func virtioGeneration() throws(Unknown) -> RealizeFailure? {
    guard driver.hasPrefix("virtio-"), driver.hasSuffix("-pci"), driver != "virtio-iommu-pci",
      try otherSetting("disable-modern").map(QEMUBool.init) == .on
    else { return nil }
    switch try otherSetting("disable-legacy") {
    case nil, "auto":
      let version = ["pc-q35-", "pc-i440fx-"].compactMap { machine.version(after: $0) }.first
      guard version.map({ $0 > (2, 6) }) ?? true, try bus() != nil, try isExpressFunction() else { return nil }
    case let text?: if QEMUBool(text) != .on { return nil }
    }
    let text = "device cannot work as neither modern nor legacy mode is enabled"
    return RealizeFailure(.badOption, property: "disable-modern", text)
  }

  /// The refusal of `iommu_platform=on` of a virtio device of the old generation, as one in a root complex is by itself (QEMU
  /// hw/virtio/virtio-pci.c: virtio_pci_device_plugged; observed on 7.2.22, 10.0.13 and 11.1.3).
  func platformOfLegacy() throws(Unknown) -> RealizeFailure? {
    guard DeviceProperties.transitional.contains(DeviceNeeds.base(driver)), qemu.modelledRelease != nil,
      !driver.hasSuffix("-non-transitional"), let flag = try otherSetting("iommu_platform") ?? machine.innerPlatform(driver),
      QEMUBool(flag) == .on
    else { return nil }
    let legacy = driver.hasSuffix("-transitional") ? "off" : try otherSetting("disable-legacy")
    switch legacy {
    case nil, "auto":
      if try bus() == nil { return nil }
      if try isExpressFunction() { return nil }
    case let text?: if QEMUBool(text) != .off { return nil }
    }
    let text = "VIRTIO_F_IOMMU_PLATFORM was supported by neither legacy nor transitional device"
    return RealizeFailure(.badOption, property: "iommu_platform", text)
  }

  /// The refusal of a virtual function.
  func virtualFunctionRefused() throws(Unknown) -> RealizeFailure? {
    guard settings.has("sriov-pf"), !qemu.isBefore(10, 1) else { return nil }
    func failure(_ text: String) -> RealizeFailure { RealizeFailure(.badOption, property: "sriov-pf", text) }
    if !driver.hasPrefix("virtio-net-pci") { return failure("user cannot create SR-IOV VF with this device type") }
    if try !isExpressFunction() { return failure("PCI Express is required for SR-IOV VF") }
    guard let physical = settings.string("sriov-pf"), guest.ids[physical] != nil || physical == request.id else { return nil }
    return failure("PCI device specified as SR-IOV PF already exists")
  }

  /// The refusal of a physical function: only one of virtio can have such virtual functions.
  func virtualFunctionsRefused() throws(Unknown) -> RealizeFailure? {
    guard !qemu.isBefore(10, 1), let id = request.id, let functions = guest.physicalFunctions[id] else { return nil }
    func failure(_ text: String) -> RealizeFailure { RealizeFailure(.virtualFunctionsOfUser, text) }
    guard driver.hasPrefix("virtio-"), driver != "virtio-iommu-pci", try isExpressFunction() else {
      return failure("attaching user-created SR-IOV VF unsupported")
    }
    // QEMU hw/pci/pcie_sriov.c: pcie_sriov_pf_init_from_user_created_vfs.
    let places = functions.map(\.devfn).sorted()
    if let first = places.first, let own = try QEMUSlot.requested(request)?.value, first < own {
      return failure("a VF function number is less than the PF function number")
    }
    if let bus = try bus(), functions.contains(where: { $0.bus != bus.name }) {
      return failure("SR-IOV VF parent bus mismatches with PF")
    }
    let strides = Set(zip(places, places.dropFirst()).map { $1 - $0 })
    return strides.count > 1 ? failure("inconsistent SR-IOV stride") : nil
  }
}

extension MachineConfig {
  /// The `iommu_platform` of the last `-global` for the device in one of virtio.
  fileprivate func innerPlatform(_ driver: String) -> String? {
    let inside = DeviceNeeds.inside(driver).union(["virtio-device"])
    return globals.last { $0.property == "iommu_platform" && inside.contains($0.driver) }?.value
  }
}

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

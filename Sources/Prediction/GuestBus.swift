import Facts

/// What sits in a slot of a guest bus.
struct Occupant: Hashable, Sendable {
  let driver: String
  /// QEMU prints `(null)` for a device without an id.
  let id: String?
  let isMultifunction: Bool
  /// QEMU, or this model of it, chose the slot.
  let isAutomatic: Bool
}

/// Where a device sits in the guest.
struct GuestPlace: Hashable, Sendable {
  let bus: String
  /// Slot times 8 plus function.
  let devfn: Int
}

/// One PCI bus of the guest.
public struct GuestBus: Sendable {
  /// As `bus=` names it: the bridge's id, or `pcie.0`.
  public let name: String
  public let isExpress: Bool
  /// Whether `device_add` may plug into it.
  public let takesHotplug: Bool
  /// A root or downstream port: one slot, number 0.
  public let isPort: Bool
  /// By devfn: slot times 8 plus function.
  var occupants: [Int: Occupant] = [:]
  /// Devices that may have been put here by QEMU's own choice, beyond what `occupants` tells.
  var possibleOthers = 0

  init(
    _ name: String, express: Bool, hotplug: Bool, port: Bool = false, occupants: [Int: Occupant] = [:],
    possibleOthers: Int = 0
  ) {
    self.name = name
    isExpress = express
    takesHotplug = hotplug
    isPort = port
    self.occupants = occupants
    self.possibleOthers = possibleOthers
  }
}

/// What the PCI core says about a place on a bus (QEMU hw/pci/pci.c: do_pci_register_device and
/// pci_init_multifunction).
extension GuestBus {
  enum Placement: Hashable {
    case at(devfn: Int)
    case refused(String)
    case undetermined(Unknown)
  }

  func place(_ request: DeviceRequest, driver: String, devfn requested: Int?) -> Placement {
    let devfn = requested ?? freeDevfn
    guard let devfn else {
      return .refused("PCI: no slot/function available for \(driver), all in use or reserved")
    }
    if let there = occupants[devfn], requested != nil {
      return .refused(
        "PCI: slot \(devfn / 8) function \(devfn % 8) not available for \(driver), in use by "
          + "\(there.driver),id=\(there.id ?? "(null)")")
    }
    if requested != nil, !isPort, possibleOthers > 0, devfn / 8 <= occupants.count + possibleOthers {
      return .undetermined(
        Unknown("slot \(devfn / 8) of \(name)", reason: "QEMU chooses slots for other devices of this bus"))
    }
    // Without addr QEMU looks for function 0 of slot 31, that of devfn -1 (observed on 11.1.3).
    let slot = isPort ? 0 : (requested ?? 0xff) / 8
    if request.plug == .hot, let first = occupants[slot * 8] {
      return .refused(
        "PCI: slot \(slot) function 0 already occupied by \(first.driver), new func \(driver) "
          + "cannot be exposed to guest.")
    }
    return multifunction(request, devfn)
  }

  private func multifunction(_ request: DeviceRequest, _ devfn: Int) -> Placement {
    let slot = String(devfn / 8, radix: 16)
    if devfn % 8 != 0 {
      guard let first = occupants[devfn & ~7], !first.isMultifunction else { return .at(devfn: devfn) }
      return .refused("PCI: single function device can't be populated in function \(slot).\(devfn % 8)")
    }
    if !request.isMultifunction, let other = (devfn + 1..<devfn + 8).first(where: { occupants[$0] != nil }) {
      return .refused(
        "PCI: \(slot).0 indicates single function, but \(slot).\(other % 8) is already populated.")
    }
    return .at(devfn: devfn)
  }

  /// The lowest slot of which no function 0 is taken, as QEMU searches: by steps of 8.
  private var freeDevfn: Int? {
    stride(from: 0, to: 256, by: 8).first { occupants[$0] == nil }
  }
}

extension DeviceRequest {
  /// `multifunction=on`, in any spelling that QEMU takes.
  var isMultifunction: Bool {
    switch property("multifunction")?.value {
    case .bool(true): return true
    case .string(let text): return ["on", "yes", "true", "y"].contains(text)
    default: return false
    }
  }
}

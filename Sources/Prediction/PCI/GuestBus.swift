import Facts

/// A device in a slot of a guest bus.
public struct SlotDevice: Hashable, Sendable {
  /// The device's type: `e1000e`.
  public let driver: String
  /// Nil for a device without an id, which QEMU's texts call `(null)`.
  public let id: String?
  /// Whether its slot takes further functions: its `multifunction` property, which SR-IOV of an emulated device switches on.
  public let isMultifunction: Known<Bool>
  /// Whether it is a virtual function of an emulated device.
  let isVirtual: Bool

  /// A device of that type.
  public init(driver: String, id: String?, isMultifunction: Known<Bool>) {
    self.init(driver: driver, id: id, isMultifunction: isMultifunction, isVirtual: false)
  }

  init(driver: String, id: String?, isMultifunction: Known<Bool>, isVirtual: Bool) {
    self.driver = driver
    self.id = id
    self.isMultifunction = isMultifunction
    self.isVirtual = isVirtual
  }
}

/// The address of a device in the guest.
public struct GuestPCIAddress: Hashable, Sendable {
  /// The name of the bus.
  public let bus: String
  /// Slot times 8 plus function.
  public let devfn: Int
}

/// One PCI bus of the guest.
public struct GuestBus: Sendable {
  /// The kind of device that the bus is behind.
  public enum Kind: Hashable, Sendable {
    /// A root complex: the machine's own, or that of a `pxb-pcie`.
    case root
    /// A root or downstream port: one slot, number 0.
    case port
    /// Any other bridge.
    case bridge
  }

  /// The name that `bus=` takes: the bridge's id, `pcie.0` or `pci.0`.
  public let name: String
  /// The kind of device that the bus is behind.
  public let kind: Kind
  /// QOM type `PCIE`; a `PCI` bus is conventional.
  public let isExpress: Bool
  /// Whether `device_add` accepts it (QEMU system/qdev-monitor.c: qbus_is_hotpluggable).
  public let takesHotplug: Known<Bool>
  /// Whether a hot plug goes through the bridge's own controller (SHPC), which refuses slot 0.
  public let isStandardHotplug: Known<Bool>
  /// Whether ACPI's controller has a part in every plug, cold ones too: before 8.0 it alone checks and keeps `acpi-index`.
  public let isHandledByACPI: Known<Bool>
  /// The bus of its bridge; nil for a root complex.
  public let parent: String?
  /// The request of the `pxb` whose root complex it is; nil for any other bus.
  let expander: DeviceRequest?
  /// The devices on it, by devfn: slot times 8 plus function.
  public internal(set) var occupants: [Int: SlotDevice]
  /// The number of devices whose slot QEMU chooses, and that may be on this bus beside `occupants`.
  var unplacedDeviceCount = 0
  /// Whether one of these may be in any slot: its place is written, and not known.
  var mayBeTaken = false

  /// - Parameter occupants: every device on the bus, by devfn (slot times 8 plus function).
  public init(
    _ name: String, kind: Kind, isExpress: Bool, takesHotplug: Known<Bool>,
    isStandardHotplug: Known<Bool> = .known(false), isHandledByACPI: Known<Bool> = .known(false), parent: String?,
    occupants: [Int: SlotDevice] = [:], expander: DeviceRequest? = nil
  ) {
    self.expander = expander
    self.name = name
    self.kind = kind
    self.isExpress = isExpress
    self.takesHotplug = takesHotplug
    self.isStandardHotplug = isStandardHotplug
    self.isHandledByACPI = isHandledByACPI
    self.parent = parent
    self.occupants = occupants
  }

  /// Whether it is behind a port, with slot 0 alone.
  public var isPort: Bool { kind == .port }

  /// The devices in a slot, function 0 first.
  public func occupants(ofSlot slot: Int) -> [SlotDevice] {
    (slot * 8..<slot * 8 + 8).compactMap { occupants[$0] }
  }

  /// Whether a slot from 1 on is free, wherever QEMU put the devices whose slot it chose.
  public var hasFreeSlot: Bool {
    !isPort && Set(occupants.keys.map { $0 / 8 }).union([0]).count + unplacedDeviceCount < 32
  }

  /// Whether it is a port that is certainly empty and accepts a hot plug.
  public var isFreePort: Bool {
    isPort && takesHotplug == .known(true) && occupants.isEmpty && unplacedDeviceCount == 0
  }
}

extension GuestBus {
  /// The PCI core's answer to a request for a devfn.
  enum DevfnResult: Hashable {
    case at(devfn: Int)
    /// The device is not realized.
    case refused(FailureCause, String)
    case undetermined(Unknown)
  }

  /// Assigns the devfn as the PCI core does (QEMU hw/pci/pci.c: do_pci_register_device and pci_init_multifunction).
  /// - Parameters:
  ///   - requested: slot times 8 plus function; nil when QEMU is to choose.
  ///   - checksChosen: whether a plug without a slot is checked for function 0; see `Guest.checksChosenSlots`.
  func assignDevfn(
    to request: DeviceRequest, driver: String, requested: Int?, checksChosen: Bool
  ) -> DevfnResult {
    if let expander, !PCIDrivers.isPCIBridge(driver) {
      return .refused(
        .onExpander, "PCI: Only PCI/PCIe bridges can be plugged into \(expander.driver ?? "pxb")")
    }
    let devfn = requested ?? freeDevfn
    guard let devfn else {
      return .refused(.noSlot, "PCI: no slot/function available for \(driver), all in use or reserved")
    }
    if let there = occupants[devfn], requested != nil {
      return .refused(
        .slotTaken,
        "PCI: slot \(devfn / 8) function \(devfn % 8) not available for \(driver), in use by "
          + "\(there.driver),id=\(there.id ?? "(null)")")
    }
    // A device of a bus whose slot QEMU chooses may go elsewhere.
    if mayBeTaken, requested != nil || isPort || !hasFreeSlot {
      return .undetermined(
        Unknown("slot \(devfn / 8) of \(name)", reason: "the place of another device is not known, and may be this one"))
    }
    if requested != nil, !isPort, unplacedDeviceCount > 0, devfn / 8 <= occupants.count + unplacedDeviceCount {
      return .undetermined(
        Unknown("slot \(devfn / 8) of \(name)", reason: "QEMU chooses slots for other devices of this bus"))
    }
    // Without addr QEMU checks function 0 of slot 31, that of devfn -1 (observed on 11.1.3).
    let slot = isPort ? 0 : (requested ?? 0xff) / 8
    // A VF does not belong to its slot's device.
    if request.has("sriov-pf") { return .at(devfn: devfn) }
    if request.plug == .hot, requested != nil || checksChosen, let first = occupants[slot * 8] {
      return .refused(
        .functionZeroTaken,
        "PCI: slot \(slot) function 0 already occupied by \(first.driver), new func \(driver) "
          + "cannot be exposed to guest.")
    }
    return multifunction(request, devfn)
  }

  private func multifunction(_ request: DeviceRequest, _ devfn: Int) -> DevfnResult {
    var slot: String { String(devfn / 8, radix: 16) }
    if devfn % 8 != 0 {
      guard let first = occupants[devfn & ~7] else { return .at(devfn: devfn) }
      switch first.isMultifunction {
      case .known(true): return .at(devfn: devfn)
      case .known(false):
        return .refused(
          .notMultifunction, "PCI: single function device can't be populated in function \(slot).\(devfn % 8)")
      case .unknown(let unknown): return .undetermined(unknown)
      }
    }
    let others = occupants.lazy.filter { devfn < $0.key && $0.key < devfn + 8 && !$0.value.isVirtual }
    guard let other = others.map(\.key).min() else { return .at(devfn: devfn) }
    switch request.multifunction {
    case .known(true): return .at(devfn: devfn)
    case .known(false):
      return .refused(
        .notMultifunction, "PCI: \(slot).0 indicates single function, but \(slot).\(other % 8) is already populated.")
    case .unknown(let unknown): return .undetermined(unknown)
    }
  }

  /// The lowest slot whose function 0 is free: QEMU searches in steps of 8.
  var freeDevfn: Int? {
    stride(from: 0, to: 256, by: 8).first { occupants[$0] == nil }
  }
}

extension DeviceRequest {
  /// `multifunction`, off unless it is switched on.
  var multifunction: Known<Bool> { flag("multifunction", default: false) }
}

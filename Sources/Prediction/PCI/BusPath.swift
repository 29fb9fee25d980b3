import Facts

/// The bus that `bus=` names, which may be a path: bus, device, bus and so on (QEMU system/qdev-monitor.c: qbus_find).
enum NamedBus {
  case pci(GuestBus)
  /// A bus of another kind, with QEMU's name of its type.
  case other(String)
  case refused(RealizeFailure)
}

extension Guest {
  /// The bus that a name or path leads to.
  /// - Throws: a part of the path that is not modelled.
  func named(_ path: String) throws(Unknown) -> NamedBus {
    // A path that begins with a slash begins at the system's own bus.
    var parts = path.split(separator: "/", omittingEmptySubsequences: true).map { Guest.element($0) }[...]
    var current: NamedBus = .other("System")
    if !path.hasPrefix("/") {
      let first = parts.popFirst() ?? ""
      guard let bus = try anyBus(first) else { return .refused(RealizeFailure(.busNotFound, "Bus '\(first)' not found")) }
      current = bus
    }
    while let device = parts.popFirst() {
      guard let buses = try children(of: device, on: current, path) else {
        return .refused(RealizeFailure(.busNotFound, "Device '\(device)' not found"))
      }
      if let name = parts.popFirst() {
        guard buses.contains(name), let bus = try anyBus(name) else {
          return .refused(RealizeFailure(.busNotFound, "Bus '\(name)' not found"))
        }
        current = bus
      } else if buses.count == 1, let bus = try anyBus(buses[0]) {
        current = bus
      } else {
        let text = buses.isEmpty ? "no child bus" : "multiple child buses"
        return .refused(RealizeFailure(.busNotFound, "Device '\(device)' has \(text)"))
      }
    }
    // The virtio device behind the function is on it, and it has place for one.
    if case .other("virtio-pci-bus") = current { return .refused(RealizeFailure(.busNotFound, "Bus '\(path)' is full")) }
    return current
  }

  /// QEMU reads 127 bytes of a part.
  private static func element(_ text: Substring) -> String { String(decoding: text.utf8.prefix(127), as: UTF8.self) }

  private func anyBus(_ name: String) throws(Unknown) -> NamedBus? {
    if ambiguousBuses.contains(name) { throw Guest.ambiguous(name) }
    if let bus = buses[name] { return .pci(bus) }
    if let type = otherBuses[name] { return .other(type) }
    if let openBusID { throw Guest.open(name, openBusID) }
    // Buses may exist that are not known.
    _ = try rootBus.value
    return nil
  }

  /// The names of the buses behind a device, by its id or its type; nil when the bus has no such device.
  private func children(of device: String, on bus: NamedBus, _ path: String) throws(Unknown) -> [String]? {
    guard case .pci(let bus) = bus else {
      guard case .other("System") = bus else { return nil }
      if let name = expanderHosts[device] { return [name] }
      let hosts = ["q35-pcihost": "pcie.0", "i440FX-pcihost": "pci.0", "gpex-pcihost": "pcie.0"]
      return hostBridge.map { $0 == device } == false ? nil : hosts[device].flatMap { buses[$0] == nil ? nil : [$0] }
    }
    guard let (devfn, found) = try occupant(device, of: bus, path) else { return nil }
    let address = GuestPCIAddress(bus: bus.name, devfn: devfn)
    if let behind = busesBehind[address] {
      if behind.isHidden { throw Guest.ambiguous(behind.names[0]) }
      return behind.names
    }
    if let names = Guest.busesOfBoard[found.driver] { return names.filter { otherBuses[$0] != nil } }
    // The device of a running guest, or of the board.
    if PCIDrivers.hasVirtioBus(found.driver) { return ["virtio-bus"] }
    let isOffering = PCIDrivers.offeredBus(found.driver)
    guard isOffering != nil || PCIDrivers.isPCIBridge(found.driver) else { return [] }
    guard let id = found.id else { throw Unknown("bus `\(path)`", reason: "it leads through a device without an id") }
    return isOffering.map { (0..<$0.count).map { "\(id).\($0)" } } ?? [id]
  }

  /// The device that a part of a path names: by its id, else the newest of the type (QEMU system/qdev-monitor.c: qbus_find_dev).
  private func occupant(_ name: String, of bus: GuestBus, _ path: String) throws(Unknown) -> (Int, SlotDevice)? {
    if let named = bus.occupants.first(where: { $0.value.id == name }) { return named }
    if bus.unplacedDeviceCount > 0 { throw Unknown("bus `\(path)`", reason: "QEMU chooses slots on \(bus.name)") }
    let type = DriverAlias.resolve(name)
    return bus.occupants.filter { $0.value.driver == type }.max { age($0.key, bus) < age($1.key, bus) }
  }

  private func age(_ devfn: Int, _ bus: GuestBus) -> Int {
    busesBehind[GuestPCIAddress(bus: bus.name, devfn: devfn)]?.number ?? -1
  }

  /// The buses of the board's own devices.
  private static let busesOfBoard = [
    "ICH9-LPC": ["isa.0"], "PIIX3": ["isa.0"], "ICH9-SMB": ["i2c"], "PIIX4_PM": ["i2c"], "ich9-ahci": (0..<6).map { "ide.\($0)" },
    "piix3-ide": ["ide.0", "ide.1"], "ich9-usb-ehci1": ["usb-bus.0"], "ich9-usb-uhci1": [], "ich9-usb-uhci2": [],
    "ich9-usb-uhci3": [], "piix3-usb-uhci": ["usb-bus.0"],
  ]
}

/// The buses behind a device that QEMU has created.
struct BusesBehind {
  /// The number of such devices before it.
  let number: Int
  let names: [String]
  /// Whether an older bus has the name.
  let isHidden: Bool
}

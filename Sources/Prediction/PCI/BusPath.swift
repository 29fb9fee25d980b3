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
    return current
  }

  /// QEMU reads 127 bytes of a part.
  private static func element(_ text: Substring) -> String { String(decoding: text.utf8.prefix(127), as: UTF8.self) }

  private func anyBus(_ name: String) throws(Unknown) -> NamedBus? {
    if ambiguousBuses.contains(name) { throw Guest.ambiguous(name) }
    if let bus = buses[name] { return .pci(bus) }
    if let type = otherBuses[name] { return .other(type) }
    // Buses may exist that are not known.
    _ = try rootBus.value
    return nil
  }

  /// The names of the buses behind a device, by its id or its type; nil when the bus has no such device.
  private func children(of device: String, on bus: NamedBus, _ path: String) throws(Unknown) -> [String]? {
    guard case .pci(let bus) = bus else {
      guard case .other("System") = bus else { return nil }
      let hosts = ["q35-pcihost": "pcie.0", "i440FX-pcihost": "pci.0", "gpex-pcihost": "pcie.0"]
      return hostBridge.map { $0 == device } == false ? nil : hosts[device].flatMap { buses[$0] == nil ? nil : [$0] }
    }
    let type = DriverAlias.resolve(device)
    guard let found = bus.occupants.values.first(where: { $0.id == device })
      ?? bus.occupants.values.first(where: { $0.driver == type })
    else {
      if bus.unplacedDeviceCount > 0 { throw Unknown("bus `\(path)`", reason: "QEMU chooses slots on \(bus.name)") }
      return nil
    }
    if let offered = PCIDrivers.offeredBus(found.driver) {
      guard let id = found.id else { throw Unknown("bus `\(path)`", reason: "it leads through a device without an id") }
      return (0..<offered.count).map { "\(id).\($0)" }
    }
    if found.driver.hasPrefix("virtio-") { return ["virtio-bus"] }
    guard PCIDrivers.isBridge(found.driver) else { return [] }
    guard let id = found.id else { throw Unknown("bus `\(path)`", reason: "it leads through a device without an id") }
    return [id]
  }
}

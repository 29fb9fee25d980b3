import Common
import Facts
import Prediction
import Syntax

/// The guest's PCI topology before a plug.
extension QOMSnapshot {
  func guest() -> Guest {
    let types = Dictionary(
      devices.compactMap { device in device.id.map { ($0, device.type) } }, uniquingKeysWith: { a, _ in a })
    let isWhole = missing == nil && pci != nil && devices.count <= QOMSnapshot.deviceLimit
    return Guest(
      buses: allBuses.map { bus($0, types) },
      rootBus: rootBus.flatMap { isWhole ? .known($0) : nil }
        ?? .unknown("guest's PCI topology", "QEMU did not report all of it"),
      ids: types, migrating: migrating)
  }

  private func bus(_ bus: QueryPCIBus, _ types: [String: String]) -> GuestBus {
    let type = types[bus.name] ?? ""
    let kind: GuestBus.Kind = bus.parent == nil ? .root : QOMSnapshot.ports.contains(type) ? .port : .bridge
    let known = properties[path(ofBus: bus.name)]
    let isExpress = known?["type"]?.string.map { $0 == "PCIE" }
    return GuestBus(
      bus.name, kind: kind,
      isExpress: isExpress ?? !(type == "pcie-pci-bridge" || type == "pci-bridge" || bus.name == "pci.0"),
      takesHotplug: takesHotplug(bus.name, known), isHandledByACPI: isHandledByACPI(bus.name, known), parent: bus.parent,
      occupants: bus.occupants.mapValues { occupant in
        SlotDevice(
          driver: types[occupant.id] ?? occupant.description, id: occupant.id.isEmpty ? nil : occupant.id,
          isMultifunction: isMultifunction(occupant))
      })
  }

  /// The devices in `query-pci`, which are only those that firmware has numbered, and in addition the bus and slot that
  /// each device reports over QOM.
  private var allBuses: [QueryPCIBus] {
    let buses = QueryPCIBus.read(pci, root: rootBus)
    var found = Dictionary(buses.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    func name(_ device: Device) -> String? {
      properties[device.path]?["parent_bus"]?.string?.split(separator: "/").last.map(String.init)
    }
    for device in devices where device.isBridge {
      guard let id = device.id, found[id] == nil else { continue }
      found[id] = QueryPCIBus(name: id, parent: device.isExpander ? nil : name(device))
    }
    for device in devices {
      guard let bus = name(device), found[bus] != nil,
        case .integer(let devfn)? = properties[device.path]?["addr"],
        0..<256 ~= devfn
      else { continue }
      found[bus]?.occupants[Int(devfn)] = QueryPCIBus.ListedDevice(id: device.id ?? "", description: device.type)
    }
    return found.values.sorted { $0.name < $1.name }
  }

  private func isMultifunction(_ occupant: QueryPCIBus.ListedDevice) -> Known<Bool> {
    if case .bool(let flag)? = properties["/machine/peripheral/\(occupant.id)"]?["multifunction"] {
      return .known(flag)
    }
    return .unknown(
      "multifunction of \(occupant.id.isEmpty ? occupant.description : occupant.id)", "QEMU did not report it")
  }

  /// QEMU system/qdev-monitor.c over QOM: without a handler no; by ACPI where the bus has a selector; by
  /// the port itself unless its `hotplug` is off (observed on 7.2 and 11.1.3).
  private func takesHotplug(_ name: String, _ known: [String: JSON]?) -> Known<Bool> {
    guard let handler = known?["hotplug-handler"]?.string else {
      return .unknown("hot plug into \(name)", "QEMU did not report it")
    }
    if handler.isEmpty { return .known(false) }
    if handler == "/machine/peripheral/\(name)" {
      return .known(properties[handler]?["hotplug"] != .bool(false))
    }
    return .known(known?["acpi-pcihp-bsel"] != nil)
  }

  /// Whether the handler of a bus is ACPI's: the other one is the port or bridge itself.
  private func isHandledByACPI(_ name: String, _ known: [String: JSON]?) -> Known<Bool> {
    guard let handler = known?["hotplug-handler"]?.string else {
      return .unknown("hot plug into \(name)", "QEMU did not report it")
    }
    return .known(!handler.isEmpty && handler != "/machine/peripheral/\(name)")
  }

  private var migrating: Known<Bool> {
    guard let migration else { return .unknown("migration", "QEMU did not report it") }
    // QEMU migration/migration.c: migration_is_running; a status is absent before the first.
    let idle: Set<String> = ["none", "completed", "failed", "cancelled"]
    return .known(!idle.contains(migration["status"]?.string ?? "none"))
  }
}

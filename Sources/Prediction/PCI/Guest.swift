import Facts

/// The guest's PCI topology: as QEMU has built it from a definition when a request is reached, or as a
/// running QEMU tells it.
public struct Guest: Sendable {
  public internal(set) var buses: [String: GuestBus]
  /// Where a device goes that names no bus; `.known(nil)`: the machine has no PCI bus. Unknown where
  /// buses may exist that are not in `buses`.
  public let rootBus: Known<String?>
  /// The driver of each device, by id.
  public internal(set) var ids: [String: String]
  /// Whether a migration is under way, during which QEMU plugs nothing.
  public let migrating: Known<Bool>
  /// Whether ACPI plugs into bridges that the machine starts with, instead of their own controllers.
  var hasACPIBridges: Known<Bool> = .known(false)
  /// Whether libvirt chose the places that the definition does not give.
  var isPlacedByLibvirt = false
  /// Ids given in key=value text. QEMU checks these against each other before it makes any device.
  var keyvalIDs: Set<String> = []
  /// The guest's IOMMUs, of those that QEMU has made.
  var iommus: [DeviceRequest] = []
  /// Whether `iommus` were made before each device that stands behind them: a running QEMU does not tell.
  var isOrderKnown = true
  /// The address spaces of assigned devices.
  var spaces = AddressSpaces()
  /// Host functions that the machine has already.
  var assigned: [PCIAddress: AttachedBackend] = [:]

  /// A guest that runs, from what its QEMU says.
  /// - Parameters:
  ///   - buses: every PCI bus, with every device on it (QMP `query-pci`, `qom-list-get`).
  ///   - rootBus: the machine's own; unknown when `buses` may not be all of them.
  ///   - ids: the driver of each device below /machine/peripheral.
  ///   - migrating: whether `query-migrate` tells of a migration that has not ended.
  public init(buses: [GuestBus], rootBus: Known<String?>, ids: [String: String], migrating: Known<Bool>) {
    self.buses = Dictionary(buses.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    self.rootBus = rootBus
    self.ids = ids
    self.migrating = migrating
  }

  /// This topology, with what another model of the same machine knows of its assigned devices.
  func with(assignmentsOf other: Guest) -> Guest {
    var guest = self
    guest.keyvalIDs = other.keyvalIDs
    guest.iommus = other.iommus
    guest.spaces = other.spaces
    guest.assigned = other.assigned
    return guest
  }

  public func bus(named name: String) -> GuestBus? { buses[name] }

  /// The bus that a request names, or the machine's own; nil when the machine has none.
  public func bus(for request: DeviceRequest) throws(Unknown) -> GuestBus? {
    if case .unknown(let text)? = request.value("bus") {
      throw Unknown("guest bus of \(request.id.map { "`\($0)`" } ?? "a device")", reason: "it is \(text)")
    }
    if let name = request.bus {
      if let bus = buses[name] { return bus }
      if case .unknown(let unknown) = rootBus { throw Unknown("guest bus `\(name)`", reason: unknown.reason) }
      throw Unknown("guest bus `\(name)`", reason: "not in the configuration")
    }
    return try rootBus.value.flatMap { buses[$0] }
  }

  /// The buses from one up to its root complex, nearest first.
  public func path(from name: String) -> [GuestBus] {
    var path: [GuestBus] = []
    var next = buses[name]
    while let bus = next, !path.contains(where: { $0.name == bus.name }) {
      path.append(bus)
      next = bus.parent.flatMap { buses[$0] }
    }
    return path
  }

  /// Ports that are empty and take a hot plug, by name.
  public var freePorts: [GuestBus] { buses.values.filter(\.isFreePort).sorted { $0.name < $1.name } }
}

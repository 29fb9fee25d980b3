import Facts

/// The guest's PCI topology: as QEMU has built it from a definition when it creates a device, or as a running QEMU
/// reports it.
public struct Guest: Sendable {
  /// The PCI buses, by name.
  public internal(set) var buses = SharedMap<String, GuestBus>()
  /// The bus of a device that names none; `.known(nil)`: the machine has no PCI bus. Unknown where buses may exist
  /// that are not in `buses`.
  public let rootBus: Known<String?>
  /// The buses that are not PCI, by name, with QEMU's name of their type.
  var otherBuses = SharedMap<String, String>()
  /// The newest root complex of a `pxb`, which takes every device that names no bus; nil without one.
  var expanderBus: String?
  /// The newest root complex behind each type of host bridge that a `pxb` brings with it.
  var expanderHosts: [String: String] = [:]
  /// The buses behind devices that were added.
  var busesBehind = SharedMap<GuestPCIAddress, BusesBehind>()
  /// The number of devices that were added with buses behind them.
  var offeringCount = 0
  /// The number of buses of each type that QEMU has named itself: `pcie` of `pcie.1`.
  var automaticBuses = SharedMap<String, Int>()
  /// Whether `bootIndexes` and `acpiIndexes` are all that are taken; a running QEMU does not report them.
  var areIndexesKnown = true
  /// Whether the type of each device is known, and so the buses that it offers.
  var hasOnlyKnownDevices = true
  /// Whether there is a balloon; a guest has one (QEMU system/balloon.c: qemu_add_balloon_handler).
  var hasBalloon = false
  /// Values of `bootindex` that are taken.
  var bootIndexes = SharedSet<Int64>()
  /// Values of `acpi-index` that are taken, also by plugs that failed.
  var acpiIndexes = SharedSet<UInt64>()
  /// Chassis and slot numbers of ports.
  var chassisSlots = SharedSet<ChassisSlot>()
  /// The driver of each device, by id.
  public internal(set) var ids: SharedMap<String, String>
  /// Whether a migration is running, during which QEMU refuses `device_add`.
  public let migrating: Known<Bool>
  /// Whether ACPI plugs into bridges that the machine starts with, instead of their own controllers.
  var hasACPIBridges: Known<Bool> = .known(false)
  /// Whether ACPI takes over no bridge below a port without hot plug (observed on 7.2.22; 10.0.13 and 11.1.3 do).
  var stopsACPIAtPorts = false
  /// Whether QEMU checks function 0 also for a plug that names no slot; 7.2 gives it the next slot, which does not exist
  /// below a port (observed on 7.2.22).
  var checksChosenSlots = true
  /// Whether an emulated physical function makes its virtual ones with itself, and not when the guest asks for them; see `EmulatedSRIOV`.
  var makesVirtualFunctions = true
  /// Ids that `sriov-pf` of virtual functions names, with the slots of those that are known. QEMU keeps an id for good.
  var physicalFunctions = SharedMap<String, [GuestPCIAddress]>()
  /// Whether libvirt chooses the slots that the definition does not give.
  var isPlacedByLibvirt = false
  /// The memory devices; nil where the machine has no place for them, or where they are not known.
  var memoryDevices: MemoryDevices?
  /// The objects that exist, by id.
  var objects = SharedMap<String, ObjectRequest>()
  /// Ids given in key=value text. QEMU compares these with each other before it creates any device.
  var keyvalIDs = SharedSet<String>()
  /// The guest's IOMMUs that QEMU has created.
  var iommus: [DeviceRequest] = []
  /// Whether `iommus` are known to be created before the devices behind them; a running QEMU does not report the order.
  var isOrderKnown = true
  /// The address spaces of assigned devices.
  var spaces = AddressSpaces()
  /// The IOMMU groups that are attached.
  var groupSpaces = SharedMap<Int, GroupAttachment>()
  /// Names that a root complex or a bus of another kind has in common with an older bus; QEMU finds the newer one first.
  var ambiguousBuses = SharedSet<String>()
  /// An id that only the shell knows, of a device that offers a bus: the bus may have any name.
  var openBusID: String?
  /// The type of the machine's own host bridge; nil where it is not known.
  var hostBridge: String?
  /// The root complex of each bus that was added: a chain of bridges is not followed to its end for each bridge in it.
  var roots = SharedMap<String, String>()
  /// Ids of `virtio-net` devices with failover.
  var standbys = SharedSet<String>()
  /// The ids of the primaries that QEMU keeps back, each by that of its standby.
  var primaries = SharedMap<String, String>()
  /// Whether this QEMU has realized Intel graphics before, also one that has gone; see `RealizeContext.graphicsQuirk`.
  var hadIntelGraphics: Known<Bool> = .known(false)
  /// Host functions that are attached already, with their backend.
  var assigned = SharedMap<PCIAddress, AttachedBackend>()

  /// A running guest, as its QEMU reports it.
  /// - Parameters:
  ///   - buses: every PCI bus, with every device on it (QMP `query-pci`, `qom-list-get`).
  ///   - rootBus: the machine's own bus; unknown when `buses` may not be complete.
  ///   - ids: the driver of each device below /machine/peripheral.
  ///   - migrating: whether `query-migrate` reports a migration that has not ended.
  public init(buses: [GuestBus], rootBus: Known<String?>, ids: [String: String], migrating: Known<Bool>) {
    for bus in buses.reversed() { self.buses[bus.name] = bus }
    self.rootBus = rootBus
    self.ids = SharedMap(ids)
    self.migrating = migrating
    // Root complexes beside the machine's own were made later, and take the devices that name no bus.
    if case .known(let own) = rootBus { expanderBus = buses.filter { $0.kind == .root && $0.name != own }.map(\.name).max() }
  }

  /// This topology with the assigned devices of another model of the same machine.
  func with(assignmentsOf other: Guest) -> Guest {
    var guest = self
    guest.keyvalIDs = other.keyvalIDs
    guest.iommus = other.iommus
    guest.spaces = other.spaces
    guest.assigned = other.assigned
    guest.groupSpaces = other.groupSpaces
    guest.areIndexesKnown = false
    guest.checksChosenSlots = other.checksChosenSlots
    guest.stopsACPIAtPorts = other.stopsACPIAtPorts
    guest.makesVirtualFunctions = other.makesVirtualFunctions
    return guest
  }

  /// The bus of that name; nil when it is not among `buses`.
  public func bus(named name: String) -> GuestBus? { buses[name] }

  /// The bus that a request names, or the machine's own; nil when the machine has none.
  public func bus(for request: DeviceRequest) throws(Unknown) -> GuestBus? {
    if case .unknown(let text)? = request.value("bus") {
      throw Unknown("guest bus of \(request.id.map { "`\($0)`" } ?? "a device")", reason: "it is \(text)")
    }
    if let name = request.bus ?? defaultBus.display.flatMap({ $0 }), ambiguousBuses.contains(name) { throw Guest.ambiguous(name) }
    if let name = request.bus {
      if let bus = buses[name] { return bus }
      if name.utf8.contains(UInt8(ascii: "/")), case .pci(let bus) = try named(name) { return bus }
      if let openBusID { throw Guest.open(name, openBusID) }
      if case .unknown(let unknown) = rootBus { throw Unknown("guest bus `\(name)`", reason: unknown.reason) }
      throw Unknown("guest bus `\(name)`", reason: "not in the configuration")
    }
    return try defaultBus.value.flatMap { buses[$0] }
  }

  /// The fact that is missing of a name that no bus has as far as the ids are known.
  static func open(_ name: String, _ id: String) -> Unknown {
    Unknown("guest bus `\(name)`", reason: "it may be that of the device with the id \(id)")
  }

  /// The fact that is missing of a name that several buses have.
  static func ambiguous(_ name: String) -> Unknown {
    Unknown("guest bus `\(name)`", reason: "several buses have the name")
  }

  /// The name of the request's bus, as `buses` has it; nil when it is not one of them.
  func busName(of request: DeviceRequest) -> String? {
    guard let name = request.bus else { return defaultBus.display.flatMap { $0 } }
    guard name.utf8.contains(UInt8(ascii: "/")) else { return name }
    if case .pci(let bus)? = try? named(name) { return bus.name }
    return nil
  }

  /// The bus of a device that names none: the newest root complex comes first (QEMU system/qdev-monitor.c:
  /// qbus_find_recursive; observed on 11.1.3).
  public var defaultBus: Known<String?> { expanderBus.map { .known($0) } ?? rootBus }

  /// The buses from one up to its root complex, nearest first.
  public func path(from name: String) -> [GuestBus] {
    var path: [GuestBus] = []
    var next = buses[name]
    // A running guest reports the parents, and may report a circle.
    while let bus = next, path.count < buses.count {
      path.append(bus)
      next = bus.parent.flatMap { buses[$0] }
    }
    return path
  }

  /// Empty ports that accept a hot plug, sorted by name.
  public var freePorts: [GuestBus] { buses.values.filter(\.isFreePort).sorted { $0.name < $1.name } }
}

import Facts

/// A device that QEMU has created, and what it occupies.
struct MadeDevice {
  /// The request with the values of `-global` options.
  let request: DeviceRequest
  let numbers: TakenNumbers
  /// Nil for a device that is not vfio's.
  let context: RealizeContext?
  /// Its place, where that is certain.
  var address: GuestPCIAddress?
}

/// The devices that were created so far, to make the guest again without those that are unplugged.
struct MadeDevices {
  private let empty: Guest
  private var devices: [MadeDevice] = []
  /// Slots of the devices that have an id, also of those that have gone.
  private var slots: [String: GuestPCIAddress] = [:]
  /// Values of `acpi-index` that failed plugs keep.
  private var lost: Set<UInt64> = []

  init(_ guest: Guest) { empty = guest }

  mutating func note(_ device: MadeDevice, at address: GuestPCIAddress?) {
    var device = device
    device.address = address
    devices.append(device)
    if let id = device.request.id { slots[id] = address }
  }

  mutating func note(failed index: UInt64?) { index.map { _ = lost.insert($0) } }

  /// The guest when it has released these, and what is behind them.
  /// - Parameter deleted: those that QEMU has reported as deleted. The guest releases a slot with all of its functions (QEMU
  ///   hw/acpi/pcihp.c: acpi_pcihp_eject_slot; hw/pci/pcie.c: pcie_cap_slot_do_unplug; hw/pci/shpc.c: shpc_free_devices_in_slot).
  mutating func without(_ ids: [String], _ deleted: [String], of guest: Guest) -> Guest {
    let emptied = deleted.compactMap { slots[$0] }.filter { !isUnexposed($0, in: guest) }
    var bridges: Set<String> = []
    func leaves(_ device: MadeDevice) -> Bool {
      guard let id = device.request.id else { return false }
      return ids.contains(id) && canLeave(device.request, guest)
    }
    var rest: [MadeDevice] = []
    for device in devices {
      let slot = device.address
      let isMate = emptied.contains { $0.bus == slot?.bus && $0.devfn / 8 == slot.map { $0.devfn / 8 } }
      let isBehind = device.request.bus.map(bridges.contains) ?? false
      guard leaves(device) || isMate || isBehind else { rest.append(device); continue }
      if let id = device.request.id { bridges.insert(id) }
    }
    devices = rest
    var next = empty
    for index in lost { next.acpiIndexes.insert(index) }
    next.hadIntelGraphics = guest.hadIntelGraphics
    next.physicalFunctions = SharedMap(Dictionary(guest.physicalFunctions.map { ($0.key, []) }) { $1 })
    // A backend that a device uses cannot be deleted.
    next.objects = guest.objects
    for device in devices { _ = next.add(device, stays: true) }
    for (pair, id) in guest.primaries where next.standbys.contains(pair) { next.primaries[pair] = id }
    return next
  }

  /// Whether QEMU unplugs a device: it does from a bus with hot plug, of a type that can be plugged (QEMU system/qdev-monitor.c:
  /// qdev_unplug). ACPI never ejects a bridge that was there from the start (QEMU hw/acpi/pcihp.c: acpi_pcihp_pc_no_hotplug).
  private func canLeave(_ request: DeviceRequest, _ guest: Guest) -> Bool {
    let driver = request.driver ?? ""
    // It has no bus.
    if driver == "pc-dimm" { return true }
    if driver == "vfio-pci-nohotplug" || RealizeContext.notHotpluggable.contains(driver) { return false }
    guard case .some(.some(let bus)) = try? guest.bus(for: request) else { return true }
    if bus.takesHotplug == .known(false) { return false }
    let isFixed = request.plug == .cold && PCIDrivers.isPCIBridge(driver)
    return !isFixed || bus.kind != .root && guest.hasACPIBridges != .known(true)
  }

  /// Whether a port unplugs the function alone: the guest does not see one without function 0 (QEMU hw/pci/pcie.c:
  /// pcie_cap_slot_unplug_request_cb).
  private func isUnexposed(_ address: GuestPCIAddress, in guest: Guest) -> Bool {
    guard address.devfn != 0, let bus = guest.buses[address.bus], bus.isPort else { return false }
    return bus.occupants[0] == nil && guest.hasACPIBridges != .known(true)
  }
}

/// The numbers that a device occupies.
struct TakenNumbers {
  /// It stays taken when realize fails.
  let acpiIndex: UInt64?
  let bootIndex: Int64?
  let chassis: ChassisSlot?
  /// The id of a network card that waits for the primary of its failover pair.
  let standby: String?

  /// - Parameter settings: the request with what `-global` options give it.
  /// - Parameter isIndexed: whether QEMU reads the device's `acpi-index`.
  /// - Parameter isBootable: whether its type has `bootindex`.
  init(of request: DeviceRequest, _ settings: DeviceRequest, chassis: ChassisSlot?, isIndexed: Bool, isBootable: Bool) {
    acpiIndex = isIndexed ? settings.natural("acpi-index").flatMap { $0 > 0 ? $0 : nil } : nil
    bootIndex = isBootable ? settings.value("bootindex").flatMap(QEMUNumber.index).flatMap { $0 >= 0 ? $0 : nil } : nil
    self.chassis = chassis
    let isStandby = request.driver?.hasPrefix("virtio-net") == true && request.isOn("failover")
    standby = isStandby ? request.id : nil
  }
}

extension Guest {
  /// Adds a device with all that it occupies.
  /// - Parameter stays: whether it was made before, and stays when others leave.
  /// - Returns: its address, when that is certain.
  mutating func add(_ device: MadeDevice, stays: Bool = false) -> GuestPCIAddress? {
    let address = add(device.request, at: device.address, stays: stays)
    if let physical = device.request.string("sriov-pf"), physicalFunctions[physical] == nil { physicalFunctions[physical] = [] }
    if let index = device.numbers.acpiIndex { acpiIndexes.insert(index) }
    if let id = device.request.keyvalID { keyvalIDs.insert(id) }
    take(device.numbers)
    if MemoryDevices.drivers.contains(device.request.driver ?? "") { _ = memoryDevices?.add(device.request) { objects[$0] } }
    if let context = device.context { assign(context) }
    return address
  }

  /// Records the primary of a failover pair.
  mutating func keepBack(_ request: DeviceRequest) {
    if let id = request.keyvalID { keyvalIDs.insert(id) }
    guard let pair = request.string("failover_pair_id"), primaries[pair] == nil, let id = request.id else { return }
    primaries[pair] = id
  }

  /// Records the numbers that a device occupies.
  mutating func take(_ numbers: TakenNumbers) {
    if let index = numbers.bootIndex { bootIndexes.insert(index) }
    if let place = numbers.chassis { chassisSlots.insert(place) }
    if let id = numbers.standby { standbys.insert(id) }
  }

  /// Records Intel graphics that QEMU has realized, or has begun to.
  mutating func note(graphics context: RealizeContext) {
    do throws(Unknown) {
      if try context.isGraphicsWithStolenMemory() { hadIntelGraphics = .known(true) }
    } catch {
      hadIntelGraphics = .unknown(error)
    }
  }

  /// Records what a vfio device that QEMU has realized holds of the host.
  mutating func assign(_ context: RealizeContext) {
    let space: Known<AddressSpace>
    do throws(Unknown) {
      space = .known(try context.addressSpace())
    } catch {
      space = .unknown(error)
    }
    spaces.attach(context.request, context.backend, in: space)
    if case .known(.some(let group)) = context.device.flatMap(\.group), groupSpaces[group] == nil {
      groupSpaces[group] = GroupAttachment(space: space, backend: context.backend)
    }
    guard context.backend.isKnown, let address = context.address else { return }
    assigned[address] = context.iommufdLink.map(AttachedBackend.iommufd) ?? .legacy
  }
}

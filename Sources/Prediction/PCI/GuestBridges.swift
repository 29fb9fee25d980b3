import Facts

extension Guest {
  /// Adds a device that QEMU has created: its id, its slot, and the bus behind it.
  /// - Parameter place: the address of a device that stays when others leave.
  /// - Parameter stays: whether it is such a device, and QEMU chooses no slot for it again.
  /// - Returns: its address, when that is certain.
  mutating func add(_ request: DeviceRequest, at place: GuestPCIAddress? = nil, stays: Bool = false) -> GuestPCIAddress? {
    if let id = request.id { ids[id] = request.driver ?? "" }
    guard let driver = request.driver else { return nil }
    if Guest.isIOMMU(driver) { iommus.append(request) }
    if !PCIDrivers.isKnown(driver) || driver == "usb-hub" { hasOnlyKnownDevices = false }
    let address = assignSlot(request, driver, place, stays)
    // The IOMMU of AMD has a PCI function of its own (QEMU hw/i386/amd_iommu.c: amdvi_sysbus_realize).
    if driver == "amd-iommu", !request.has("pci-id"), case .known(.some(let root)) = rootBus {
      buses[root]?.place(.placed(SlotDevice(board: "AMDVI-PCI")))
    }
    if driver.hasPrefix("virtio-balloon") { hasBalloon = true }
    addBuses(behind: request, driver, address)
    return address
  }

  /// Adds the buses that a device offers. A bus whose name is taken cannot be addressed: QEMU finds the older first.
  private mutating func addBuses(behind request: DeviceRequest, _ driver: String, _ address: GuestPCIAddress?) {
    var names: [String] = []
    var isHidden = false
    if case .unknown(let text)? = request.value("id"), PCIDrivers.isBridge(driver) || PCIDrivers.offeredBus(driver) != nil {
      openBusID = text
    }
    if let offered = PCIDrivers.offeredBus(driver) {
      for _ in 0..<offered.count {
        let name = busName(behind: request, offered.type)
        if buses[name] != nil { ambiguousBuses.insert(name) }
        otherBuses[name] = offered.type
        names.append(name)
      }
    }
    if PCIDrivers.hasVirtioBus(driver) {
      // Its other bus is behind the virtio device on this one.
      otherBuses["virtio-bus"] = "virtio-pci-bus"
      names = ["virtio-bus"]
    }
    if PCIDrivers.isExpander(driver), let id = request.id, buses[id] != nil { ambiguousBuses.insert(id) }
    if driver == "pxb" {
      // The bridge in its own root complex has its id, and its devices.
      let bridge = SlotDevice(driver: "pci-bridge", id: request.id, isMultifunction: .known(false))
      buses["pxb-internal"] = GuestBus(
        "pxb-internal", kind: .root, isExpress: false, takesHotplug: .known(false), parent: nil, occupants: [0: bridge],
        expander: request)
      expanderBus = "pxb-internal"
      expanderHosts["pxb-host"] = "pxb-internal"
      let name = request.id ?? busName(behind: request, "PCI")
      if buses[name] == nil {
        buses[name] = GuestBus(name, kind: .bridge, isExpress: false, takesHotplug: .known(false), parent: "pxb-internal")
      }
    } else if PCIDrivers.isBridge(driver), let bus = busBehind(request, driver) {
      // QEMU begins its search at the system's bus.
      let isFound = buses[bus.name] == nil && otherBuses[bus.name] != "System"
      if isFound {
        roots[bus.name] = bus.parent.flatMap(root)
        buses[bus.name] = bus
      }
      if !PCIDrivers.isExpander(driver) {
        names = [bus.name]
        isHidden = !isFound
      } else if isFound {
        expanderBus = bus.name
        expanderHosts[driver == "pxb-cxl" ? "pxb-cxl-host" : "pxb-host"] = bus.name
      }
    }
    guard let address else { return }
    busesBehind[address] = names.isEmpty ? nil : BusesBehind(number: offeringCount, names: names, isHidden: isHidden)
    offeringCount += 1
  }

  /// The name that QEMU gives to a bus behind a device: its id, else its type and a number (QEMU hw/core/bus.c:
  /// qbus_init_internal).
  private mutating func busName(behind request: DeviceRequest, _ type: String) -> String {
    if case .unknown(let text)? = request.value("id") { return text }
    let base = request.id ?? type.lowercased()
    let number = automaticBuses[base, default: 0]
    automaticBuses[base] = number + 1
    return "\(base).\(number)"
  }

  /// Whether QEMU answers when the guest reads the function's config space: only where there is a
  /// function 0, below a port that of slot 0 (QEMU hw/pci/pci_host.c; observed on 11.1.3).
  func canReach(_ address: GuestPCIAddress) -> Known<Bool> {
    guard let bus = buses[address.bus] else { return .known(true) }
    if bus.occupants[bus.isPort ? 0 : address.devfn & ~7] != nil { return .known(true) }
    if bus.unplacedDeviceCount == 0 || bus.isPort { return .known(false) }
    return .unknown("function 0 of slot \(address.devfn / 8) of \(address.bus)", "QEMU chooses slots there")
  }

  /// Whether it is a PCI device of the guest, and not a bridge.
  public func isEndpoint(_ request: DeviceRequest) -> Bool {
    guard let driver = request.driver, !PCIDrivers.isBridge(driver), !PCIDrivers.isElsewhere(driver) else { return false }
    return PCIDrivers.isPCI(driver) || request.bus.map { buses[$0] != nil } ?? false
  }

  private mutating func assignSlot(
    _ request: DeviceRequest, _ driver: String, _ place: GuestPCIAddress?, _ stays: Bool
  ) -> GuestPCIAddress? {
    if let place, buses[place.bus] != nil {
      put(request, driver, place)
      return place
    }
    // libvirt never assigns one slot twice.
    if case .unknown? = request.value("bus") {
      if isPlacedByLibvirt { return nil }
      for name in buses.keys {
        buses[name]?.unplacedDeviceCount += 1
        if !PCIDrivers.isElsewhere(driver) { buses[name]?.mayBeTaken = true }
      }
      return nil
    }
    guard let name = busName(of: request), let bus = buses[name] else { return nil }
    guard PCIDrivers.isPCI(driver) || request.has("addr") else {
      // It may still be a PCI device, with a slot of the root bus.
      if request.bus == nil, !PCIDrivers.isElsewhere(driver) { buses[name]?.unplacedDeviceCount += 1 }
      return nil
    }
    // A value that QEMU refuses, and a place that it refuses, leave no device.
    guard let requested = QEMUSlot.requested(request) else { return nil }
    guard case .known(let devfn) = requested else {
      buses[name]?.unplacedDeviceCount += 1
      buses[name]?.mayBeTaken = true
      return nil
    }
    let address: GuestPCIAddress
    switch bus.assignDevfn(to: request, driver: driver, requested: devfn, checksChosen: checksChosenSlots) {
    case .at(let devfn): address = GuestPCIAddress(bus: name, devfn: devfn)
    case .refused: return nil
    case .undetermined:
      buses[name]?.unplacedDeviceCount += 1
      return nil
    }
    // A slot that QEMU chooses is certain only while all earlier devices have known slots.
    if devfn == nil, !bus.isPort, bus.unplacedDeviceCount > 0 || stays {
      buses[name]?.unplacedDeviceCount += 1
      return nil
    }
    put(request, driver, address)
    return address
  }

  private mutating func put(_ request: DeviceRequest, _ driver: String, _ address: GuestPCIAddress) {
    let functions = EmulatedSRIOV.of(request, driver)
    let isPhysical = functions != nil || request.id.map { physicalFunctions[$0] != nil } ?? false
    buses[address.bus]?.occupants[address.devfn] = SlotDevice(
      driver: driver, id: request.id, isMultifunction: isPhysical ? .known(true) : request.multifunction,
      isVirtual: request.has("sriov-pf"))
    if makesVirtualFunctions, let functions { buses[address.bus]?.add(functions, of: address.devfn) }
    if let physical = request.string("sriov-pf") { physicalFunctions[physical, default: []].append(address) }
  }

  /// The bus behind a bridge, which has the bridge's id (QEMU hw/pci/pci_bridge.c: pci_bridge_initfn), or that of a root
  /// complex.
  private mutating func busBehind(_ request: DeviceRequest, _ driver: String) -> GuestBus? {
    let isConventional = PCIDrivers.isConventionalBridge(driver)
    let isExpander = PCIDrivers.isExpander(driver)
    let id = request.id ?? busName(behind: request, isExpander ? "\(driver)-bus" : isConventional ? "PCI" : "PCIE")
    switch driver {
    case "pcie-root-port", "ioh3420", "xio3130-downstream", "cxl-rp", "cxl-downstream":
      let hotplug = request.flag("hotplug", default: true)
      let acpi = hotplug.flatMap { $0 ? isHandledByACPI(request) : .known(false) }
      return GuestBus(
        id, kind: .port, isExpress: true, takesHotplug: hotplug, isHandledByACPI: acpi, parent: parent(of: request))
    case "pxb-pcie", "pxb-cxl":
      return GuestBus(
        id, kind: .root, isExpress: true, takesHotplug: .known(false), parent: nil, expander: request)
    case "x3130-upstream", "cxl-upstream", "i82801b11-bridge":
      return GuestBus(
        id, kind: .bridge, isExpress: driver != "i82801b11-bridge", takesHotplug: isPluggedByACPI(request),
        isHandledByACPI: isHandledByACPI(request), parent: parent(of: request))
    case "pcie-pci-bridge", "pci-bridge", "pci-bridge-seat":
      let acpi = isPluggedByACPI(request)
      let standard = driver == "pcie-pci-bridge" ? .known(true) : request.flag("shpc", default: true)
      return GuestBus(
        id, kind: .bridge, isExpress: false, takesHotplug: acpi == .known(true) ? acpi : standard,
        isStandardHotplug: acpi.map { !$0 }, isHandledByACPI: isHandledByACPI(request), parent: parent(of: request))
    default: return nil
    }
  }

  private func parent(of request: DeviceRequest) -> String? { busName(of: request) }

  /// Whether ACPI takes over the bus behind a bridge that it has plugged itself (QEMU hw/acpi/pcihp.c: acpi_pcihp_device_plug_cb;
  /// observed on 7.2.22).
  private func isHandledByACPI(_ request: DeviceRequest) -> Known<Bool> {
    if request.plug == .hot { return .known(false) }
    guard let bus = parent(of: request).flatMap({ buses[$0] }) else { return .known(false) }
    return bus.isHandledByACPI.flatMap { $0 ? hasACPIBridges : .known(false) }
  }

  private func root(of name: String) -> String? { roots[name] ?? path(from: name).last?.name }

  /// Whether ACPI handles hot plugs behind the bridge. It does below the machine's own root complex for bridges that
  /// are there from the start; below a pxb-pcie, and for a hot-plugged bridge, the bridge's own controller does
  /// (observed on 11.1.3).
  private func isPluggedByACPI(_ request: DeviceRequest) -> Known<Bool> {
    if request.plug == .hot { return .known(false) }
    if stopsACPIAtPorts { return isHandledByACPI(request) }
    let root = parent(of: request).flatMap(root)
    return rootBus.flatMap { machine in root == machine ? hasACPIBridges : .known(false) }
  }
}

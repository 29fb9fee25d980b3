import Facts

/// The checks of a device that is not a vfio device, in QEMU's order, as far as its type is modelled: those of every
/// device and of the PCI core for all PCI devices, all of a bridge, a root complex and an IOMMU of x86.
private enum OtherDeviceStep: CaseIterable {
  case keyvalID, type, pluggableClass, bus, hotplug, migrating, dynamicSysbus, globals, id, properties, memory, secondIOMMU, slot, port
  case expander, iommu, balloon, needs, crash, virtualFunction, failover, optionROM, hotplugController, migratable
}

extension RealizeContext {
  /// The first failure, and whether all steps before it were decided; nil when none is certain. What is not modelled is not reported.
  func otherDeviceFailure() -> (failure: RealizeFailure?, isDecided: Bool) {
    for step in OtherDeviceStep.allCases {
      // QEMU checks no more of a device that is kept back.
      if step == .hotplug, isHiddenPrimary { return (hiddenPrimaryFailure(), true) }
      do throws(Unknown) {
        if let failure = try otherDeviceFailure(at: step) { return (failure, true) }
      } catch {
        // The steps after it may depend on it.
        return (nil, false)
      }
    }
    return (nil, true)
  }

  private func otherDeviceFailure(at step: OtherDeviceStep) throws(Unknown) -> RealizeFailure? {
    switch step {
    case .keyvalID: return keyvalID
    case .type: return ReleasedTypes.refusal(of: driver, in: qemu)
    case .pluggableClass: return pluggableClass
    case .bus: return PCIDrivers.isPCI(driver) ? try busLookup() : try foreignBus()
    case .hotplug: return try otherHotplug()
    case .migrating: return try migrating()
    case .dynamicSysbus: return dynamicSysbus
    case .globals:
      // Devices of other kinds have no `addr`.
      if let crash = index.crashingGlobal(of: driver), PCIDrivers.isPCI(driver) || crash.property == "realized" { return crash }
      return try badGlobalOfDriver()
    case .id: return qdevID
    case .properties: return try otherProperties()
    case .memory: return memoryWithoutACPI ?? memoryRefusal
    case .secondIOMMU: return secondIOMMU
    case .slot: return PCIDrivers.isPCI(driver) ? try assignSlot() : nil
    case .port:
      if let failure = try withoutMSI() { return failure }
      return try portFailure()
    case .expander: return try expanderFailure()
    case .iommu: return try iommuFailure()
    // QEMU crashes before it checks the parts of an `nvme`.
    case .needs: return driver == "nvme" && settings.has("sriov-pf") ? nil : try needRefusal()
    case .crash:
      return QEMUCrash.property(of: withGlobals, in: qemu) ?? QEMUCrash.doorbell(of: request, in: machine)
        ?? QEMUCrash.sharedMemory(of: request, in: machine)
    case .virtualFunction:
      guard PCIDrivers.isPCI(driver) else { return nil }
      if let failure = try virtioGeneration() { return failure }
      if let failure = try platformOfLegacy() { return failure }
      if let failure = try virtualFunctionRefused() { return failure }
      return try virtualFunctionsRefused()
    case .failover: return unrealized(try failoverOfOther())
    case .optionROM: return PCIDrivers.isPCI(driver) ? unrealized(try optionROM()) : nil
    case .hotplugController: return PCIDrivers.isPCI(driver) ? try hotplugController() : nil
    case .migratable:
      guard driver == "amd-iommu", machine.hasOption("only-migratable") else { return nil }
      return RealizeFailure(
        .iommuRefused, property: "driver", "Device amd-iommu is not migratable, but --only-migratable was specified")
    case .balloon:
      guard driver.hasPrefix("virtio-balloon"), guest.hasBalloon else { return nil }
      return RealizeFailure(.badOption, property: "driver", "Only one balloon device is supported")
    }
  }

  /// The refusal of a memory module (QEMU hw/i386/pc.c: pc_memory_pre_plug).
  private var memoryWithoutACPI: RealizeFailure? {
    let kind = MachineKind(machine)
    guard ["pc-dimm", "nvdimm"].contains(driver), kind == .q35 || kind == .i440fx, !machine.hasACPI else { return nil }
    return RealizeFailure(
      .badOption, property: "driver", "memory hotplug is not enabled: missing acpi device or acpi disabled")
  }

  /// The failure of `failover_pair_id` of a device that is not kept back (QEMU hw/pci/pci.c: pci_qdev_realize).
  private func failoverOfOther() throws(Unknown) -> RealizeFailure? {
    guard PCIDrivers.isPCI(driver), PCIDrivers.isKnown(driver), settings.has("failover_pair_id") else { return nil }
    guard let bus = try bus() else { return nil }
    guard bus.isExpress, PCIDrivers.mayBeNetworkCard(driver) else {
      let text = bus.isExpress ? "is not an Ethernet device" : "must be on PCIExpress bus"
      return RealizeFailure(.badFailover, "failover primary device " + text)
    }
    return try sharedSlotOfFailover()
  }

  /// The failure of a device that its type has realized: QEMU exits, or unrealizes it, and crashes with some types.
  private func unrealized(_ failure: RealizeFailure?) -> RealizeFailure? {
    guard failure != nil, request.plug == .hot || driver == "rocker" else { return failure }
    return QEMUCrash.undone(driver) ?? failure
  }

  /// The bus of a device that is not a PCI device, where its type is known.
  private func foreignBus() throws(Unknown) -> RealizeFailure? {
    let isOfArm = driver == "arm-smmuv3" && MachineKind(machine) == .virt && !qemu.isBefore(11, 1)
    let isOfSystem = driver == "intel-iommu" || driver == "amd-iommu" || isOfArm
    let isModule = driver == "pc-dimm" || driver == "nvdimm"
    if isModule, request.bus == nil { return nil }
    if request.bus == nil, let bus = PCIDrivers.bus(offeredTo: driver) {
      _ = try guest.rootBus.value
      guard guest.hasOnlyKnownDevices, !machine.devices.contains(where: { bus.by.contains($0.driver ?? "") }) else { return nil }
      return RealizeFailure(.noPCIBus, "No '\(bus.type)' bus found for device '\(driver)'")
    }
    guard let type = isOfSystem ? "System" : isModule ? "" : PCIDrivers.neededBus(driver) else { return nil }
    _ = try guest.rootBus.value
    guard guest.hasOnlyKnownDevices else { return nil }
    guard let name = request.bus else {
      if isOfSystem || guest.otherBuses.values.contains(type) { return nil }
      return RealizeFailure(.noPCIBus, "No '\(type)' bus found for device '\(driver)'")
    }
    switch try guest.named(name) {
    case .other(type): return nil
    case .other(let other): return RealizeFailure(.wrongBusType, "Device '\(driver)' can't go on \(other) bus")
    case .pci(let bus):
      return RealizeFailure(.wrongBusType, "Device '\(driver)' can't go on \(bus.isExpress ? "PCIE" : "PCI") bus")
    case .refused(let failure): return failure
    }
  }

  /// A `-global` for the driver whose value QEMU refuses. A hot plug continues.
  private func badGlobalOfDriver() throws(Unknown) -> RealizeFailure? {
    guard request.plug == .cold else { return nil }
    return try index.badGlobal(of: driver)
  }

  /// Device types that cannot be plugged into a running machine (observed on 11.1.3).
  static let notHotpluggable: Set<String> = [
    "VGA", "acpi-erst", "amd-iommu", "arm-smmuv3", "ati-vga", "cirrus-vga", "cxl-rp", "ich9-usb-ehci1", "ich9-usb-ehci2", "ich9-usb-uhci1",
    "ich9-usb-uhci2", "ich9-usb-uhci3", "ich9-usb-uhci4", "ich9-usb-uhci5", "ich9-usb-uhci6", "intel-iommu", "pci-ohci",
    "piix3-ide", "piix4-ide", "pxb", "pxb-cxl", "pxb-pcie", "vfio-pci-igd-lpc-bridge", "vhost-user-gpu-pci", "vhost-user-vga",
    "virtio-gpu-pci", "virtio-iommu-pci", "virtio-vga", "vmware-svga",
  ]

  private func otherHotplug() throws(Unknown) -> RealizeFailure? {
    guard request.plug == .hot else { return nil }
    if isNeverHotplugged {
      return RealizeFailure(.classNotHotpluggable, "Device '\(driver)' does not support hotplugging")
    }
    return PCIDrivers.isPCI(driver) ? try hotplug() : nil
  }

  /// The failure of a value that a modelled property does not accept, or of a name that a modelled device does not have.
  private func otherProperties() throws(Unknown) -> RealizeFailure? {
    for offset in PropertyOrder.sorted(of: request) {
      let property = request.properties[offset]
      if ["driver", "bus", "id"].contains(property.name) { continue }
      switch DeviceProperties.lookup(property.name, of: driver, in: qemu) {
      case .unknown:
        if let failure = linkRefusal(property) { return failure }
      case .absent:
        return RealizeFailure(
          .badOption, property: property.name, "Property '\(driver).\(property.name)' not found")
      case .kind(let kind):
        if case .unknown(let text) = property.value { throw Unknown("value of \(property.name)", reason: "written as \(text)") }
        let text = try PropertyChecks.refusal(property.name, property.value, kind: kind, of: request, in: qemu)
        if let text { return RealizeFailure(.badOption, property: property.name, text) }
        if let failure = linkRefusal(property) { return failure }
        if property.name == "primary-bus", driver == "virtio-iommu-pci" || !qemu.isBefore(11, 1),
          let failure = try primaryBusLink(property.value.string ?? "")
        {
          return failure
        }
        if let failure = try QEMUCrash.reservedRegions(property, of: request, on: MachineKind(machine)) { return failure }
        if property.name == "bootindex", let failure = try lookUp(property.name, property.value, kind) { return failure }
      }
    }
    return nil
  }

  /// The text of a property, or that of the last `-global` for the driver; nil where neither gives it.
  func otherSetting(_ name: String) throws(Unknown) -> String? { try machine.setting(name, of: request).value }

  /// A natural number of a property or of a `-global`; octal after a 0, as QEMU reads it.
  func otherNumber(_ name: String, default value: UInt64) throws(Unknown) -> UInt64 {
    try machine.number(name, of: request, default: value)
  }

  /// A size in bytes of a property or of a `-global`; all ones where neither gives it.
  private func otherSize(_ name: String) throws(Unknown) -> UInt64 {
    if let text = try otherSetting(name), case .bytes(let bytes) = QEMUNumber.size(text, isOld: qemu.isBefore(8, 0)) { return bytes }
    return .max
  }
}

/// Chassis and slot of a port, which no other port may have (QEMU hw/pci/pcie_port.c: pcie_chassis_add_slot).
struct ChassisSlot: Hashable {
  let chassis: UInt64
  let slot: UInt64
}

extension MachineConfig {
  fileprivate static let ports: Set<String> = ["pcie-root-port", "ioh3420", "xio3130-downstream", "cxl-rp", "cxl-downstream"]

  /// Chassis and slot of a port; nil for any other device.
  func chassisSlot(of request: DeviceRequest) throws(Unknown) -> ChassisSlot? {
    guard let driver = request.driver, MachineConfig.ports.contains(driver) else { return nil }
    return ChassisSlot(
      chassis: try number("chassis", of: request, default: 0), slot: try number("slot", of: request, default: 0))
  }
}

/// The checks of bridges (QEMU hw/pci-bridge).
extension RealizeContext {
  func portFailure() throws(Unknown) -> RealizeFailure? {
    if let place = try machine.chassisSlot(of: request), guest.chassisSlots.contains(place) {
      return RealizeFailure(.chassisTaken, property: "chassis", "Can't add chassis slot, error -16")
    }
    let isNamed = driver == "pci-bridge" || driver == "pci-bridge-seat"
    if isNamed, try otherNumber("chassis_nr", default: 0) == 0 {
      return noChassis("chassis_nr")
    }
    if MachineConfig.ports.contains(driver) || driver.hasSuffix("-upstream") {
      let logs = try otherNumber("aer_log_max", default: 8)
      if logs > 128 {
        return RealizeFailure(
          .badOption, property: "aer_log_max", "Invalid aer_log_max \(logs). The max number of aer log is 128")
      }
    }
    return isNamed || driver == "pcie-root-port" || driver == "cxl-rp" ? try reserveFailure() : nil
  }

  private func noChassis(_ property: String) -> RealizeFailure {
    RealizeFailure(
      .badOption, property: property,
      "Bridge chassis not specified. Each bridge is required to be assigned a unique chassis id > 0.")
  }

  /// QEMU hw/pci/pci_bridge.c: pci_bridge_qemu_reserve_cap_init. All ones: nothing is reserved.
  private func reserveFailure() throws(Unknown) -> RealizeFailure? {
    let (low, high) = (try otherSize("pref32-reserve"), try otherSize("pref64-reserve"))
    func fails(_ name: String, _ text: String) -> RealizeFailure {
      RealizeFailure(.badOption, property: name, "PCI resource reserve cap: " + text)
    }
    if low != .max, high != .max { return fails("pref32-reserve", "PREF32 and PREF64 conflict") }
    let memory = try otherSize("mem-reserve")
    if memory != .max, memory >= 1 << 32 { return fails("mem-reserve", "mem-reserve must be less than 4G") }
    if low != .max, low >= 1 << 32 { return fails("pref32-reserve", "pref32-reserve  must be less than 4G") }
    return nil
  }

  /// The failure of a `pxb` (QEMU hw/pci-bridge/pci_expander_bridge.c: pxb_dev_realize, pxb_register_bus).
  func expanderFailure() throws(Unknown) -> RealizeFailure? {
    guard PCIDrivers.isExpander(driver), let bus = try bus() else { return nil }
    if bus.isExpress != (driver != "pxb") {
      return RealizeFailure(
        .badOption, property: "bus", "\(driver) devices cannot reside on a \(bus.isExpress ? "PCIe" : "PCI") bus")
    }
    let node = try otherNumber("numa_node", default: 128)
    if node != 128 {
      guard let memory = MemoryOption(machine, qemu) else { throw Unknown("NUMA nodes of the guest", reason: "its memory is not known") }
      let nodes = NUMANodes.read(machine, memory, qemu)
      guard nodes.isKnown else { throw Unknown("NUMA nodes of the guest", reason: "not counted") }
      if node >= nodes.count { return RealizeFailure(.badOption, property: "numa_node", "Illegal numa node \(node)") }
    }
    if bus.kind != .root {
      return RealizeFailure(.badOption, property: "bus", "PXB devices can be attached only to root bus")
    }
    let number = try otherNumber("bus_nr", default: 0)
    for other in guest.buses.values {
      guard let expander = other.expander else { continue }
      if try machine.number("bus_nr", of: expander, default: 0) == number {
        return RealizeFailure(.badOption, property: "bus_nr", "Bus \(number) is already in use")
      }
    }
    // The bridge in a `pxb` has its number as chassis (QEMU hw/pci-bridge/pci_expander_bridge.c: pxb_dev_realize_common).
    if driver == "pxb", number == 0 { return noChassis("bus_nr") }
    return nil
  }
}

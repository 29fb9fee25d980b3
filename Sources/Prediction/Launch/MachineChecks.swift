import Facts

extension MachineConfig {
  /// Refusals of the machine itself: of its type, and of ids and descriptors of objects.
  /// - Parameter isArm: whether the host is an Arm machine; nil where that is not known.
  func launchFailures(_ qemu: QEMUProfile, isArm: Bool?) -> [LaunchFailure] {
    // Objects are read with the command line.
    let read = textFailures(qemu)
    if let unknown = unknownType(qemu, isArm: isArm) { return read + objects.compactMap { refusal($0, qemu) } + [unknown] }
    return read + optionFailures(qemu) + machinePropertyFailures(qemu) + objects.compactMap { refusal($0, qemu) } + duplicateObjects
      + [expanderOfCXL].compactMap { $0 } + globals.compactMap { refusal($0, qemu) }
      + [refusalOfOwnSMMU(qemu)].compactMap { $0 }
  }

  /// The PCI cards that `model` of `-nic` and `-net` may name. pc, q35 and virt make an object of each to list them, whether or not
  /// the machine has one (QEMU net/net.c: qemu_get_nic_models; observed on 11.1.3).
  static let cards: Set<String> = [
    "e1000", "e1000-82544gc", "e1000-82545em", "e1000e", "igb", "ne2k_pci", "pcnet", "rtl8139", "tulip", "virtio-net-pci",
    "virtio-net-pci-non-transitional", "virtio-net-pci-transitional", "vmxnet3", "i82550", "i82551", "i82557a",
    "i82557b", "i82557c", "i82558a", "i82558b", "i82559a", "i82559b", "i82559c", "i82559er", "i82562", "i82801",
  ]

  /// A `-global` that stops or crashes QEMU before it makes any device.
  private func refusal(_ global: GlobalProperty, _ qemu: QEMUProfile) -> LaunchFailure? {
    guard qemu.modelledRelease != nil, libvirt == nil else { return nil }
    let kind = MachineKind(self)
    switch kind {
    case .q35, .i440fx, .virt, .microvm: break
    case .withoutPCI, .unknown: return nil
    }
    if MachineConfig.basesOfDevices.contains(global.driver) {
      return refusalByFirstDevice(global, kind, qemu).map { LaunchFailure($0, at: global.location) }
    }
    if let refused = refusalOfHole(global, kind, qemu) { return refused }
    if !qemu.isBefore(8, 0), kind != .microvm, let refused = MachineConfig.refusalOfVirtio(global, qemu) { return refused }
    let isOfBoard = MachineConfig.basesOfHostBridges.contains(global.driver)
    if let refused = refusalByFirstCard(global, kind, qemu) { return LaunchFailure(refused, at: global.location) }
    // 7.2 makes only the card of the board.
    let made = qemu.isBefore(8, 0) || kind == .microvm
      ? addedDevices(kind, qemu).compactMap { $0.device?.driver } : Array(MachineConfig.cards)
    let card = made.filter { PCIDrivers.derives($0, from: global.driver) }.min()
    guard isOfBoard || card != nil else { return nil }
    if global.property == "addr" {
      return QEMUCrash.global(global, in: qemu).map { LaunchFailure($0, at: global.location) }
    }
    if isOfBoard, let refused = boardRefusal(global, kind, qemu) { return LaunchFailure(refused, at: global.location) }
    let first = isOfBoard ? MachineConfig.hostBridge(kind) : card ?? global.driver
    guard case .kind(let kind) = DeviceProperties.lookup(global.property, of: isOfBoard ? "e1000e" : first, in: qemu),
      let text = PropertyChecks.globalRefusal(global.property, global.value, kind: kind, driver: first, in: qemu)
    else { return nil }
    let named = "can't apply global \(global.driver).\(global.property)=\(global.value): "
    return LaunchFailure(RealizeFailure(.badGlobal, named + text), at: global.location)
  }

  private func refusalOfHole(_ global: GlobalProperty, _ kind: MachineKind, _ qemu: QEMUProfile) -> LaunchFailure? {
    let owner = kind == .q35 ? "q35-pcihost" : kind == .i440fx ? "i440FX-pcihost" : ""
    guard global.driver == owner, global.property == "pci-hole64-size",
      let text = PropertyChecks.globalRefusal(global.property, global.value, kind: .size(maximum: nil), driver: owner, in: qemu)
    else { return nil }
    let named = "can't apply global \(owner).pci-hole64-size=\(global.value): "
    return LaunchFailure(RealizeFailure(.badGlobal, named + text), at: global.location)
  }

  private static func hostBridge(_ kind: MachineKind) -> String {
    kind == .q35 ? "mch" : kind == .i440fx ? "i440FX" : "gpex-root"
  }

  /// The refusal of a `-global` of every PCI device by the first one of the board, a host bridge: it has what the PCI core gives,
  /// and is not an Ethernet device (observed on 11.1.3, 10.0.13 and 7.2.22).
  private func boardRefusal(_ global: GlobalProperty, _ kind: MachineKind, _ qemu: QEMUProfile) -> RealizeFailure? {
    let bridge = MachineConfig.hostBridge(kind)
    switch global.property {
    case "failover_pair_id":
      let text = kind == .i440fx ? "must be on PCIExpress bus" : "is not an Ethernet device"
      return RealizeFailure(.badGlobal, "failover primary device " + text)
    case "sriov-pf" where !qemu.isBefore(10, 1):
      return RealizeFailure(.badGlobal, "user cannot create SR-IOV VF with this device type")
    case "acpi-index" where kind == .q35 || kind == .i440fx && !qemu.isBefore(8, 0):
      guard case .natural(let index)? = QEMUNumber.integer(global.value), 1...0xffff_ffff ~= index else { return nil }
      if index > 16383 { return RealizeFailure(.badGlobal, "acpi-index should be less or equal to 16383") }
      // The board has more than one device.
      return RealizeFailure(.badGlobal, "a PCI device with acpi-index = \(index) already exist")
    case "type", "hotplugged", "hotpluggable", "parent_bus": return MachineConfig.notWritable(global, by: bridge)
    case _ where !DeviceProperties.isOfPCICore(global.property, in: qemu):
      return RealizeFailure(
        .badGlobal,
        "can't apply global \(global.driver).\(global.property)=\(global.value): Property '\(bridge).\(global.property)' not found")
    default: return nil
    }
  }

  /// The two properties of `virtio-pci` that its cards of only one generation do not have: QEMU makes one of each.
  private static func refusalOfVirtio(_ global: GlobalProperty, _ qemu: QEMUProfile) -> LaunchFailure? {
    // The device in a card has no numbers, of which the C library would decide about some.
    if ["virtio-net-device", "virtio-device"].contains(global.driver) {
      let failure = (try? MachineIndex.refusal(of: global, for: "virtio-net-device", qemu)) ?? nil
      return failure.map { LaunchFailure($0, at: global.location) }
    }
    guard global.driver == "virtio-pci", ["disable-legacy", "disable-modern"].contains(global.property) else { return nil }
    let kind: PropertyKind = global.property == "disable-legacy" ? .onOffAuto : .bool
    let text = PropertyChecks.globalRefusal(global.property, global.value, kind: kind, driver: "virtio-net-pci", in: qemu)
      ?? "Property 'virtio-net-pci-non-transitional.\(global.property)' not found"
    let named = "can't apply global virtio-pci.\(global.property)=\(global.value): "
    return LaunchFailure(RealizeFailure(.badGlobal, named + text), at: global.location)
  }

  /// Objects of different types with one id. Of two iommufd objects each device that is linked to one reports it.
  private var duplicateObjects: [LaunchFailure] {
    var first: [String: ObjectRequest] = [:]
    return objects.compactMap { object in
      guard let id = object.id, let other = first.updateValue(object, forKey: id) else { return nil }
      if other.type == "iommufd", object.type == "iommufd" { return nil }
      return LaunchFailure(RealizeFailure(.badObject, MachineConfig.duplicate(id, of: [object, other])), at: object.location)
    }
  }

  /// The refusal of a second object with an id: ids of text are compared before any object is made.
  static func duplicate(_ id: String, of objects: [ObjectRequest]) -> String {
    let texts = objects.count { $0.id == id && !$0.isVisited }
    return texts > 1 ? "Duplicate ID '\(id)' for object" : "attempt to add duplicate property '\(id)' to object (type 'container')"
  }

  /// A `pxb-cxl` in a machine without CXL.
  private var expanderOfCXL: LaunchFailure? {
    guard let device = devices.first(where: { $0.driver == "pxb-cxl" }), machineSetting("cxl") == .known(nil) else { return nil }
    return LaunchFailure(RealizeFailure(.badOption, "CXL host bridges present, but cxl=off"), of: device)
  }

  /// The refusal of an object when QEMU makes it: of its id (QEMU qom/object_interfaces.c: user_creatable_add_type), of its type, or
  /// of an iommufd's descriptor (QEMU backends/iommufd.c: iommufd_backend_set_fd).
  func refusal(_ object: ObjectRequest, _ qemu: QEMUProfile) -> LaunchFailure? {
    func failure(_ text: String, at place: Location? = nil) -> LaunchFailure {
      LaunchFailure(RealizeFailure(.badObject, text), at: place ?? object.location)
    }
    guard let id = object.id else { return nil }
    if !QEMUIdentifier.isWellFormed(id) { return failure("Parameter 'id' expects an identifier") }
    if let exit = exit(ofInitiator: object) { return exit }
    if let type = object.type, ["pef-guest", "s390-pv-guest"].contains(type), EmulatedProcessor(emulator) == .x86 {
      return failure("invalid object type: \(type)")
    }
    guard object.type == "iommufd", let given = object.properties.last(where: { $0.name == "fd" }) else { return nil }
    guard let fd = given.value.string else {
      return given.value.isOfShell ? nil : failure("Invalid parameter type for 'fd', expected: string", at: given.location)
    }
    guard PassedDescriptor(fd, object.isAdded ? .hot : .cold) == .invalid else { return nil }
    return failure("Could not parse remote object fd \(fd):Invalid file descriptor number '\(fd)'")
  }
}

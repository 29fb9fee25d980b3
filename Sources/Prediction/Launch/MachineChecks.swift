import Facts

extension MachineConfig {
  /// Refusals of the machine itself: of its type, and of ids and descriptors of objects.
  func launchFailures(_ qemu: QEMUProfile) -> [LaunchFailure] {
    if let unknown = unknownType(qemu) { return [unknown] }
    return machinePropertyFailures(qemu) + objects.compactMap(refusal) + duplicateObjects
      + [expanderOfCXL].compactMap { $0 } + globals.compactMap { refusal($0, qemu) }
  }

  /// Network cards of which pc, q35 and virt make an object each to list their models, whether or not the machine has one
  /// (QEMU net/net.c: qemu_get_nic_models; observed on 11.1.3).
  private static let cards: Set<String> = [
    "e1000", "e1000-82544gc", "e1000-82545em", "e1000e", "igb", "ne2k_pci", "pcnet", "rtl8139", "tulip", "virtio-net-pci",
    "virtio-net-pci-non-transitional", "virtio-net-pci-transitional", "vmxnet3", "i82550", "i82551", "i82557a",
    "i82557b", "i82557c", "i82558a", "i82558b", "i82559a", "i82559b", "i82559c", "i82559er", "i82562", "i82801",
  ]

  /// A `-global` that stops or crashes QEMU before it makes any device.
  private func refusal(_ global: GlobalProperty, _ qemu: QEMUProfile) -> LaunchFailure? {
    guard qemu.release == "11.1", libvirt == nil else { return nil }
    switch MachineKind(self) {
    case .q35, .i440fx, .virt: break
    case .microvm, .withoutPCI, .unknown: return nil
    }
    let isOfBoard = global.driver == "pci-device"
    guard isOfBoard || MachineConfig.cards.contains(global.driver) else { return nil }
    if global.property == "addr" {
      return QEMUCrash.global(global).map { LaunchFailure($0, at: global.location) }
    }
    guard case .kind(let kind) = DeviceProperties.lookup(global.property, of: isOfBoard ? "e1000e" : global.driver),
      let text = PropertyChecks.globalRefusal(global.property, global.value, kind: kind, driver: global.driver)
    else { return nil }
    let named = "can't apply global \(global.driver).\(global.property)=\(global.value): "
    return LaunchFailure(RealizeFailure(.badGlobal, named + text), at: global.location)
  }

  /// Objects of different types with one id. Of two iommufd objects each device that is linked to one reports it.
  private var duplicateObjects: [LaunchFailure] {
    var first: [String: ObjectRequest] = [:]
    return objects.compactMap { object in
      guard let id = object.id, let other = first.updateValue(object, forKey: id) else { return nil }
      if other.type == "iommufd", object.type == "iommufd" { return nil }
      return LaunchFailure(RealizeFailure(.badObject, "Duplicate ID '\(id)' for object"), at: object.location)
    }
  }

  /// A `pxb-cxl` in a machine without CXL.
  private var expanderOfCXL: LaunchFailure? {
    guard let device = devices.first(where: { $0.driver == "pxb-cxl" }), machineSetting("cxl") == .known(nil) else { return nil }
    return LaunchFailure(RealizeFailure(.badOption, "CXL host bridges present, but cxl=off"), of: device)
  }

  /// Releases whose machine types 11.1 has (`-machine help` of 11.1.3 for x86).
  private static let releases: Set<String> = [
    "5.2", "6.0", "6.1", "6.2", "7.0", "7.1", "7.2", "8.0", "8.1", "8.2", "9.0", "9.1", "9.2", "10.0", "10.1", "10.2",
    "11.0", "11.1",
  ]

  /// The refusal of a machine type of another release (QEMU system/vl.c: select_machine). A distribution's own type is
  /// not decided here.
  private func unknownType(_ qemu: QEMUProfile) -> LaunchFailure? {
    guard qemu.release == "11.1", libvirt == nil, let property = machineType, let type = property.value.string,
      let family = ["pc-q35-", "pc-i440fx-"].first(where: type.hasPrefix)
    else { return nil }
    let release = String(type.dropFirst(family.count))
    guard release.utf8.allSatisfy({ $0.isASCIIDigit || $0 == UInt8(ascii: ".") }), !MachineConfig.releases.contains(release)
    else { return nil }
    return LaunchFailure(
      RealizeFailure(.unknownMachine, "unsupported machine type: \"\(type)\""), at: property.location)
  }

  /// The refusal of an object: of its id (QEMU qom/object_interfaces.c: user_creatable_parse_str), or of an iommufd's
  /// descriptor (QEMU backends/iommufd.c: iommufd_backend_set_fd).
  private func refusal(_ object: ObjectRequest) -> LaunchFailure? {
    guard let id = object.id else {
      // Text that only the shell knows is not an id either, and not missing.
      guard libvirt == nil, !object.properties.contains(where: { $0.name == "id" }) else { return nil }
      return LaunchFailure(RealizeFailure(.badObject, "Parameter 'id' is missing"), at: object.location)
    }
    if !QEMUIdentifier.isWellFormed(id) {
      return LaunchFailure(RealizeFailure(.badObject, "Parameter 'id' expects an identifier"), at: object.location)
    }
    if object.type == "iommufd", let other = object.properties.first(where: { !["qom-type", "id", "fd"].contains($0.name) }) {
      return LaunchFailure(RealizeFailure(.badObject, "Invalid parameter '\(other.name)'"), at: other.location)
    }
    guard object.type == "iommufd", let fd = object.string("fd"), PassedDescriptor(fd, .cold) == .invalid else { return nil }
    return LaunchFailure(
      RealizeFailure(
        .badObject, "Could not parse remote object fd \(fd):Invalid file descriptor number '\(fd)'"),
      at: object.location)
  }
}

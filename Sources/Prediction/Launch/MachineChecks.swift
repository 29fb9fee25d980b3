import Facts

extension MachineConfig {
  /// Refusals of the machine itself: of its type, and of ids and descriptors of objects.
  func launchFailures(_ qemu: QEMUProfile) -> [LaunchFailure] {
    if let unknown = unknownType(qemu) { return [unknown] }
    return machinePropertyFailures(qemu) + objects.compactMap(refusal) + duplicateObjects
      + [expanderOfCXL].compactMap { $0 }
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
    guard release.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2e }), !MachineConfig.releases.contains(release)
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

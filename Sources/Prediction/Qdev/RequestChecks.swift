import Facts

/// What QEMU checks before a device object exists, in its order (QEMU util/qemu-option.c for
/// key=value text, system/qdev-monitor.c: qdev_device_add_from_qdict).
extension RealizeContext {
  /// key=value text: ids are checked while the command line is read.
  var keyvalID: RealizeFailure? {
    guard request.form == .keyval, let id = request.id else { return nil }
    if !QEMUIdentifier.isWellFormed(id) { return RealizeFailure(.badID, "Parameter 'id' expects an identifier") }
    guard guest.keyvalIDs.contains(id) else { return nil }
    return RealizeFailure(.duplicateID, "Duplicate ID '\(id)' for device")
  }

  func busLookup() throws(Unknown) -> RealizeFailure? {
    // Where there is no place for it, libvirt says so itself.
    if request.isPlacedByLibvirt { return nil }
    if case .unknown(let text)? = request.value("bus") {
      throw Unknown("guest bus of `\(request.id ?? driver)`", reason: "written as \(text)")
    }
    guard let name = request.bus else {
      guard try guest.rootBus.value == nil else { return nil }
      return RealizeFailure(.noPCIBus, "No 'PCI' bus found for device '\(driver)'")
    }
    if guest.buses[name] != nil { return nil }
    if name.hasPrefix("ide.") { return RealizeFailure(.wrongBusType, "Device '\(driver)' can't go on IDE bus") }
    _ = try guest.rootBus.value
    if name.contains("/") || guest.ids.keys.contains(where: { name.hasPrefix($0 + ".") }) {
      throw Unknown("bus `\(name)`", reason: "not a bus that vfiogate models")
    }
    return RealizeFailure(.busNotFound, "Bus '\(name)' not found")
  }

  func hotplug() throws(Unknown) -> RealizeFailure? {
    guard request.plug == .hot else { return nil }
    if driver == "vfio-pci-nohotplug" {
      return RealizeFailure(.classNotHotpluggable, "Device '\(driver)' does not support hotplugging")
    }
    if request.isPlacedByLibvirt { return nil }
    guard let bus = try bus(), try !bus.takesHotplug.value else { return nil }
    return RealizeFailure(.busNotHotpluggable, "Bus '\(bus.name)' does not support hotplugging")
  }

  /// The bus that the device goes to.
  func bus() throws(Unknown) -> GuestBus? { try guest.bus(for: request) }

  /// A standard hotplug controller takes slots from 1 on, and looks when the device is realized.
  func hotplugController() throws(Unknown) -> RealizeFailure? {
    guard request.plug == .hot, let bus = try bus(), let requested = QEMUSlot.requested(request),
      case .at(let devfn) = bus.assignDevfn(to: request, driver: driver, requested: try requested.value), devfn / 8 == 0,
      try bus.isStandardHotplug.value
    else { return nil }
    return RealizeFailure(
      .slotNotHotpluggable,
      "Unsupported PCI slot 0 for standard hotplug controller. Valid slots are between 1 and 31.")
  }

  /// QEMU plugs nothing while a migration has not ended.
  func migrating() throws(Unknown) -> RealizeFailure? {
    guard request.plug == .hot, try guest.migrating.value else { return nil }
    return RealizeFailure(.migrating, "device_add not allowed while migrating")
  }

  /// A bad `-global` stops a cold plug; a hot one goes on with the default, after a warning.
  func badGlobal() throws(Unknown) -> RealizeFailure? {
    if request.plug == .hot {
      // A good one reaches the plug too, and there are some that make it fail.
      if let missing = machine.missingGlobals { throw missing }
      return nil
    }
    for global in machine.globals where global.reaches(request) {
      let named = "can't apply global \(global.driver).\(global.property)=\(global.value): "
      guard let property = VFIOProperties.property(global.property, of: driver) else {
        return RealizeFailure(.badGlobal, named + "Property '\(driver).\(global.property)' not found")
      }
      if let missing = try existence(property) {
        return RealizeFailure(missing.cause == .noATSProperty ? missing.cause : .badGlobal, named + missing.text)
      }
      let refusal = PropertyChecks.refusal(
        global.property, .string(global.value), kind: property.kind, driver: driver, form: .keyval)
      if let refusal { return RealizeFailure(.badGlobal, named + refusal) }
    }
    return nil
  }

  var qdevID: RealizeFailure? {
    guard let id = request.id else { return nil }
    if !QEMUIdentifier.isWellFormed(id) { return RealizeFailure(.badID, "Invalid qdev ID '\(id)'") }
    return guest.ids[id] == nil ? nil : RealizeFailure(.duplicateID, "Duplicate device ID '\(id)'")
  }
}

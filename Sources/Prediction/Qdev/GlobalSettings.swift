import Facts

/// `-global` options (QEMU hw/core/qdev-properties.c: qdev_prop_set_globals; qom/object.c: object_apply_global_props). They
/// are applied in the order written when a device object is made, before its own properties are set; on a hot plug
/// QEMU warns of a bad one and continues with the default.
extension MachineConfig {
  /// The request with the values of the `-global` options that QEMU accepts for it, before its own: of a name given
  /// twice the last counts.
  func settings(of request: DeviceRequest, _ qemu: QEMUProfile, _ index: MachineIndex) -> DeviceRequest {
    // Most machines have no -global, and each device asks.
    if globals.isEmpty { return request }
    guard request.isVFIO else {
      return request.with(request.driver.map { index.settings[$0] ?? settings(ofType: $0, qemu) } ?? [])
    }
    let given = globals.filter { global in
      // A descriptor that -global gives is refused, or crashes QEMU; before 10.1 a number counts (observed on 10.0.13).
      let isDescriptor = PassedDescriptor(global.value, .cold) == .number && qemu.isBefore(10, 1)
      guard global.applies(to: request, in: qemu), global.property != "fd" || isDescriptor,
        let property = VFIOProperties.property(global.property, of: request.driver ?? ""), (try? property.exists(in: qemu)) != false
      else { return false }
      if property.kind == .link, !global.value.isEmpty, !objects.contains(where: { $0.id == global.value }) { return false }
      let kind = property.kind(in: qemu)
      return PropertyChecks.globalRefusal(global.property, global.value, kind: kind, driver: request.driver ?? "", in: qemu) == nil
    }
    return request.with(given)
  }

  /// The options that QEMU accepts for devices of a type that is not vfio's, as far as its properties are known. Of a
  /// property given twice the last.
  func settings(ofType driver: String, _ qemu: QEMUProfile) -> [GlobalProperty] {
    var found: Set<String> = []
    let last = globals.reversed().filter { global in
      guard PCIDrivers.derives(driver, from: global.driver), global.property != "addr", !found.contains(global.property),
        case .kind(let kind) = DeviceProperties.lookup(global.property, of: driver, in: qemu),
        PropertyChecks.globalRefusal(global.property, global.value, kind: kind, driver: driver, in: qemu) == nil
      else { return false }
      return found.insert(global.property).inserted
    }
    return last.reversed()
  }
}

extension DeviceRequest {
  /// The request with values of `-global` options before its own.
  func with(_ globals: [GlobalProperty]) -> DeviceRequest {
    if globals.isEmpty { return self }
    var settings = self
    settings.properties = globals.map {
      Property(name: $0.property, value: .string($0.value), location: $0.location)
    } + properties
    return settings
  }
}

extension RealizeContext {
  /// The failure of a `-global`: a crash, or an error that stops a cold plug.
  func badGlobal() throws(Unknown) -> RealizeFailure? {
    // A good one applies to the plug too, and may make it fail.
    if request.plug == .hot, let missing = machine.missingGlobals { throw missing }
    for global in machine.globals where global.applies(to: request, in: qemu) {
      if let crash = QEMUCrash.global(global, in: qemu), let property = VFIOProperties.property(global.property, of: driver),
        try existence(property) == nil
      {
        return crash
      }
      guard request.plug == .cold else { continue }
      if let failure = try refusal(of: global) { return failure }
    }
    return nil
  }

  private func refusal(of global: GlobalProperty) throws(Unknown) -> RealizeFailure? {
    let named = "can't apply global \(global.driver).\(global.property)=\(global.value): "
    func bad(_ text: String) -> RealizeFailure { RealizeFailure(.badGlobal, named + text) }
    guard let property = VFIOProperties.property(global.property, of: driver) else {
      return bad("Property '\(driver).\(global.property)' not found")
    }
    if let missing = try existence(property) {
      return RealizeFailure(missing.cause == .noATSProperty ? missing.cause : .badGlobal, named + missing.text)
    }
    let text = PropertyChecks.globalRefusal(global.property, global.value, kind: property.kind(in: qemu), driver: driver, in: qemu)
    if let text {
      try PropertyChecks.requireKnown(global, text, qemu)
      return bad(text)
    }
    // The value of a link or an index is looked up when it is set.
    guard let failure = try lookUp(global.property, .string(global.value), property.kind(in: qemu)) else { return nil }
    return bad(failure.text)
  }
}

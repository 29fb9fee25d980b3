import Facts

extension MachineConfig {
  /// The value of a device's property, its own or that of the last `-global` for its driver; nil when neither gives
  /// it. A boolean is `on` or `off`, however it is spelt.
  public func setting(_ name: String, of device: DeviceRequest) -> Known<String?> {
    guard let property = device.property(name) else {
      return .known(global(name, of: device).map { MachineConfig.normalized($0.value) })
    }
    switch property.value {
    case .bool(let flag): return .known(flag ? "on" : "off")
    case .string(let text): return .known(MachineConfig.normalized(text))
    case .integer(let number): return .known("\(number)")
    case .unsigned(let number): return .known("\(number)")
    case .unknown(let text): return .unknown("\(name) of `\(device.driver ?? "device")`", "written as \(text)")
    default: return .known(nil)
    }
  }

  /// The last `-global` for a property of a device's type, or of one that it derives from.
  private func global(_ name: String, of device: DeviceRequest) -> GlobalProperty? {
    guard let driver = device.driver, globals.contains(where: { $0.property == name }) else { return nil }
    return globals.last { $0.property == name && PCIDrivers.derives(driver, from: $0.driver) }
  }

  /// A natural number of a device's property, its own or that of the last `-global` for its driver.
  func number(_ name: String, of device: DeviceRequest, default value: UInt64) throws(Unknown) -> UInt64 {
    if case .integer(let number)? = device.value(name), number >= 0 { return UInt64(number) }
    if let text = try setting(name, of: device).value, case .natural(let number)? = QEMUNumber.integer(text) { return number }
    return value
  }

  private static func normalized(_ text: String) -> String {
    switch QEMUBool(text) {
    case .on: return "on"
    case .off: return "off"
    case .invalid, .undetermined: return text
    }
  }

  /// The value of a `-machine` option; nil when it is not given. A boolean is `on` or `off`.
  /// - Parameter name: with dashes, for which QEMU takes each underscore (QEMU util/keyval.c: keyval_dashify).
  public func machineSetting(_ name: String) -> Known<String?> {
    func isNamed(_ given: String) -> Bool { given == name || given.contains("_") && String(given.map { $0 == "_" ? "-" : $0 }) == name }
    guard let property = machine.last(where: { isNamed($0.name) }) else { return .known(nil) }
    switch property.value {
    case .string(let text): return .known(MachineConfig.normalized(text))
    case .unknown(let text): return .unknown("machine option \(property.name)", "written as \(text)")
    default: return .known(nil)
    }
  }
}

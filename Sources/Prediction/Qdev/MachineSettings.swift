import Facts

extension MachineConfig {
  /// What a device's property is set to, by itself or else by the last `-global` for its driver; nil when
  /// nobody gives it. Booleans are `on` and `off` in every spelling.
  public func setting(_ name: String, of device: DeviceRequest) -> Known<String?> {
    guard let property = device.property(name) else {
      let global = globals.last { $0.driver == device.driver && $0.property == name }
      return .known(global.map { MachineConfig.plain($0.value) })
    }
    switch property.value {
    case .bool(let flag): return .known(flag ? "on" : "off")
    case .string(let text): return .known(MachineConfig.plain(text))
    case .integer(let number): return .known("\(number)")
    case .unsigned(let number): return .known("\(number)")
    case .unknown(let text): return .unknown("\(name) of `\(device.driver ?? "device")`", "written as \(text)")
    default: return .known(nil)
    }
  }

  private static func plain(_ text: String) -> String {
    switch QEMUBool(text) {
    case .on: return "on"
    case .off: return "off"
    case .invalid, .undetermined: return text
    }
  }

  /// Where `-machine` or `-M` sets an option, in its several spellings.
  public func machineSetting(_ names: String...) -> Known<String?> {
    guard let property = machine.last(where: { names.contains($0.name) }) else { return .known(nil) }
    switch property.value {
    case .string(let text): return .known(MachineConfig.plain(text))
    case .unknown(let text): return .unknown("machine option \(property.name)", "written as \(text)")
    default: return .known(nil)
    }
  }
}

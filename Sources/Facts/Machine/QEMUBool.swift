/// A boolean as QEMU reads it (QEMU qapi/qapi-util.c: qapi_bool_parse, which `-device`, `-machine`, `-cpu`,
/// `-chardev` and `-global` all use): `on`, `yes`, `true`, `y` and `off`, `no`, `false`, `n`, in lower case only.
public enum QEMUBool: Hashable, Sendable {
  case on, off
  /// QEMU refuses the value.
  case invalid
  /// Only the shell knows the text.
  case undetermined

  /// Parses the text of a key=value option.
  public init(_ text: some StringProtocol) {
    switch text {
    case "on", "yes", "true", "y": self = .on
    case "off", "no", "false", "n": self = .off
    default: self = .invalid
    }
  }

  /// Parses a property's value. A JSON string counts by its text: QEMU 11.1 refuses it for a boolean, and QEMU 7.2
  /// accepts it.
  public init(_ value: PropertyValue) {
    switch value {
    case .bool(let flag): self = flag ? .on : .off
    case .string(let text): self.init(text)
    case .unknown: self = .undetermined
    case .integer, .unsigned, .real, .null, .array, .object: self = .invalid
    }
  }
}

extension DeviceRequest {
  /// Whether a boolean or OnOffAuto property is given and on. A value that only the shell knows is not: use
  /// `flag` where that decides.
  public func isOn(_ name: String) -> Bool { value(name).map(QEMUBool.init) == .on }

  /// A boolean property, `value` where it is not given.
  /// - Returns: the default also for a value that QEMU refuses, because then the device is not created.
  public func flag(_ name: String, default value: Bool) -> Known<Bool> {
    guard let given = self.value(name) else { return .known(value) }
    switch QEMUBool(given) {
    case .on: return .known(true)
    case .off: return .known(false)
    case .invalid: return .known(value)
    case .undetermined:
      var text = ""
      if case .unknown(let written) = given { text = written }
      return .unknown("\(name) of \(id.map { "`\($0)`" } ?? driver ?? "a device")", "written as \(text)")
    }
  }
}

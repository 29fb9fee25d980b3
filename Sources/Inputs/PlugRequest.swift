import Facts
import Syntax

/// The plug request of a command that is parsed already.
public enum PlugRequest {
  /// The arguments of QMP's `device_add`, with QEMU's types; nil when they are not an object.
  public static func read(_ arguments: JSON, source: String) -> DeviceRequest? {
    guard let members = arguments.members else { return nil }
    func place(_ path: String) -> Location { Location(source: source, range: nil, path: path) }
    return DeviceRequest(
      form: .json, plug: .hot,
      properties: members.map {
        Property(name: $0.key, value: PropertyValue($0.value), location: place("arguments.\($0.key)"))
      },
      location: place("arguments"))
  }

  /// The human monitor's `device_add`; nil for text that QEMU would read otherwise.
  public static func read(_ command: HMPCommand, source: String) -> DeviceRequest? {
    guard let argument = command.argument else { return nil }
    return DeviceRequest(
      form: .keyval, plug: .hot,
      properties: KeyValueProperties.read(argument, source: source, path: "command-line", implied: "driver"),
      location: Location(source: source, range: nil, path: "command-line"))
  }
}

extension PropertyValue {
  /// The value of a property in JSON.
  init(_ value: JSON) {
    switch value {
    case .null: self = .null
    case .bool(let flag): self = .bool(flag)
    case .integer(let number): self = .integer(number)
    case .unsigned(let number): self = .unsigned(number)
    case .real(let number): self = .real(number)
    case .string(let text): self = .string(text)
    case .array: self = .array
    case .object: self = .object
    }
  }
}

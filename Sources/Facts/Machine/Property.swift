/// A property's value as it was given. JSON keeps its type, because QEMU does; key=value text is
/// always a string.
public enum PropertyValue: Hashable, Sendable {
  case string(String)
  case bool(Bool)
  case integer(Int64)
  /// An integer above 2^63 - 1.
  case unsigned(UInt64)
  case real(Double)
  case null
  case array
  case object
  /// Text with a shell variable or something else that only the shell will know.
  case unknown(String)

  public var string: String? {
    if case .string(let text) = self { return text }
    return nil
  }
}

/// One property of a device or object, under QEMU's own name.
public struct Property: Hashable, Sendable {
  public let name: String
  public let value: PropertyValue
  public let location: Location

  public init(name: String, value: PropertyValue, location: Location) {
    self.name = name
    self.value = value
    self.location = location
  }
}

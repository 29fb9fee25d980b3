/// A property's value as written. JSON keeps its type, because QEMU does; key=value text is
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
  /// Text with a shell variable or another part that only the shell knows.
  case unknown(String)

  /// The text of a string; nil for any other type and for an unknown text.
  public var string: String? {
    if case .string(let text) = self { return text }
    return nil
  }

  /// Whether a part of the value is not known.
  package var isUnknown: Bool {
    if case .unknown = self { return true }
    return false
  }
}

/// One property of a device or object, under QEMU's own name.
public struct Property: Hashable, Sendable {
  /// The name as QEMU spells it.
  public let name: String
  /// The value with the type that was written.
  public let value: PropertyValue
  /// Location of the value, or of the argument when the property is lowered from another format.
  public let location: Location

  /// Creates a property.
  public init(name: String, value: PropertyValue, location: Location) {
    self.name = name
    self.value = value
    self.location = location
  }
}

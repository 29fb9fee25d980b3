import CJansson

/// A JSON value. Objects keep the order of their members.
public enum JSON: Hashable, Sendable {
  case null
  case bool(Bool)
  case integer(Int64)
  /// An integer above 2^63 - 1: QEMU's replies hold 18446744073709551615.
  case unsigned(UInt64)
  case real(Double)
  case string(String)
  case array([JSON])
  case object([Member])

  /// A member of an object.
  public struct Member: Hashable, Sendable {
    /// The member's name.
    public let key: String
    /// The member's value.
    public let value: JSON

    /// Creates a member.
    public init(_ key: String, _ value: JSON) {
      self.key = key
      self.value = value
    }
  }

  /// The member of that name, byte by byte; nil when there is none or this is not an object.
  public subscript(key: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
  }

  /// The text of a string; nil for any other value.
  public var string: String? {
    if case .string(let text) = self { return text }
    return nil
  }

  /// The items of an array; nil for any other value.
  public var array: [JSON]? {
    if case .array(let items) = self { return items }
    return nil
  }

  /// The members of an object, in order; nil for any other value.
  public var members: [Member]? {
    if case .object(let members) = self { return members }
    return nil
  }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  /// Creates a string.
  public init(stringLiteral text: String) { self = .string(text) }
  /// Creates a boolean.
  public init(booleanLiteral flag: Bool) { self = .bool(flag) }
  /// Creates an integer.
  public init(integerLiteral number: Int64) { self = .integer(number) }
  /// Creates an array.
  public init(arrayLiteral items: JSON...) { self = .array(items) }
  /// Creates an object with the members in this order.
  public init(dictionaryLiteral members: (String, JSON)...) {
    self = .object(members.map { Member($0.0, $0.1) })
  }
}

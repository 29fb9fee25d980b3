/// A fact that could not be determined, and the reason. It is created where reading fails, and passed to everything
/// that depends on the fact.
public final class Unknown: Error, Hashable, Sendable, CustomStringConvertible {
  /// The fact, named so that a reader can find it: "driver of 0000:01:00.0".
  public let fact: String
  /// The reason: "permission denied", "not in the recording".
  public let reason: String
  /// Whether the host device that the fact is about does not exist. Prediction reports that it does not; nothing else
  /// about it is missing.
  public let isOfAbsentDevice: Bool

  /// Creates the unknown for a fact of a device that exists, or of no device.
  public init(_ fact: String, reason: String) {
    self.fact = fact
    self.reason = reason
    isOfAbsentDevice = false
  }

  /// A fact about a device that the host does not have.
  public init(ofAbsentDevice address: PCIAddress) {
    fact = "\(address)"
    reason = "the host has no such device"
    isOfAbsentDevice = true
  }

  public var description: String { "\(fact): \(reason)" }

  public static func == (a: Unknown, b: Unknown) -> Bool {
    a === b || a.fact == b.fact && a.reason == b.reason && a.isOfAbsentDevice == b.isOfAbsentDevice
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(fact)
    hasher.combine(reason)
  }
}

/// A fact about a host or a guest, or the reason why it is not known.
///
/// "Absent" is a known value (`.known(nil)`); "could not be determined" is `.unknown`. Reading
/// `value` throws the `Unknown`, so a rule that forgets the difference does not compile.
public enum Known<Value: Sendable>: Sendable {
  case known(Value)
  case unknown(Unknown)

  /// Shorthand for `.unknown(Unknown(fact, reason: reason))`.
  public static func unknown(_ fact: String, _ reason: String) -> Known {
    .unknown(Unknown(fact, reason: reason))
  }

  /// The value.
  /// - Throws: the `Unknown`, where there is no value.
  public var value: Value {
    get throws(Unknown) {
      switch self {
      case .known(let value): return value
      case .unknown(let unknown): throw unknown
      }
    }
  }

  /// The value, or nil for both an unknown and a known absence. For display only: a decision
  /// that uses it would treat an unknown as absent.
  public var display: Value? {
    if case .known(let value) = self { return value }
    return nil
  }

  /// Whether there is a value; true for a known absence too.
  public var isKnown: Bool { display != nil }

  /// The fact computed from the value; an unknown remains the same unknown.
  public func map<T: Sendable>(_ transform: (Value) -> T) -> Known<T> {
    switch self {
    case .known(let value): return .known(transform(value))
    case .unknown(let unknown): return .unknown(unknown)
    }
  }

  /// The fact computed from the value, which may itself be unknown.
  public func flatMap<T: Sendable>(_ transform: (Value) -> Known<T>) -> Known<T> {
    switch self {
    case .known(let value): return transform(value)
    case .unknown(let unknown): return .unknown(unknown)
    }
  }
}

extension Known: Equatable where Value: Equatable {
  // Written out so that other modules can inline it: the derived operator is called unspecialized, and slowly.
  @inlinable
  public static func == (a: Known, b: Known) -> Bool {
    switch (a, b) {
    case (.known(let a), .known(let b)): return a == b
    case (.unknown(let a), .unknown(let b)): return a == b
    case (.known, .unknown), (.unknown, .known): return false
    }
  }
}
extension Known: Hashable where Value: Hashable {}

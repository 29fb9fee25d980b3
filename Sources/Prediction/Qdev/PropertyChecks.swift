import Facts

/// QEMU's message texts for values that a property does not accept. Reproduced from 11.1.3, row by row
/// (Fixtures/realizes/refusals-11.1.3.jsonl).
enum PropertyChecks {
  /// The text with which QEMU refuses a value; nil when it accepts it.
  /// - Parameter isOld: whether QEMU is older than 8.0, which reads other texts as sizes.
  static func refusal(
    _ name: String, _ value: PropertyValue, kind: PropertyKind, driver: String, form: DeviceRequest.Form, isOld: Bool
  ) -> String? {
    switch (form, value) {
    case (_, .unknown): return nil
    case (.keyval, .string(let text)): return fromText(name, text, kind: kind, driver: driver, isOld: isOld)
    case (.keyval, _): return nil
    case (.json, .string(let text)): return fromJSONString(name, text, kind: kind, driver: driver)
    case (.json, _): return fromJSON(name, value, kind: kind, driver: driver)
    }
  }

  /// The text with which a QEMU refuses a value of a device; nil when it accepts it.
  /// - Throws: the C library decides.
  static func refusal(
    _ name: String, _ value: PropertyValue, kind: PropertyKind, of request: DeviceRequest, in qemu: QEMUProfile
  ) throws(Unknown) -> String? {
    if request.form == .keyval, let text = value.string, QEMUNumber.mayBeBinary(text, in: qemu) {
      switch kind {
      case .signed32, .unsigned: throw binary(text)
      default: break
      }
    }
    let isOld = qemu.isBefore(8, 0)
    return refusal(name, value, kind: kind, driver: request.driver ?? "", form: request.form, isOld: isOld)
      ?? blockSize(name, value, of: request, isOld)
  }

  /// The refusal of a block size (QEMU hw/core/qdev-properties-system.c: set_blocksize; util/block-helpers.c: check_block_size).
  private static func blockSize(_ name: String, _ value: PropertyValue, of request: DeviceRequest, _ isOld: Bool) -> String? {
    guard name == "logical_block_size" || name == "physical_block_size" else { return nil }
    let size: UInt64
    if case .natural(let number)? = QEMUNumber.integer(of: value) {
      size = number
    } else if let text = value.string, case .bytes(let bytes) = QEMUNumber.size(text, isOld: isOld) {
      size = bytes
    } else {
      return nil
    }
    let (isInRange, isPowerOfTwo) = (512...(2 << 20) ~= size, size & (size &- 1) == 0)
    if size == 0 || isInRange && isPowerOfTwo { return nil }
    if !isOld { return "parameter \(name) must be a power of 2 between 512 and 2097152" }
    let owner = "Property \(request.id ?? "").\(name) doesn't take value "
    return owner + (isInRange ? "'\(size)', it's not a power of 2" : "\(size) (minimum: 512, maximum: 2097152)")
  }

  private static func binary(_ text: String) -> Unknown {
    Unknown("number `\(text)`", reason: "the C library reads binary numbers or not: glibc from 2.38 on")
  }

  /// - Throws: the C library decides whether QEMU refuses the value of a `-global` with that text, which expects a number.
  static func requireKnown(_ global: GlobalProperty, _ refusal: String, _ qemu: QEMUProfile) throws(Unknown) {
    if refusal.hasSuffix("int64"), QEMUNumber.mayBeBinary(global.value, in: qemu) { throw binary(global.value) }
  }

  /// The text with which QEMU refuses the value of a `-global`, which another visitor parses (QEMU
  /// qapi/string-input-visitor.c); nil when it accepts it.
  static func globalRefusal(_ name: String, _ text: String, kind: PropertyKind, driver: String, in qemu: QEMUProfile) -> String? {
    let isOld = qemu.isBefore(8, 0)
    switch kind {
    // QEMU crashes on any other text: see `QEMUCrash.global`.
    case .list: return nil
    case .signed32 where !isSigned(QEMUNumber.integer(text)): return "Parameter '\(name)' expects int64"
    case .unsigned where QEMUNumber.integer(text, isUnsigned: true) == nil: return "Parameter '\(name)' expects uint64"
    case .size:
      switch QEMUNumber.size(text, isOld: isOld) {
      case .invalid: return "Parameter '\(name)' expects a non-negative number below 2^64"
      case .outOfRange: return "Value '\(text)' is out of range for parameter '\(name)'"
      case .bytes: break
      }
    default: break
    }
    return refusal(name, .string(text), kind: kind, driver: driver, form: .keyval, isOld: isOld)
  }

  /// The refusal of key=value text, which each type parses by itself.
  private static func fromText(_ name: String, _ text: String, kind: PropertyKind, driver: String, isOld: Bool) -> String? {
    switch kind {
    case .bool, .realized:
      return QEMUBool(text) == .invalid ? "Parameter '\(name)' expects 'on' or 'off'" : nil
    case .signed32:
      guard isSigned(QEMUNumber.integer(text)) else { return "Parameter '\(name)' expects integer" }
      return integer(name, text, in: QEMUIntegerRange(Int64(Int32.min), UInt64(Int32.max)), "int32_t")
    case .unsigned(let bits):
      return integer(name, text, in: .unsigned(bits), "uint\(bits)_t")
    case .size(let maximum):
      guard case .bytes(let bytes) = QEMUNumber.size(text, isOld: isOld) else { return "Parameter '\(name)' expects size" }
      return tooLarge(name, .natural(bytes), maximum, driver)
    default: return fromJSONString(name, text, kind: kind, driver: driver)
    }
  }

  private static func tooLarge(
    _ name: String, _ number: QEMUInteger, _ maximum: UInt64?, _ driver: String
  ) -> String? {
    guard let maximum else { return nil }
    let value: UInt64
    switch number {
    case .natural(let natural): value = natural
    case .negative(let negative): value = UInt64(bitPattern: negative)
    }
    return value <= maximum
      ? nil : "Property \(driver).\(name) doesn't take value \(value) (maximum: \(maximum))"
  }

  /// Whether it is a number of 64 bits with a sign, as which QEMU reads one of 32 bits.
  private static func isSigned(_ number: QEMUInteger?) -> Bool {
    number.map { QEMUIntegerRange(.min, UInt64(Int64.max)).contains($0) } ?? false
  }

  private static func integer(_ name: String, _ text: String, in range: QEMUIntegerRange, _ type: String) -> String? {
    guard let number = QEMUNumber.integer(text, isUnsigned: type.hasPrefix("u")) else { return "Parameter '\(name)' expects integer" }
    return range.contains(number) ? nil : "Parameter '\(name)' expects \(type)"
  }

  /// The refusal of a JSON string, or of key=value text of a type that accepts strings.
  private static func fromJSONString(
    _ name: String, _ text: String, kind: PropertyKind, driver: String
  ) -> String? {
    var refused: String { "Property '\(driver).\(name)' doesn't take value '\(text)'" }
    switch kind {
    case .choice(let values):
      return values.contains(text) ? nil : "Parameter '\(name)' does not accept value '\(text)'"
    case .host: return QEMUHostAddress.parse(text) == nil ? refused : nil
    case .slot: return QEMUSlot.parse(text) == nil ? refused : nil
    case .token: return isToken(text) ? nil : refused
    case .readOnly: return "Property '\(driver).\(name)' is not writable"
    case .text, .link, .descriptor: return nil
    case .bool, .realized: return "Invalid parameter type for '\(name)', expected: boolean"
    case .list: return "Invalid parameter type for '\(name)', expected: array"
    case .signed32: return "Invalid parameter type for '\(name)', expected: integer"
    case .unsigned, .size: return "Parameter '\(name)' expects uint64"
    }
  }

  /// The refusal of a JSON value that is not a string.
  private static func fromJSON(
    _ name: String, _ value: PropertyValue, kind: PropertyKind, driver: String
  ) -> String? {
    let number = QEMUNumber.integer(value)
    switch kind {
    case .bool, .realized:
      if case .bool = value { return nil }
      return "Invalid parameter type for '\(name)', expected: boolean"
    case .signed32:
      guard let number, isSigned(number) else { return "Invalid parameter type for '\(name)', expected: integer" }
      return QEMUIntegerRange(Int64(Int32.min), UInt64(Int32.max)).contains(number)
        ? nil : "Parameter '\(name)' expects int32_t"
    case .unsigned(let bits):
      guard let number else { return "Parameter '\(name)' expects uint64" }
      return QEMUIntegerRange.unsigned(bits).contains(number)
        ? nil : "Parameter '\(name)' expects uint\(bits)_t"
    case .size(let maximum):
      guard let number else { return "Parameter '\(name)' expects uint64" }
      return tooLarge(name, number, maximum, driver)
    case .slot:
      if case .real = value { return "Invalid parameter type for '\(name)', expected: integer" }
      guard let number else { return "Invalid parameter type for '\(name)', expected int or str" }
      guard isSigned(number) else { return "Invalid parameter type for '\(name)', expected: integer" }
      guard QEMUIntegerRange(Int64(Int32.min), UInt64(Int32.max)).contains(number) else {
        return "Parameter '\(name)' expects int32_t"
      }
      return QEMUIntegerRange(-1, 255).contains(number)
        ? nil : "Parameter '\(name)' expects a value between -1 and 255"
    case .readOnly: return "Property '\(driver).\(name)' is not writable"
    case .list: return value == .array ? nil : "Invalid parameter type for '\(name)', expected: array"
    case .text, .choice, .host, .link, .descriptor, .token:
      return "Invalid parameter type for '\(name)', expected: string"
    }
  }

  /// Whether `vf-token` accepts it: a UUID, or `auto` (QEMU hw/core/qdev-properties-system.c: set_uuid).
  private static func isToken(_ text: String) -> Bool {
    if text == "auto" { return true }
    let groups = text.split(separator: "-", omittingEmptySubsequences: false)
    return groups.map(\.utf8.count) == [8, 4, 4, 4, 12]
      && groups.allSatisfy { $0.utf8.allSatisfy { $0.isASCIIDigit || isHexLetter($0) } }
  }

  private static func isHexLetter(_ byte: UInt8) -> Bool {
    UInt8(ascii: "a")...UInt8(ascii: "f") ~= byte | 0x20
  }
}

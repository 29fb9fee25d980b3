import Facts

/// An integer as QEMU's visitors pass it: 64 bits, signed or not.
public enum QEMUInteger: Hashable, Sendable {
  /// A number below zero.
  case negative(Int64)
  /// A number from zero on.
  case natural(UInt64)
}

/// The result of parsing a size.
enum QEMUSize: Hashable {
  case bytes(UInt64)
  case outOfRange
  case invalid
}

/// A range over both signed and unsigned 64-bit integers.
struct QEMUIntegerRange {
  let lowest: Int64
  let highest: UInt64

  init(_ lowest: Int64, _ highest: UInt64) {
    self.lowest = lowest
    self.highest = highest
  }

  /// Numbers that QEMU stores in so many bits; a negative number of 64 bits is its complement (QEMU qapi/qapi-visit-core.c:
  /// visit_type_uintN, util/cutils.c: qemu_strtou64).
  static func unsigned(_ bits: Int) -> QEMUIntegerRange { QEMUIntegerRange(bits == 64 ? .min : 0, .max >> UInt64(64 - bits)) }

  func contains(_ number: QEMUInteger) -> Bool {
    switch number {
    case .negative(let value): return value >= lowest
    case .natural(let value): return value <= highest
    }
  }
}

/// Numbers in property values.
public enum QEMUNumber {
  /// Parses an integer (QEMU util/cutils.c: qemu_strtoi64 and qemu_strtou64) with base 0: blanks, a sign, then 0x, 0 or
  /// decimal, and nothing after.
  /// - Parameter isUnsigned: whether the type has no sign: strtoull wraps a number below -2^63 around (observed on 7.2.22, 10.0.13 and
  ///   11.1.3).
  public static func integer(_ text: String, isUnsigned: Bool) -> QEMUInteger? {
    var rest = text.utf8.drop { $0 == 0x20 || (0x09...0x0d).contains($0) }
    let isNegative = rest.first == UInt8(ascii: "-")
    if isNegative || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
    var digits = Substring(rest)
    var radix = 10
    if digits.hasPrefix("0x") || digits.hasPrefix("0X") {
      digits = digits.dropFirst(2)
      radix = 16
    } else if digits.hasPrefix("0"), digits.utf8.count > 1 {
      radix = 8
    }
    guard let first = digits.utf8.first, first != 0x2b, first != 0x2d,
      let magnitude = UInt64(digits, radix: radix)
    else { return nil }
    guard isNegative, magnitude > 0 else { return .natural(magnitude) }
    if magnitude <= 1 << 63 { return .negative(Int64(truncatingIfNeeded: 0 &- magnitude)) }
    return isUnsigned ? .natural(0 &- magnitude) : nil
  }

  /// An integer with a sign, or one that is small enough.
  static func integer(_ text: String) -> QEMUInteger? { integer(text, isUnsigned: false) }

  /// Whether a text is a binary number, which the C library reads or not: glibc from 2.38 on. The system of QEMU 7.2 has an older one
  /// (observed on Debian 12 and 13).
  static func mayBeBinary(_ text: String, in qemu: QEMUProfile?) -> Bool {
    if let qemu, qemu.isBefore(8, 0) { return false }
    let digits = text.utf8.drop { $0 == 0x20 || $0 == 0x2b || $0 == 0x2d }
    guard digits.count > 2, digits.first == 0x30, digits.dropFirst().first.map({ $0 | 0x20 }) == 0x62 else { return false }
    return digits.dropFirst(2).allSatisfy { $0 | 1 == 0x31 }
  }

  /// The integer of a value, as text or as a JSON number, where it fits into 64 bits with a sign; nil for any other.
  static func index(_ value: PropertyValue) -> Int64? {
    switch value.string.flatMap({ integer($0) }) ?? integer(value) {
    case .negative(let number)?: return number
    case .natural(let number)?: return Int64(exactly: number)
    case nil: return nil
    }
  }

  /// The integer of a JSON value; nil for another type.
  static func integer(_ value: PropertyValue) -> QEMUInteger? {
    switch value {
    case .integer(let number): return number < 0 ? .negative(number) : .natural(UInt64(number))
    case .unsigned(let number): return .natural(number)
    default: return nil
    }
  }

  /// The integer of a value of either form, text or JSON.
  static func integer(of value: PropertyValue) -> QEMUInteger? { value.string.flatMap { integer($0) } ?? integer(value) }

  /// Whether a text is a size, by QEMU before 8.0 and since.
  public static func isSize(_ text: String) -> Bool {
    [false, true].allSatisfy { isOld in
      if case .bytes = size(text, isOld: isOld) { return true }
      return false
    }
  }

  /// A size (QEMU util/cutils.c: do_strtosz): a decimal number with an optional fraction, or a hexadecimal one, and
  /// one of B K M G T P E.
  /// - Parameters:
  ///   - unit: what a suffix is a power of: 1000 for frequencies.
  ///   - isOld: whether QEMU is older than 8.0, which accepts a suffix behind hexadecimal digits with a warning, and needs a digit before
  ///     a point (observed on 7.2.22).
  static func size(_ text: String, unit: UInt64 = 1024, isOld: Bool = false) -> QEMUSize {
    let body = text.utf8.drop { $0 == 0x20 || (0x09...0x0d).contains($0) }
    if body.first == UInt8(ascii: "-") {
      if isOld { return .invalid }
      let digits = body.dropFirst()
      return digits.isEmpty || !digits.allSatisfy(\.isASCIIDigit) ? .invalid : .outOfRange
    }
    var rest = Substring(body)
    if rest.utf8.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
    if rest.hasPrefix("0x") || rest.hasPrefix("0X") {
      let digits = rest.dropFirst(2).prefix { $0.isHexDigit && $0.isASCII }
      let suffix = rest.dropFirst(2 + digits.count)
      guard !digits.isEmpty, suffix.isEmpty || isOld else { return .invalid }
      // B and E are digits.
      return UInt64(digits, radix: 16).map { scaled($0, fraction: 0, by: suffix, unit) } ?? .outOfRange
    }
    let whole = rest.prefix { $0.isASCII && $0.isNumber }
    rest = rest.dropFirst(whole.count)
    var fraction = 0.0
    var hasFraction = false
    if rest.first == "." {
      let digits = rest.dropFirst().prefix { $0.isASCII && $0.isNumber }
      hasFraction = !digits.isEmpty
      fraction = Double("0." + digits) ?? 0
      rest = rest.dropFirst(1 + digits.count)
    }
    guard !whole.isEmpty || hasFraction && !isOld else { return .invalid }
    guard var number = whole.isEmpty ? 0 : UInt64(whole) else { return .outOfRange }
    if isOld, fraction < 0x1p-64 { fraction = 0 }
    if fraction == 1 {
      // Nines that a double does not hold: the next number, and of an old QEMU none (observed on 7.2.22, 10.0.13 and 11.1.3).
      fraction = 0
      if !isOld, number == .max { return .outOfRange }
      if !isOld { number += 1 }
    }
    return scaled(number, fraction: fraction, by: rest, unit)
  }

  private static func scaled(_ number: UInt64, fraction: Double, by suffix: Substring, _ unit: UInt64) -> QEMUSize {
    let powers: [String: Int] = ["": 0, "b": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5, "e": 6]
    guard let power = powers[suffix.lowercased()] else { return .invalid }
    // A fraction of bytes is refused.
    if fraction > 0, power == 0 { return .invalid }
    let factor = (0..<power).reduce(UInt64(1)) { product, _ in product * unit }
    let (product, isTooLarge) = number.multipliedReportingOverflow(by: factor)
    let (sum, overflow) = product.addingReportingOverflow(UInt64(fraction * Double(factor) + 0.5))
    return isTooLarge || overflow ? .outOfRange : .bytes(sum)
  }
}

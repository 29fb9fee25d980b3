import Facts

/// An integer as QEMU's visitors pass it: 64 bits, signed or not.
enum QEMUInteger: Hashable {
  case negative(Int64)
  case natural(UInt64)
}

/// A range over both signed and unsigned 64-bit integers.
struct QEMUIntegerRange {
  let lowest: Int64
  let highest: UInt64

  init(_ lowest: Int64, _ highest: UInt64) {
    self.lowest = lowest
    self.highest = highest
  }

  func contains(_ number: QEMUInteger) -> Bool {
    switch number {
    case .negative(let value): return value >= lowest
    case .natural(let value): return value <= highest
    }
  }
}

/// Numbers in property values.
enum QEMUNumber {
  /// Parses an integer (QEMU util/cutils.c: qemu_strtoi64 and qemu_strtou64) with base 0: blanks, a sign, then 0x, 0 or
  /// decimal, and nothing after.
  static func integer(_ text: String) -> QEMUInteger? {
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
    return magnitude <= UInt64(Int64.max) ? .negative(-Int64(magnitude)) : nil
  }

  /// The integer of a JSON value; nil for another type.
  static func integer(_ value: PropertyValue) -> QEMUInteger? {
    switch value {
    case .integer(let number): return number < 0 ? .negative(number) : .natural(UInt64(number))
    case .unsigned(let number): return .natural(number)
    default: return nil
    }
  }

  /// Whether it is a size (QEMU util/cutils.c: qemu_strtosz): a number with an optional fraction and one of B K M G T
  /// P E.
  static func isSize(_ text: String) -> Bool {
    if case .natural? = integer(text) { return true }
    guard let last = text.utf8.last, "bkmgtpeBKMGTPE".utf8.contains(last) else { return false }
    let parts = text.dropLast().split(separator: ".", omittingEmptySubsequences: false)
    return parts.count <= 2 && parts.contains { !$0.isEmpty }
      && parts.allSatisfy { $0.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 } }
  }
}

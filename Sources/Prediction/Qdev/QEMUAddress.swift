import Facts

/// The `host` property: `[DOMAIN:]BUS:SLOT.FUNCTION` (QEMU hw/core/qdev-properties-system.c:
/// set_pci_host_devaddr). It accepts more than the kernel's spelling: `0x` before a part, leading
/// blanks, one digit where the kernel writes two.
public enum QEMUHostAddress {
  /// The address, nil when QEMU refuses the text.
  public static func parse(_ text: String) -> PCIAddress? { HexScanner.scan(text, parse) }

  private static func parse(_ scanner: inout HexScanner) -> PCIAddress? {
    guard let first = scanner.number(), scanner.skip(":"), let second = scanner.number() else { return nil }
    var (domain, bus, slot) = (UInt64(0), first, second)
    if scanner.skip(":") {
      guard let third = scanner.number() else { return nil }
      (domain, bus, slot) = (first, second, third)
    }
    // Alone among the parts, the function is decimal.
    guard scanner.skip("."), let function = scanner.number(radix: 10), scanner.isAtEnd,
      domain <= 0xffff, bus <= 0xff, slot <= 0x1f, function <= 7
    else { return nil }
    return PCIAddress(
      domain: UInt32(domain), bus: UInt8(bus), slot: UInt8(slot), function: UInt8(function))
  }
}

/// The `addr` property: `SLOT[.FUNCTION]`, hexadecimal (QEMU hw/core/qdev-properties-system.c:
/// set_pci_devfn).
public enum QEMUSlot {
  /// Slot times 8 plus function, nil when QEMU refuses the text.
  public static func parse(_ text: String) -> Int? { HexScanner.scan(text, parse) }

  private static func parse(_ scanner: inout HexScanner) -> Int? {
    guard let slot = scanner.scanned() else { return nil }
    var function: UInt32 = 0
    if scanner.skip(".") {
      guard let given = scanner.scanned() else { return nil }
      function = given
    }
    guard scanner.isAtEnd, slot < 32, function < 8 else { return nil }
    return Int(slot) * 8 + Int(function)
  }

  /// The devfn that a request gives: `.known(nil)` when QEMU is to choose, nil when QEMU refuses the value.
  static func requested(_ request: DeviceRequest) -> Known<Int?>? {
    guard let value = request.value("addr") else { return .known(nil) }
    switch value {
    case .string(let text): return parse(text).map { .known($0) }
    case .integer(let number): return (-1...255).contains(number) ? .known(number < 0 ? nil : Int(number)) : nil
    case .unknown(let text): return .unknown("addr of the guest device", "written as \(text)")
    default: return nil
    }
  }
}

extension DeviceRequest {
  /// The devfn that `addr` gives, slot times 8 plus function; `.known(nil)` when QEMU is to choose, and when it refuses
  /// the value.
  public var requestedDevfn: Known<Int?> { QEMUSlot.requested(self) ?? .known(nil) }
}

/// A scanner for the parts of an address, as QEMU's strtoul calls read them.
private struct HexScanner {
  private let bytes: UnsafeBufferPointer<UInt8>
  private var position = 0

  static func scan<Value>(_ text: String, _ read: (inout HexScanner) -> Value?) -> Value? {
    var text = text
    return text.withUTF8 { bytes in
      var scanner = HexScanner(bytes: bytes)
      return read(&scanner)
    }
  }

  var isAtEnd: Bool { position == bytes.count }

  /// The byte at an offset from the position; nil at the end.
  private func byte(after count: Int = 0) -> UInt8? {
    position + count < bytes.count ? bytes[position + count] : nil
  }

  mutating func skip(_ character: Unicode.Scalar) -> Bool {
    guard byte() == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  /// Reads a number. Leading blanks, a sign and `0x` are accepted, as by strtoul; nil without a digit or when it is too large
  /// for any part.
  mutating func number(radix: UInt64 = 16) -> UInt64? {
    while let blank = byte(), blank == 0x20 || 0x09 <= blank && blank <= 0x0d { position += 1 }
    let isNegative = byte() == UInt8(ascii: "-")
    if isNegative || byte() == UInt8(ascii: "+") { position += 1 }
    if radix == 16, byte() == UInt8(ascii: "0"), byte(after: 1).map({ $0 | 0x20 }) == UInt8(ascii: "x") { position += 2 }
    let start = position
    var value: UInt64 = 0
    while let byte = byte(), let digit = HexScanner.digit(byte), digit < radix {
      guard value < 1 << 32 else { return nil }
      value = value * radix + digit
      position += 1
    }
    // strtoul wraps a negative number around.
    return position > start && !(isNegative && value > 0) ? value : nil
  }

  /// Reads a number as sscanf's `%x` does, with which QEMU reads `addr`: a sign is accepted, `0x` alone is 0, and of
  /// a number that is too large the low 32 bits count (glibc; observed on 11.1.3).
  mutating func scanned() -> UInt32? {
    while let blank = byte(), blank == 0x20 || 0x09 <= blank && blank <= 0x0d { position += 1 }
    let isNegative = byte() == UInt8(ascii: "-")
    if isNegative || byte() == UInt8(ascii: "+") { position += 1 }
    var hasPrefix = false
    if byte() == UInt8(ascii: "0"), byte(after: 1).map({ $0 | 0x20 }) == UInt8(ascii: "x") {
      hasPrefix = true
      position += 2
    }
    let start = position
    var value: UInt64 = 0
    var overflows = false
    while let byte = byte(), let digit = HexScanner.digit(byte) {
      overflows = overflows || value >> 60 != 0
      value = value << 4 | digit
      position += 1
    }
    guard position > start || hasPrefix else { return nil }
    // strtoul answers its maximum.
    if overflows { return .max }
    return UInt32(truncatingIfNeeded: isNegative ? 0 &- value : value)
  }

  private static func digit(_ byte: UInt8) -> UInt64? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): return UInt64(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): return UInt64(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): return UInt64(byte - UInt8(ascii: "A") + 10)
    default: return nil
    }
  }
}

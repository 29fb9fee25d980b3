import Syntax

enum LibvirtNumber {
  /// A number as libvirt's virStrToLong reads it with base 0: `0x1f`, `31`, `037`.
  static func read(_ text: String) -> UInt64? {
    var text = text
    return text.withUTF8 { bytes in
      let digits = bytes.drop { $0 == 0x20 }
      guard digits.first == UInt8(ascii: "0"), digits.count > 1 else { return plain(digits, radix: 10) }
      let isHexadecimal = digits[digits.startIndex + 1] | 0x20 == UInt8(ascii: "x")
      return isHexadecimal ? plain(digits.dropFirst(2), radix: 16) : plain(digits, radix: 8)
    }
  }

  /// Digits and nothing else. The standard library's goes character by character, and every address has many.
  private static func plain(_ digits: Slice<UnsafeBufferPointer<UInt8>>, radix: UInt64) -> UInt64? {
    guard !digits.isEmpty else { return nil }
    var number: UInt64 = 0
    for byte in digits {
      let digit: UInt64
      switch byte {
      case 0x30...0x39: digit = UInt64(byte - 0x30)
      case 0x41...0x46, 0x61...0x66: digit = UInt64(byte | 0x20) - 0x61 + 10
      default: return nil
      }
      let (product, isTooLarge) = number.multipliedReportingOverflow(by: radix)
      let (sum, isTooLargeToo) = product.addingReportingOverflow(digit)
      guard digit < radix, !isTooLarge, !isTooLargeToo else { return nil }
      number = sum
    }
    return number
  }

  /// A size with its `unit`, in bytes (libvirt src/util/virutil.c: virScaleInteger).
  static func bytes(_ element: XMLElement, defaultUnit: String = "KiB") -> UInt64? {
    let text = element.text.split { $0 == " " || $0 == "\n" || $0 == "\t" || $0 == "\r" }.first.map(String.init) ?? ""
    let unit = (element["unit"]?.value ?? defaultUnit).lowercased()
    guard let number = UInt64(text), let scale = scale(unit) else { return nil }
    let product = number.multipliedReportingOverflow(by: scale)
    return product.overflow ? nil : product.partialValue
  }

  private static func scale(_ unit: String) -> UInt64? {
    if unit.isEmpty || unit == "b" || unit == "byte" || unit == "bytes" { return 1 }
    guard let power = Array("kmgtpe").firstIndex(where: { unit.first == $0 }) else { return nil }
    switch unit.dropFirst() {
    case "", "ib": return 1 << (10 * UInt64(power + 1))
    case "b": return (0...power).reduce(1) { product, _ in product * 1000 }
    default: return nil
    }
  }
}

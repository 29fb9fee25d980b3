import Syntax

enum LibvirtNumber {
  /// A number as libvirt's virStrToLong reads it with base 0: `0x1f`, `31`, `037`.
  static func read(_ attribute: XMLAttribute) -> UInt64? { attribute.number(read) }

  private static func read(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64? {
    let digits = bytes.drop { $0 == 0x20 }
    guard digits.first == UInt8(ascii: "0"), digits.count > 1 else { return plain(digits, radix: 10) }
    let isHexadecimal = digits[digits.startIndex + 1] | 0x20 == UInt8(ascii: "x")
    return isHexadecimal ? plain(digits.dropFirst(2), radix: 16) : plain(digits, radix: 8)
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

  /// `0x1f`.
  static func hexadecimal(_ number: UInt64) -> String {
    let count = max(1, (67 - number.leadingZeroBitCount) / 4)
    return String(unsafeUninitializedCapacity: 2 + count) { text in
      text[0] = UInt8(ascii: "0")
      text[1] = UInt8(ascii: "x")
      for digit in 0..<count {
        let value = UInt8(number >> UInt64(4 * (count - 1 - digit)) & 0xf)
        text[2 + digit] = value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
      }
      return 2 + count
    }
  }

  /// A size with its `unit`, in bytes (libvirt src/util/virutil.c: virScaleInteger).
  static func bytes(_ element: XMLElement, defaultUnit: String = "KiB") -> UInt64? {
    let blanks: [UInt8] = [0x20, 0x0a, 0x09, 0x0d]
    let text = Substring(element.text.utf8.drop { blanks.contains($0) }.prefix { !blanks.contains($0) })
    guard let number = UInt64(text), let scale = scale(element.value("unit") ?? defaultUnit) else { return nil }
    let product = number.multipliedReportingOverflow(by: scale)
    return product.overflow ? nil : product.partialValue
  }

  /// In any case; `K` and `KiB` are powers of 1024, `KB` of 1000.
  private static func scale(_ unit: String) -> UInt64? {
    let letters = unit.utf8.map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }
    if letters.isEmpty || ["b", "byte", "bytes"].contains(where: { letters.elementsEqual($0.utf8) }) { return 1 }
    guard let power = "kmgtpe".utf8.enumerated().first(where: { $0.element == letters[0] })?.offset else { return nil }
    let rest = letters.dropFirst()
    if rest.isEmpty || rest.elementsEqual("ib".utf8) { return 1 << (10 * UInt64(power + 1)) }
    return rest.elementsEqual("b".utf8) ? (0...power).reduce(1) { product, _ in product * 1000 } : nil
  }
}

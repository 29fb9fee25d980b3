import Facts
import Syntax

enum LibvirtNumber {
  /// A number as libvirt's virStrToLong reads it with base 0: `0x1f`, `31`, `037`.
  static func parse(_ attribute: XMLAttribute) -> UInt64? {
    var value = attribute.value
    return value.withUTF8(parse)
  }

  private static func parse(_ text: UnsafeBufferPointer<UInt8>) -> UInt64? {
    var digits = text.drop { $0 == UInt8(ascii: " ") }
    var radix: UInt64 = 10
    if digits.first == UInt8(ascii: "0") {
      let rest = digits.dropFirst()
      radix = rest.first.map { $0 | 0x20 } == UInt8(ascii: "x") ? 16 : 8
      if radix == 16 { digits = rest.dropFirst() }
    }
    guard !digits.isEmpty else { return nil }
    var number: UInt64 = 0
    for byte in digits {
      guard let digit = byte.hexDigitValue.map(UInt64.init), digit < radix else { return nil }
      let (product, isTooLarge) = number.multipliedReportingOverflow(by: radix)
      let (sum, overflows) = product.addingReportingOverflow(digit)
      if isTooLarge || overflows { return nil }
      number = sum
    }
    return number
  }

  /// A number as libvirt's virStrToLong_ullp reads it with base 10: `1`, `+1`, ` 01`.
  static func natural(_ text: String) -> UInt64? {
    let digits = text.utf8.drop { $0 == 0x20 || (0x09...0x0d).contains($0) }
    guard digits.last.map({ (0x30...0x39).contains($0) }) == true, digits.first != UInt8(ascii: "-") else { return nil }
    return UInt64(Substring(digits))
  }

  /// The numbers of a set such as `0-3,8,^2` (libvirt src/util/virbitmap.c: virBitmapParse); nil of another text.
  static func set(_ text: String) -> Set<Int>? {
    var numbers: Set<Int> = []
    for item in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = item.drop { $0 == "^" }.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count < 3, first <= last, last < 16384 else { return nil }
      if item.hasPrefix("^") { numbers.subtract(first...last) } else { numbers.formUnion(first...last) }
    }
    return numbers
  }

  /// Whether it may be a set: it has numbers, and nothing that a set cannot have.
  static func maybeSet(_ text: String) -> Bool {
    let digits: ClosedRange<UInt8> = 0x30...0x39
    return text.utf8.contains(where: digits.contains)
      && text.utf8.allSatisfy { digits.contains($0) || "-,^ \t\r\n+".utf8.contains($0) }
  }

  /// `0x1f`.
  static func hexadecimal(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }

  /// A size with its `unit`, in bytes (libvirt src/util/virutil.c: virScaleInteger).
  static func bytes(_ element: XMLElement, defaultUnit: String = "KiB") -> UInt64? {
    bytes(element.text, element.value("unit") ?? defaultUnit)
  }

  static func bytes(_ text: String, _ unit: String) -> UInt64? {
    let blanks: [UInt8] = [0x20, 0x0a, 0x09, 0x0d]
    let text = Substring(text.utf8.drop { blanks.contains($0) }.prefix { !blanks.contains($0) })
    guard let number = UInt64(text), let scale = scale(unit) else { return nil }
    let product = number.multipliedReportingOverflow(by: scale)
    return product.overflow ? nil : product.partialValue
  }

  /// Units in any case; `K` and `KiB` are powers of 1024, `KB` of 1000.
  static func scale(_ unit: String) -> UInt64? {
    let letters = unit.utf8.map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }
    if letters.isEmpty || ["b", "byte", "bytes"].contains(where: { letters.elementsEqual($0.utf8) }) { return 1 }
    guard let power = "kmgtpe".utf8.enumerated().first(where: { $0.element == letters[0] })?.offset else { return nil }
    let rest = letters.dropFirst()
    if rest.isEmpty || rest.elementsEqual("ib".utf8) { return 1 << (10 * UInt64(power + 1)) }
    return rest.elementsEqual("b".utf8) ? (0...power).reduce(1) { product, _ in product * 1000 } : nil
  }
}

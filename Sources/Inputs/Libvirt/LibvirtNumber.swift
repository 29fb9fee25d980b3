import Syntax

enum LibvirtNumber {
  /// A number as libvirt's virStrToLong reads it with base 0: `0x1f`, `31`, `037`.
  static func parse(_ attribute: XMLAttribute) -> UInt64? {
    let text = attribute.value.drop { $0 == " " }
    // The initializers below accept a sign, which no number of a domain has.
    guard !text.contains(where: { $0 == "+" || $0 == "-" }) else { return nil }
    if text.lowercased().hasPrefix("0x") { return UInt64(text.dropFirst(2), radix: 16) }
    return UInt64(text, radix: text.hasPrefix("0") ? 8 : 10)
  }

  /// `0x1f`.
  static func hexadecimal(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }

  /// A size with its `unit`, in bytes (libvirt src/util/virutil.c: virScaleInteger).
  static func bytes(_ element: XMLElement, defaultUnit: String = "KiB") -> UInt64? {
    let blanks: [UInt8] = [0x20, 0x0a, 0x09, 0x0d]
    let text = Substring(element.text.utf8.drop { blanks.contains($0) }.prefix { !blanks.contains($0) })
    guard let number = UInt64(text), let scale = scale(element.value("unit") ?? defaultUnit) else { return nil }
    let product = number.multipliedReportingOverflow(by: scale)
    return product.overflow ? nil : product.partialValue
  }

  /// Units in any case; `K` and `KiB` are powers of 1024, `KB` of 1000.
  private static func scale(_ unit: String) -> UInt64? {
    let letters = unit.utf8.map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }
    if letters.isEmpty || ["b", "byte", "bytes"].contains(where: { letters.elementsEqual($0.utf8) }) { return 1 }
    guard let power = "kmgtpe".utf8.enumerated().first(where: { $0.element == letters[0] })?.offset else { return nil }
    let rest = letters.dropFirst()
    if rest.isEmpty || rest.elementsEqual("ib".utf8) { return 1 << (10 * UInt64(power + 1)) }
    return rest.elementsEqual("b".utf8) ? (0...power).reduce(1) { product, _ in product * 1000 } : nil
  }
}

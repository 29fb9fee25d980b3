extension BinaryInteger {
  /// The number in hexadecimal without `0x`, filled up with zeros to at least `digits` digits: `00a0`.
  public func hexadecimal(digits: Int, uppercase: Bool = false) -> String {
    let text = String(self, radix: 16, uppercase: uppercase)
    return String(repeating: "0", count: Swift.max(0, digits - text.utf8.count)) + text
  }

  /// The number in hexadecimal with `0x`, as QEMU's messages and libvirt's have it: `0x1f`.
  public var hexadecimal: String { "0x" + hexadecimal(digits: 1) }
}

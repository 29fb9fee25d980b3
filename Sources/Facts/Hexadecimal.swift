extension BinaryInteger {
  /// The number in hexadecimal without `0x`, filled up with zeros to at least `digits` digits: `00a0`.
  public func hexadecimal(digits: Int, uppercase: Bool = false) -> String {
    let text = String(self, radix: 16, uppercase: uppercase)
    return String(repeating: "0", count: Swift.max(0, digits - text.utf8.count)) + text
  }
}

extension UInt8 {
  /// Whether it is an ASCII letter or digit.
  public var isASCIILetterOrDigit: Bool {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
    default: false
    }
  }

  /// Whether it is an ASCII digit.
  public var isASCIIDigit: Bool { isASCIILetterOrDigit && self <= UInt8(ascii: "9") }

  /// The value of a hexadecimal digit of either case; nil for any other byte.
  public var hexDigitValue: UInt8? {
    if isASCIIDigit { return self - UInt8(ascii: "0") }
    let letter = self | 0x20
    return (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(letter) ? letter - UInt8(ascii: "a") + 10 : nil
  }

  /// Whether it is an ASCII letter.
  public var isASCIILetter: Bool { isASCIILetterOrDigit && self > UInt8(ascii: "9") }

  /// Whether a shell allows it in the name of a variable, but for a digit at its beginning (POSIX.1-2017 XBD 3.235).
  public var isShellNameByte: Bool { isASCIILetterOrDigit || self == UInt8(ascii: "_") }
}

extension RandomAccessCollection<UInt8> where Index == Int {
  /// Whether a text occurs in the bytes. Compares bytes, where Swift's strings compare characters at twenty times the cost.
  public func contains(text: String) -> Bool {
    let wanted = Array(text.utf8)
    guard let first = wanted.first else { return true }
    var at = startIndex
    let second = wanted.count > 1 ? wanted[1] : nil
    while endIndex - at >= wanted.count {
      // The second byte decides mostly where a text has the first one thousands of times.
      if self[at] == first, second == nil || self[at + 1] == second, self[at..<at + wanted.count].elementsEqual(wanted) {
        return true
      }
      at += 1
    }
    return false
  }
}

extension JSON {
  /// A text with its strings in double quotes: QEMU takes them in single ones too (qobject/json-lexer.c),
  /// and command lines inside XML often have them so. All places stay. A text where that cannot be done
  /// byte by byte is returned unchanged: with a double quote or a backslash in such a string.
  public static func inDoubleQuotes(_ bytes: [UInt8]) -> [UInt8] {
    let single = UInt8(ascii: "'")
    let double = UInt8(ascii: "\"")
    guard bytes.contains(single) else { return bytes }
    var rewritten = bytes
    var quote: UInt8?
    var isEscaped = false
    for (index, byte) in bytes.enumerated() {
      switch quote {
      case nil:
        guard byte == single || byte == double else { continue }
        quote = byte
        rewritten[index] = double
      case single:
        if byte == double || byte == UInt8(ascii: "\\") { return bytes }
        guard byte == single else { continue }
        quote = nil
        rewritten[index] = double
      default:
        if byte == double, !isEscaped { quote = nil }
        isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
      }
    }
    return rewritten
  }
}

extension Word {
  /// The string at a place in a JSON text, without its quotes. In one with escapes every byte has the string's place.
  public func jsonString(at place: Range<Int>, _ string: String) -> Word {
    let inner = place.dropFirst().dropLast()
    let text = Array(string.utf8)
    if bytes[inner].elementsEqual(text) || text.isEmpty { return part(inner) }
    let whole = range(of: place)
    return Word(bytes: text, offsets: text.dropLast().map { _ in whole.lowerBound } + [whole.upperBound - 1], end: whole.upperBound)
  }
}

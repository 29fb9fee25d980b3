import Facts

/// Config space in a recording: `config 0x000 de 10 84 26` gives bytes from an offset, `..` is
/// one that could not be read; `config 0x200..0xfff 00` gives every byte of a range.
enum RecordingConfig {
  static let expected = "an offset and up to 16 bytes, or a range and one byte, within 0x000..0xfff"

  /// False when the value is malformed, or gives a byte that was given before.
  static func read(_ value: ArraySlice<UInt8>, into bytes: inout [UInt8?]) -> Bool {
    let words = value.split(separator: 0x20)
    guard let place = words.first, let range = range(place, count: words.count - 1) else { return false }
    if bytes.count <= range.upperBound {
      bytes += [UInt8?](repeating: nil, count: range.upperBound + 1 - bytes.count)
    }
    // A range may be nearly all of a config space: its byte is read once.
    var given: [UInt8?] = []
    for word in words.dropFirst() {
      guard word.count == 2, let high = word.first, let low = word.last else { return false }
      let byte = hexadecimalByte(high, low)
      guard byte != nil || high == UInt8(ascii: ".") && low == high else { return false }
      given.append(byte)
    }
    let isFill = range.count != given.count
    for offset in range {
      guard bytes[offset] == nil else { return false }
      bytes[offset] = given[isFill ? 0 : offset - range.lowerBound]
    }
    return true
  }

  private static func range(_ place: ArraySlice<UInt8>, count: Int) -> ClosedRange<Int>? {
    guard let dot = place.firstIndex(of: UInt8(ascii: ".")) else {
      guard let first = offset(place), (1...16).contains(count), first + count <= 4096 else { return nil }
      return first...(first + count - 1)
    }
    let rest = place[dot...]
    guard count == 1, rest.starts(with: "..".utf8), let first = offset(place[..<dot]),
      let last = offset(rest.dropFirst(2)), first < last
    else { return nil }
    return first...last
  }

  /// `0x000` to `0xfff`.
  private static func offset(_ place: ArraySlice<UInt8>) -> Int? {
    guard place.starts(with: "0x".utf8), (3...5).contains(place.count) else { return nil }
    var offset = 0
    for byte in place.dropFirst(2) {
      guard let digit = byte.hexDigitValue else { return nil }
      offset = offset << 4 | Int(digit)
    }
    return offset
  }

  /// The lines' values, in order: rows of 16 bytes, runs of equal whole rows as one range. Bytes
  /// that could not be read have no line, or `..` in a row that has others.
  static func lines(_ space: ConfigSpace) -> [String] {
    let bytes = withoutSerialNumber(space)
    var lines: [String] = []
    var at = 0
    while at < bytes.count {
      let end = min(at + 16, bytes.count)
      if let byte = bytes[at] {
        var run = at
        while run < bytes.count, bytes[run] == byte { run += 1 }
        run -= (run - at) % 16
        if run - at > 16 {
          lines.append("\(hexadecimalText(at, digits: 3))..\(hexadecimalText(run - 1, digits: 3)) \(pair(byte))")
          at = run
          continue
        }
      }
      // A hole at the row's end needs no dots, unless the space ends with it.
      let row = bytes[at..<end]
      if row.contains(where: { $0 != nil }) || end == bytes.count {
        lines.append(hexadecimalText(at, digits: 3) + row.map { " " + ($0.map(pair) ?? "..") }.joined())
      }
      at = end
    }
    return lines
  }

  private static func pair(_ byte: UInt8) -> String {
    String(hexadecimalText(byte, digits: 2).dropFirst(2))
  }

  /// The Device Serial Number capability (PCIe 6.0 §7.9.3), id 0x0003, blanked: a recording is
  /// made to be passed on.
  private static func withoutSerialNumber(_ space: ConfigSpace) -> [UInt8?] {
    var bytes = space.bytes
    for capability in space.extendedChain.capabilities where capability.id == 0x0003 {
      for offset in capability.offset + 4..<capability.offset + 12 where offset < bytes.count {
        if bytes[offset] != nil { bytes[offset] = 0 }
      }
    }
    return bytes
  }
}

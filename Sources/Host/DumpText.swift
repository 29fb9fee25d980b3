import Facts

/// Parses the text of `lspci -x…`: a line that names a function, the description that `-v` prints, and
/// rows of an offset and 16 bytes.
struct DumpText {
  private(set) var dumps: [ConfigDump] = []
  private var title = ""
  private var address: PCIAddress?
  private var details: [String] = []
  private var bytes: [UInt8?] = []
  private var number = 0
  /// A blank line since the last row: a row 0x000 then begins another function.
  private var afterBlank = false

  mutating func read(_ text: [UInt8]) throws(ConfigDumpError) {
    for raw in text.split(separator: 0x0a, omittingEmptySubsequences: false) {
      number += 1
      var line = raw
      while let last = line.last, last == 0x0d || last == 0x20 || last == 0x09 { line.removeLast() }
      if line.isEmpty { afterBlank = true } else { try readLine(line) }
    }
    finish()
    if dumps.isEmpty { throw ConfigDumpError(line: nil, problem: .noRows) }
  }

  /// Whether a file begins like a dump; the rest is not checked.
  static func begins(_ text: [UInt8]) -> Bool {
    let line = text.prefix { $0 != 0x0a }.prefix(80)
    return rowOffset(line) != nil || function(line) != nil
  }

  private mutating func readLine(_ line: ArraySlice<UInt8>) throws(ConfigDumpError) {
    if let offset = DumpText.rowOffset(line) {
      try readRow(offset, line)
    } else if let address = DumpText.function(line) {
      finish()
      title = String(decoding: line, as: UTF8.self)
      self.address = address
    } else if details.count < 1000 {
      // lspci -v's description, or terminal output around the dump.
      details.append(trimmedText(Array(line.prefix(200))))
    }
  }

  /// The function that a line names: it begins with an address, and lspci never indents it.
  private static func function(_ line: ArraySlice<UInt8>) -> PCIAddress? {
    let word = line.prefix { $0 != 0x20 }
    return word.count <= 16 ? PCIAddress(String(decoding: word, as: UTF8.self)) : nil
  }

  /// The offset of a line that is a row: two to eight hexadecimal digits, a colon, a blank.
  private static func rowOffset(_ line: ArraySlice<UInt8>) -> Int? {
    guard let colon = line.prefix(9).firstIndex(of: UInt8(ascii: ":")) else { return nil }
    let digits = line[..<colon]
    guard (2...8).contains(digits.count), colon + 1 == line.endIndex || line[colon + 1] == 0x20 else { return nil }
    var offset = 0
    for byte in digits {
      guard let digit = byte.hexDigitValue else { return nil }
      offset = offset << 4 | Int(digit)
    }
    return offset
  }

  private mutating func readRow(_ offset: Int, _ line: ArraySlice<UInt8>) throws(ConfigDumpError) {
    let words = line.split(separator: 0x20).dropFirst()
    if offset == 0, afterBlank, !bytes.isEmpty { finish() }
    afterBlank = false
    guard (1...16).contains(words.count) else { throw fail(.badRow(text: shown(line))) }
    guard offset + words.count <= 4096 else { throw fail(.rowOutside(offset)) }
    if bytes.count < offset + words.count {
      bytes += [UInt8?](repeating: nil, count: offset + words.count - bytes.count)
    }
    for (index, word) in words.enumerated() {
      guard word.count == 2, let high = word.first, let low = word.last, let byte = hexadecimalByte(high, low) else {
        throw fail(.badRow(text: shown(word)))
      }
      if bytes[offset + index] != nil { throw fail(.rowTwice(offset)) }
      bytes[offset + index] = byte
    }
  }

  private mutating func finish() {
    if !bytes.isEmpty {
      dumps.append(
        ConfigDump(title: title.isEmpty ? "unnamed function" : title, address: address, details: details, bytes: bytes))
    }
    (title, address, details, bytes, afterBlank) = ("", nil, [], [], false)
  }

  private func fail(_ problem: ConfigDumpError.Problem) -> ConfigDumpError {
    ConfigDumpError(line: number, problem: problem)
  }

  private func shown(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes.prefix(40), as: UTF8.self)
  }
}

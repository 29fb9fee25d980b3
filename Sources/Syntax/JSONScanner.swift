/// Cuts JSON text into tokens without checking it: punctuation, strings, and runs of anything else. jansson parses the
/// same text; this only finds locations.
struct JSONScanner {
  private let bytes: [UInt8]
  private(set) var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The next token's range, nil at the end.
  mutating func next() -> Range<Int>? {
    while position < bytes.count, JSONScanner.isBlank(bytes[position]) { position += 1 }
    guard position < bytes.count else { return nil }
    let start = position
    position += 1
    switch bytes[start] {
    case UInt8(ascii: "\""):
      while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
        position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
      }
      position = min(position + 1, bytes.count)
    case let byte where JSONScanner.isPunctuation(byte): break
    default:
      while position < bytes.count, !JSONScanner.endsBareToken(bytes[position]) { position += 1 }
    }
    return start..<position
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

  private static func isPunctuation(_ byte: UInt8) -> Bool { "{}[],:".utf8.contains(byte) }

  private static func endsBareToken(_ byte: UInt8) -> Bool {
    isBlank(byte) || isPunctuation(byte) || byte == UInt8(ascii: "\"")
  }
}

/// The ranges of the members of a JSON object, for pointing at them.
public struct JSONPlaces {
  private let bytes: [UInt8]

  /// - Parameter bytes: text that `JSON.parse` accepted.
  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The ranges of the values that follow one another in the text.
  public var values: [Range<Int>] {
    var scanner = JSONScanner(bytes)
    var ranges: [Range<Int>] = []
    while let range = scanner.value(in: bytes) { ranges.append(range) }
    return ranges
  }

  /// The range of the value that starts at a place.
  public func value(from start: Int) -> Range<Int>? {
    var scanner = JSONScanner(bytes, from: start)
    return scanner.value(in: bytes)
  }

  /// The ranges of the items of the array that a text is.
  public static func items(of bytes: [UInt8]) -> [Range<Int>] {
    var scanner = JSONScanner(bytes)
    guard let open = scanner.next(), bytes[open.lowerBound] == UInt8(ascii: "[") else { return [] }
    var ranges: [Range<Int>] = []
    while let range = scanner.value(in: bytes), bytes[range.lowerBound] != UInt8(ascii: "]") {
      ranges.append(range)
      _ = scanner.next()  // the comma, or the closing bracket
    }
    return ranges
  }

  /// The range of the value reached by following object keys, nil when there is no such value.
  public func range(of keys: [String]) -> Range<Int>? {
    var scanner = JSONScanner(bytes)
    guard var current = scanner.value(in: bytes) else { return nil }
    for key in keys {
      guard let next = members(of: current)[key] else { return nil }
      current = next
    }
    return current
  }

  /// The ranges of the values of the object reached by following object keys, by key; empty when there is no such object.
  public func members(of keys: [String]) -> [String: Range<Int>] { range(of: keys).map { members(of: $0) } ?? [:] }

  private func members(of object: Range<Int>) -> [String: Range<Int>] {
    guard bytes[object.lowerBound] == UInt8(ascii: "{") else { return [:] }
    var ranges: [String: Range<Int>] = [:]
    var scanner = JSONScanner(bytes, from: object.lowerBound + 1)
    while let name = scanner.next(), name.upperBound < object.upperBound {
      _ = scanner.next()  // the colon
      guard let value = scanner.value(in: bytes) else { break }
      if case .string(let key)? = try? JSON.parse(Array(bytes[name])) { ranges[key] = value }
      _ = scanner.next()  // the comma, or the closing brace
    }
    return ranges
  }
}

extension JSONScanner {
  init(_ bytes: [UInt8], from position: Int) {
    self.init(bytes)
    self.position = position
  }

  /// The range of the whole value that starts here.
  mutating func value(in bytes: [UInt8]) -> Range<Int>? {
    guard let first = next() else { return nil }
    var depth = JSONScanner.step(bytes[first.lowerBound])
    var end = first.upperBound
    while depth > 0, let token = next() {
      depth += JSONScanner.step(bytes[token.lowerBound])
      end = token.upperBound
    }
    return first.lowerBound..<end
  }

  private static func step(_ byte: UInt8) -> Int {
    switch byte {
    case UInt8(ascii: "{"), UInt8(ascii: "["): return 1
    case UInt8(ascii: "}"), UInt8(ascii: "]"): return -1
    default: return 0
    }
  }
}

/// A copy of a JSON text that jansson can read: integers above 2^63 - 1 become marked strings,
/// those outside 64 bits become reals, as QEMU reads them, unless they are left unchanged: jansson refuses them.
struct WideIntegers {
  let bytes: [UInt8]
  /// The beginning of the marked strings. It is made by chance, so that no text contains it, escaped or not.
  let prefix: String

  init(rewriting text: [UInt8], isExact: Bool) {
    var chance = SystemRandomNumberGenerator()
    prefix = "u64-\(String(chance.next(), radix: 16))\(String(chance.next(), radix: 16))-"
    var output: [UInt8] = []
    var copied = 0
    var scanner = JSONScanner(text)
    while let token = scanner.next() {
      guard WideIntegers.isInteger(text[token]) else { continue }
      let word = String(decoding: text[token], as: UTF8.self)
      guard Int64(word) == nil, !isExact || UInt64(word) != nil else { continue }
      output += text[copied..<token.lowerBound]
      output += Array((UInt64(word) != nil ? "\"\(prefix)\(word)\"" : "\(word).0").utf8)
      copied = token.upperBound
    }
    bytes = output + text[copied...]
  }

  /// An integer of JSON's grammar (RFC 8259 section 6): another one is an error for QEMU's lexer, behind which it reads on.
  private static func isInteger(_ token: ArraySlice<UInt8>) -> Bool {
    let digits = token.first == UInt8(ascii: "-") ? token.dropFirst() : token
    guard let first = digits.first, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return false }
    return first != UInt8(ascii: "0") || digits.count == 1
  }
}

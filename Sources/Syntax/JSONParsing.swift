import CJansson

extension JSON {
  /// Nesting that is refused beyond this. QEMU stops at 1024 (qobject/json-streamer.c).
  public static let maximumDepth = 512
  /// jansson needs 13 to 79 times the text's size.
  public static let maximumSize = 8 << 20

  /// Reads one JSON value and nothing else. Duplicate keys, invalid UTF-8 and trailing text are
  /// errors.
  /// - Parameter isExact: whether an integer outside 64 bits is an error too. Otherwise it becomes a real, as in QEMU.
  /// - Throws: `SyntaxError` with the place.
  public static func parse(_ bytes: [UInt8], isExact: Bool = false) throws(SyntaxError) -> JSON {
    guard !bytes.isEmpty else { throw SyntaxError(message: "no JSON text", offset: 0) }
    guard bytes.count <= maximumSize else {
      throw SyntaxError(message: "larger than \(maximumSize) bytes", offset: maximumSize)
    }
    if let place = placeTooDeep(bytes) {
      throw SyntaxError(message: "nested deeper than \(maximumDepth) levels", offset: place)
    }
    do {
      return try load(bytes, wide: nil)
    } catch {
      // jansson rejects a whole document for one integer above 2^63 - 1.
      guard error.isOverflow else { throw error.reason }
      let rewritten = WideIntegers(rewriting: bytes, isExact: isExact)
      do {
        return try load(rewritten.bytes, wide: rewritten.prefix)
      } catch {
        let offset = offset(in: bytes, ofTokenAt: error.reason.offset, in: rewritten.bytes)
        throw SyntaxError(message: error.reason.message, offset: offset)
      }
    }
  }

  /// The offset of the token that is in another text, of the same tokens, at an offset.
  private static func offset(in bytes: [UInt8], ofTokenAt offset: Int, in other: [UInt8]) -> Int {
    var (theirs, ours) = (JSONScanner(other), JSONScanner(bytes))
    while let token = theirs.next(), let same = ours.next() {
      if token.upperBound > offset { return same.lowerBound }
    }
    return bytes.count
  }

  /// Parses one value.
  /// - Throws: the error with its offset.
  public static func parse(_ text: String) throws(SyntaxError) -> JSON { try parse(Array(text.utf8)) }

  private struct Failure: Error {
    let reason: SyntaxError
    let isOverflow: Bool
  }

  private static func load(_ bytes: [UInt8], wide: String?) throws(Failure) -> JSON {
    var error = json_error_t()
    let flags = Int(JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY)
    let root = bytes.withUnsafeBufferPointer { buffer in
      // SAFETY: jansson reads `count` bytes and keeps no reference to the text.
      buffer.withMemoryRebound(to: CChar.self) { $0.baseAddress.flatMap { json_loadb($0, bytes.count, flags, &error) } }
    }
    guard let root else {
      let text = withUnsafeBytes(of: error.text) { raw in
        String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
      }
      // The last byte of `text` holds the code (jansson.h: json_error_code).
      let code = withUnsafeBytes(of: error.text) { $0[Int(JSON_ERROR_TEXT_LENGTH) - 1] }
      throw Failure(
        reason: SyntaxError(message: text, offset: start(ofTokenBefore: Int(error.position), in: bytes)),
        isOverflow: wide == nil && UInt32(code) == json_error_numeric_overflow.rawValue)
    }
    defer { json_decref(root) }
    return JSON(root, wide: wide)
  }

  /// jansson reports the position at which it stopped, which is after the invalid token.
  private static func start(ofTokenBefore position: Int, in bytes: [UInt8]) -> Int {
    var scanner = JSONScanner(bytes)
    while let token = scanner.next() {
      if token.upperBound >= position { return min(token.lowerBound, max(0, position)) }
    }
    return bytes.count
  }

  private init(_ value: UnsafeMutablePointer<json_t>, wide: String?) {
    switch value.pointee.type {
    case JSON_OBJECT:
      var members: [Member] = []
      var iterator = json_object_iter(value)
      while let at = iterator {
        if let key = json_object_iter_key(at), let item = json_object_iter_value(at) {
          members.append(Member(String(cString: key), JSON(item, wide: wide)))
        }
        iterator = json_object_iter_next(value, at)
      }
      self = .object(members)
    case JSON_ARRAY:
      self = .array((0..<json_array_size(value)).compactMap { index in
        json_array_get(value, index).map { JSON($0, wide: wide) }
      })
    case JSON_STRING: self = JSON.text(value, wide: wide)
    case JSON_INTEGER: self = .integer(Int64(json_integer_value(value)))
    case JSON_REAL: self = .real(json_real_value(value))
    case JSON_TRUE: self = .bool(true)
    case JSON_FALSE: self = .bool(false)
    default: self = .null
    }
  }

  private static func text(_ value: UnsafeMutablePointer<json_t>, wide: String?) -> JSON {
    // SAFETY: jansson owns the bytes for as long as `value` lives; they are copied here.
    let bytes = UnsafeRawBufferPointer(start: json_string_value(value), count: json_string_length(value))
    let text = String(decoding: bytes, as: UTF8.self)
    if let wide, text.hasPrefix(wide), let number = UInt64(text.dropFirst(wide.count)) {
      return .unsigned(number)
    }
    return .string(text)
  }

  /// The offset at which the nesting first exceeds the cap, before any parser recurses.
  private static func placeTooDeep(_ bytes: [UInt8]) -> Int? {
    var scanner = JSONScanner(bytes)
    var depth = 0
    while let token = scanner.next() {
      switch bytes[token.lowerBound] {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        if depth > maximumDepth { return token.lowerBound }
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
      default: break
      }
    }
    return nil
  }
}

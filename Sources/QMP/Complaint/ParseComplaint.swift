import Syntax

/// QEMU's message about a text that is not accepted, as far as its own parser would report one
/// (QEMU qobject/json-lexer.c, json-parser.c); the wordings of 7.2 and of 11.1 differ.
struct ParseComplaint {
  enum Kind {
    /// A limit was exceeded: the message has no place and no "JSON parse error".
    case limit
    /// The text is not JSON.
    /// - Parameter offset: bytes from the start of the message to the token that it is about.
    case syntax(offset: Int)
  }

  /// The message without "JSON parse error, ".
  let text: String
  let kind: Kind

  private init(_ text: String, _ offset: Int) { self.init(text, .syntax(offset: offset)) }

  private init(_ text: String, _ kind: Kind) {
    self.text = text
    self.kind = kind
  }

  static let tooLarge = ParseComplaint("JSON token size limit exceeded", .limit)

  /// The scanner stopped at the last of these bytes.
  init(lexicalIn bytes: ArraySlice<UInt8>) {
    let text = Array(bytes)
    var lexer = ComplaintLexer(text)
    var last = 0..<0
    while let token = lexer.next() { last = token.range }
    // A stray byte in a string makes all of the string stray, from its quote on.
    let isInString =
      !text.isEmpty && last.upperBound == text.count && text[last.lowerBound] == UInt8(ascii: "\"")
    let from = isInString ? last.lowerBound : max(0, text.count - 1)
    self.init(ParseComplaint.stray(text[from...]), from)
  }

  /// A character that Unicode promises never to assign, which QEMU refuses (QEMU util/unicode.c), or nil.
  init?(nonCharacterIn bytes: [UInt8]) {
    guard bytes.contains(where: { $0 >= 0xef || $0 == UInt8(ascii: "\\") }) else { return nil }
    var lexer = ComplaintLexer(bytes)
    while let token = lexer.next() {
      guard bytes[token.range.lowerBound] == UInt8(ascii: "\"") else { continue }
      if let text = ParseComplaint.badCharacter(bytes[token.range]) {
        self.init(text, token.range.lowerBound)
        return
      }
    }
    return nil
  }

  /// Creates the message for a text that jansson did not accept. Where QEMU would accept it, jansson's message is used.
  init(grammarOf bytes: [UInt8], jansson: SyntaxError, usesQEMU11Wording: Bool) {
    if jansson.message.hasPrefix("nested deeper") {
      self.init("JSON nesting depth limit exceeded", .limit)
      return
    }
    var parser = ComplaintParser(bytes, usesQEMU11Wording: usesQEMU11Wording)
    do throws(Complaint) {
      try parser.value()
      self.init(jansson.message, jansson.offset)
    } catch {
      self.init(error.text, error.offset)
    }
  }

  /// A token as QEMU prints it: a C string, so a NUL ends it.
  static func stray(_ token: ArraySlice<UInt8>) -> String {
    "stray '\(String(decoding: token.prefix { $0 != 0 }, as: UTF8.self))'"
  }

  /// The error inside a string's quotes, or nil.
  static func badCharacter(_ string: ArraySlice<UInt8>) -> String? {
    let inner = string.dropFirst().dropLast()
    var at = inner.startIndex
    while at < inner.endIndex {
      guard inner[at] == UInt8(ascii: "\\"), at + 1 < inner.endIndex else {
        at += 1
        continue
      }
      switch inner[at + 1] {
      case UInt8(ascii: "u"):
        let digits = string[(at + 2)...].prefix(4)
        guard let unit = hexadecimal(digits) else { return invalid(digits) }
        if isNonCharacter(UInt32(unit)) || UTF16.isTrailSurrogate(unit) { return invalid(digits) }
        if UTF16.isLeadSurrogate(unit) {
          guard string[(at + 6)...].prefix(2).elementsEqual("\\u".utf8),
            let low = hexadecimal(string[(at + 8)...].prefix(4)), UTF16.isTrailSurrogate(low)
          else { return invalid(digits) }
          // QEMU prints the pair that it has read (QEMU qobject/json-parser.c: parse_string).
          if UInt32(low) & 0x3fe == 0x3fe, UInt32(unit) & 0x3f == 0x3f { return invalid(string[(at + 2)...].prefix(10)) }
          at += 6
        }
        at += 6
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "'"), UInt8(ascii: "b"),
        UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
        at += 2
      default: return "invalid escape sequence in string"
      }
    }
    guard let text = String(validating: inner, as: UTF8.self) else { return "invalid UTF-8 sequence in string" }
    return text.unicodeScalars.contains { isNonCharacter($0.value) } ? "invalid UTF-8 sequence in string" : nil
  }

  private static func invalid(_ digits: ArraySlice<UInt8>) -> String {
    "\\u\(String(decoding: digits, as: UTF8.self)) is not a valid Unicode character"
  }

  private static func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt16? {
    // A sign is a part of Swift's numbers.
    guard digits.count == 4, !"+-".utf8.contains(digits[digits.startIndex]) else { return nil }
    return UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
  }

  private static func isNonCharacter(_ scalar: UInt32) -> Bool {
    0xfdd0...0xfdef ~= scalar || scalar & 0xfffe == 0xfffe
  }
}

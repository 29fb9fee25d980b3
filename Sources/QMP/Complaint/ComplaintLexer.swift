/// Tokens as QEMU's lexer cuts them, with what it finds wrong in each.
struct ComplaintLexer {
  struct Token {
    let range: Range<Int>
    /// QEMU's message text, nil for a valid token.
    let fault: String?
  }

  private let bytes: [UInt8]
  private var at = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func next() -> Token? {
    while at < bytes.count, FrameScanner.kind(of: bytes[at]) == .blank { at += 1 }
    guard at < bytes.count else { return nil }
    let start = at
    switch bytes[start] {
    case UInt8(ascii: "\""): return string(start)
    case UInt8(ascii: "a")...UInt8(ascii: "z"): return keyword(start)
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): return number(start)
    default:
      at += 1
      let isPunctuation = "{}[],:".utf8.contains(bytes[start])
      return Token(range: start..<at, fault: isPunctuation ? nil : ParseComplaint.stray(bytes[start..<at]))
    }
  }

  private mutating func string(_ start: Int) -> Token {
    at += 1
    while at < bytes.count, bytes[at] != UInt8(ascii: "\"") {
      guard FrameScanner.isText(bytes[at]) else {
        at += 1
        return Token(range: start..<at, fault: ParseComplaint.stray(bytes[start..<at]))
      }
      at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1
    }
    at = min(at + 1, bytes.count)
    return Token(range: start..<at, fault: ParseComplaint.badCharacter(bytes[start..<at]))
  }

  private mutating func keyword(_ start: Int) -> Token {
    while at < bytes.count, UInt8(ascii: "a")...UInt8(ascii: "z") ~= bytes[at] { at += 1 }
    let word = String(decoding: bytes[start..<at], as: UTF8.self)
    let isKnown = word == "true" || word == "false" || word == "null"
    return Token(range: start..<at, fault: isKnown ? nil : "invalid keyword '\(word)'")
  }

  /// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`; a byte that does not fit belongs to the fault.
  private mutating func number(_ start: Int) -> Token {
    if bytes[at] == UInt8(ascii: "-") { at += 1 }
    let lead = at
    guard digits() else { return stray(start) }
    if at - lead > 1, bytes[lead] == UInt8(ascii: "0") {
      at = lead + 1
      return stray(start)
    }
    if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
      at += 1
      guard digits() else { return stray(start) }
    }
    if at < bytes.count, bytes[at] | 0x20 == UInt8(ascii: "e") {
      at += 1
      if at < bytes.count, bytes[at] == UInt8(ascii: "+") || bytes[at] == UInt8(ascii: "-") { at += 1 }
      guard digits() else { return stray(start) }
    }
    return Token(range: start..<at, fault: nil)
  }

  private mutating func digits() -> Bool {
    let start = at
    while at < bytes.count, UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[at] { at += 1 }
    return at > start
  }

  private mutating func stray(_ start: Int) -> Token {
    at = min(at + 1, bytes.count)
    return Token(range: start..<at, fault: ParseComplaint.stray(bytes[start..<at]))
  }
}

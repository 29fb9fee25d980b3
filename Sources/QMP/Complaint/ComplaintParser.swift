import Syntax

/// The first token that QEMU's parser would not accept, and its offset.
struct Complaint: Error {
  let text: String
  let offset: Int
}

/// QEMU's grammar over a complete frame.
struct ComplaintParser {
  private var lexer: ComplaintLexer
  private let bytes: [UInt8]
  private let usesQEMU11Wording: Bool
  private var token: ComplaintLexer.Token?

  init(_ bytes: [UInt8], usesQEMU11Wording: Bool) {
    self.bytes = bytes
    self.usesQEMU11Wording = usesQEMU11Wording
    lexer = ComplaintLexer(bytes)
    token = lexer.next()
  }

  /// Reads a value. The nesting is below `JSON.maximumDepth`, which was checked before.
  mutating func value() throws(Complaint) {
    guard let token else { throw Complaint(text: "expecting value", offset: bytes.count) }
    let first = bytes[token.range.lowerBound]
    if let fault = token.fault { throw Complaint(text: fault, offset: token.range.lowerBound) }
    advance()
    switch first {
    case UInt8(ascii: "{"): try members()
    case UInt8(ascii: "["): try items()
    case UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ","), UInt8(ascii: ":"):
      throw Complaint(text: "expecting value", offset: token.range.lowerBound)
    default: break
    }
  }

  private mutating func members() throws(Complaint) {
    if take("}") { return }
    var keys: Set<[UInt8]> = []
    while true {
      let key = token
      let isString = key.map { bytes[$0.range.lowerBound] == UInt8(ascii: "\"") } ?? false
      if usesQEMU11Wording, !isString { throw complaint("expecting key") }
      try value()
      guard isString, let key else { throw complaint("key is not a string in object") }
      guard take(":") else { throw complaint(usesQEMU11Wording ? "expecting ':'" : "missing : in object pair") }
      let place = token?.range.lowerBound ?? bytes.count
      try value()
      guard keys.insert(ComplaintParser.unescaped(Array(bytes[key.range]))).inserted else {
        throw Complaint(text: "duplicate key", offset: place)
      }
      if take("}") { return }
      guard take(",") else { throw complaint(usesQEMU11Wording ? "expected ',' or '}'" : "expected separator in dict") }
    }
  }

  private mutating func items() throws(Complaint) {
    if take("]") { return }
    while true {
      try value()
      if take("]") { return }
      guard take(",") else { throw complaint(usesQEMU11Wording ? "expected ',' or ']'" : "expected separator in list") }
    }
  }

  private func complaint(_ text: String) -> Complaint {
    // A token that is faulty in itself is complained about first, by the lexer.
    Complaint(text: token?.fault ?? text, offset: token?.range.lowerBound ?? bytes.count)
  }

  private mutating func take(_ punctuation: Unicode.Scalar) -> Bool {
    guard let token, bytes[token.range.lowerBound] == UInt8(ascii: punctuation) else { return false }
    advance()
    return true
  }

  private mutating func advance() { token = lexer.next() }

  private static func unescaped(_ key: [UInt8]) -> [UInt8] {
    ((try? JSON.parse(key))?.string).map { Array($0.utf8) } ?? key
  }
}

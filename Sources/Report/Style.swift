import Facts
import Rules

/// Colours and width of terminal output.
public struct Style: Sendable {
  /// Whether escape sequences are written.
  public let isColoured: Bool
  /// Columns of the terminal, to which text is wrapped; nil does not wrap messages, so that programs find them whole.
  public let width: Int?

  /// - Parameters:
  ///   - isColoured: write escape sequences.
  ///   - width: columns of the terminal.
  public init(isColoured: Bool, width: Int? = nil) {
    self.isColoured = isColoured
    // Narrower than this, an excerpt shows nothing.
    self.width = width.map { max(40, $0) }
  }

  /// No escape sequences.
  public static let plain = Style(isColoured: false)

  // ECMA-48 §8.3.117, Select Graphic Rendition
  func bold(_ text: String) -> String { wrap(text, "1") }
  func dim(_ text: String) -> String { wrap(text, "2") }
  func green(_ text: String) -> String { wrap(text, "32") }

  func severity(_ severity: Severity, _ text: String) -> String {
    switch severity {
    case .error: return wrap(text, "1;31")
    case .warning: return wrap(text, "1;33")
    case .note: return wrap(text, "1;36")
    }
  }

  func verdict(_ verdict: Verdict) -> String {
    self.verdict(verdict, verdict == .safeByPolicy ? "safe by policy" : verdict.rawValue)
  }

  /// Text in the colour of a verdict.
  func verdict(_ verdict: Verdict, _ text: String) -> String {
    switch verdict {
    case .safe, .safeByPolicy: return wrap(text, "1;32")
    case .unsafe: return wrap(text, "1;31")
    case .undetermined: return wrap(text, "1;33")
    }
  }

  private func wrap(_ text: String, _ code: String) -> String {
    isColoured ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
  }
}

/// Replaces control characters by `\xNN`, and those that change the direction of text or end a line by `\uNNNN`, so that
/// text of others cannot control the terminal or look like other text.
public func printable(_ text: String) -> String {
  guard text.unicodeScalars.contains(where: isControl) else { return text }
  return text.unicodeScalars.map { scalar in
    guard isControl(scalar) else { return String(scalar) }
    return scalar.value < 0x100 ? "\\x" + scalar.value.hexadecimal(digits: 2) : "\\u" + scalar.value.hexadecimal(digits: 4)
  }.joined()
}

private func isControl(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.value {
  case 0..<0x20, 0x7f...0x9f: return true
  // Unicode Bidirectional Algorithm (UAX #9) §2, and the separators of lines and paragraphs.
  case 0x61c, 0x200e, 0x200f, 0x2028...0x202e, 0x2066...0x2069: return true
  default: return false
  }
}

extension String {
  func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - columns)) }

  var withoutTrailingBlanks: String { String(reversed().drop { $0 == " " }.reversed()) }
}

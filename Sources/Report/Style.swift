import Rules

/// Colours of terminal output.
public struct Style: Sendable {
  /// Whether escape sequences are written.
  public let isColoured: Bool

  /// - Parameter isColoured: write escape sequences.
  public init(isColoured: Bool) { self.isColoured = isColoured }

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
    switch verdict {
    case .safe: return wrap(verdict.rawValue, "1;32")
    case .safeByPolicy: return wrap("safe by policy", "1;32")
    case .unsafe: return wrap(verdict.rawValue, "1;31")
    case .undetermined: return wrap(verdict.rawValue, "1;33")
    }
  }

  private func wrap(_ text: String, _ code: String) -> String {
    isColoured ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
  }
}

/// Replaces control characters by `\xNN`, so that text of others cannot control the terminal.
public func printable(_ text: String) -> String {
  guard text.unicodeScalars.contains(where: isControl) else { return text }
  return text.unicodeScalars.map { scalar in
    guard isControl(scalar) else { return String(scalar) }
    let digits = String(scalar.value, radix: 16)
    return "\\x" + (digits.count < 2 ? "0" + digits : digits)
  }.joined()
}

private func isControl(_ scalar: Unicode.Scalar) -> Bool {
  scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
}

extension String {
  func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }

  var withoutTrailingBlanks: String { String(reversed().drop { $0 == " " }.reversed()) }
}

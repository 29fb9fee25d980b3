/// Text that a shell replaces: `$(…)`, `$((…))`, `${…}` and `` `…` `` (POSIX.1-2024, 2.6 Word Expansions), and outside of
/// quotes `<(…)` and `>(…)` (bash(1), Process Substitution).
/// Only where it ends is looked for.
public enum ShellSubstitution {
  /// The position after the substitution that begins at a position; nil when none does, or it has no end.
  public static func end(_ source: [UInt8], at start: Int, isQuoted: Bool) -> Int? {
    if isProcess(source, at: start, isQuoted: isQuoted) { return close(source, from: start + 2, at: UInt8(ascii: ")")) }
    if source[start] == UInt8(ascii: "`") { return close(source, from: start + 1, at: UInt8(ascii: "`")) }
    guard source[start] == UInt8(ascii: "$"), start + 1 < source.count else { return nil }
    switch source[start + 1] {
    case UInt8(ascii: "("): return close(source, from: start + 2, at: UInt8(ascii: ")"))
    case UInt8(ascii: "{"): return close(source, from: start + 2, at: UInt8(ascii: "}"))
    default: return nil
    }
  }

  /// Whether one begins at a place, with an end or without.
  public static func begins(_ source: [UInt8], at start: Int, isQuoted: Bool) -> Bool {
    source[start] == UInt8(ascii: "`") || isProcess(source, at: start, isQuoted: isQuoted)
      || source[start] == UInt8(ascii: "$") && start + 1 < source.count && "({".utf8.contains(source[start + 1])
  }

  /// `<(` and `>(`; a second `<` before it makes it a here document and a number.
  private static func isProcess(_ source: [UInt8], at start: Int, isQuoted: Bool) -> Bool {
    !isQuoted && (source[start] == UInt8(ascii: "<") || source[start] == UInt8(ascii: ">"))
      && start + 1 < source.count && source[start + 1] == UInt8(ascii: "(")
      && !(start > 0 && source[start - 1] == UInt8(ascii: "<"))
  }

  /// The position after a mark outside of quotes, further substitutions and parentheses. Nesting is counted and not
  /// followed by calls, so that no depth of it is too deep.
  private static func close(_ source: [UInt8], from start: Int, at mark: UInt8) -> Int? {
    var open = [mark]
    var position = start
    while position < source.count, let awaited = open.last {
      let byte = source[position]
      let isQuoted = awaited == UInt8(ascii: "\"")
      if awaited == UInt8(ascii: "'") {
        if byte == awaited { open.removeLast() }
      } else if awaited == UInt8(ascii: "$") {
        // In `$'…'` a backslash escapes the quote.
        if byte == UInt8(ascii: "\\") { position += 1 } else if byte == UInt8(ascii: "'") { open.removeLast() }
      } else if byte == UInt8(ascii: "\\") {
        position += 1
      } else if byte == awaited {
        open.removeLast()
      } else if byte == UInt8(ascii: "'"), !isQuoted {
        open.append(source[position - 1] == UInt8(ascii: "$") ? source[position - 1] : byte)
      } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "`") && mark != byte {
        open.append(byte)
      } else if byte == UInt8(ascii: "("), !isQuoted || source[position - 1] == UInt8(ascii: "$") {
        open.append(UInt8(ascii: ")"))
      } else if byte == UInt8(ascii: "{"), source[position - 1] == UInt8(ascii: "$") {
        open.append(UInt8(ascii: "}"))
      }
      position += 1
    }
    return open.isEmpty ? position : nil
  }
}

/// Text that another program replaces before a shell or QEMU sees it.
public enum TemplatePlaceholder {
  /// The marks of a placeholder with an expression: of Jinja, Go and GitHub, of ERB, and of strings in Ruby.
  private static let marks = [("{{", "}}"), ("<%", "%>"), ("#{", "}")].map { (open: Array($0.0.utf8), close: Array($0.1.utf8)) }

  /// The end of a placeholder that begins at a place and ends within 256 bytes of its line; nil where there is none.
  public static func end(_ bytes: [UInt8], at start: Int) -> Int? {
    guard start + 1 < bytes.count,
      let mark = marks.first(where: { bytes[start] == $0.open[0] && bytes[start + 1] == $0.open[1] })
    else { return nil }
    // `#{{{` is a mark of editors in a comment.
    let first = bytes[start...].dropFirst(2).first
    if mark.open.first == UInt8(ascii: "#"), first.map({ $0.isASCIILetter || "_@$".utf8.contains($0) }) != true { return nil }
    // A text may have thousands of marks, each of which is searched.
    let last = mark.close[mark.close.count - 1], end = min(bytes.count, start + 256)
    var at = start + 2
    while at < end {
      let byte = bytes[at]
      if byte == 0x0a { return nil }
      if byte == last, mark.close.count == 1 || at > start + 2 && bytes[at - 1] == mark.close[0] { return at + 1 }
      at += 1
    }
    return nil
  }

  /// Whether a text is filled in by another program before it is sent: one that begins with a placeholder, `$NAME` or `%s`.
  public static func isOpen(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return begins(bytes) || bytes.first == UInt8(ascii: "$") || bytes.starts(with: "%s".utf8)
  }

  /// Whether a word is a placeholder, or begins with one: `{{ x }}`, `{% x %}`, `<%= x %>`, `@X@`, `__X__`, `%X%`, `%(X)s`.
  public static func begins(_ word: [UInt8]) -> Bool {
    if ["{{", "{%", "<%", "${{", "#{", "%("].contains(where: { word.starts(with: $0.utf8) }) { return true }
    func isIn(_ mark: String) -> Bool {
      word.count > 2 * mark.utf8.count && word.starts(with: mark.utf8) && word.suffix(mark.utf8.count).elementsEqual(mark.utf8)
    }
    return isIn("@") || isIn("%") || isIn("__") || isIn("!")
  }

  /// Whether a value is not written out: it begins with a placeholder, or has one with an expression inside.
  public static func isIn(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return begins(bytes) || bytes.starts(with: "%s".utf8) || bytes.indices.contains { end(bytes, at: $0) != nil }
  }

  /// Whether a word, where a disk image could be, stands for words that are not written: `...`, `[options]`, and lists of other
  /// shells, `@args`, `%*` and `...$args`. So do signs with which other languages append a text.
  public static func omits(_ word: [UInt8]) -> Bool {
    ["...", "\u{2026}", "[", "@", "%*"].contains { word.starts(with: $0.utf8) }
      || ["+", "++", "..", "]]"].contains { word.elementsEqual($0.utf8) } || begins(word)
  }
}

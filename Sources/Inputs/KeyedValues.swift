import Syntax

/// Values of keys in a file of another program, as far as QEMU's arguments may be among them: lists of strings, and single strings.
struct KeyedValues {
  /// A list, a string, or neither: a value that is not read.
  struct Value {
    var string: Word?
    var isList = false
    /// Whether the other program computes it: `var.args` of HCL.
    var isExpression = false
    /// The items of a list; nil for one with other items than plain strings.
    var items: [Word]?
  }

  struct Entry {
    /// The number of the mapping or the table that has the key.
    let group: Int
    let key: String
    var value = Value()
    var range: Range<Int>
  }

  var entries: [Entry] = []
  /// Mappings in braces, whose keys are not read.
  var braces: [Range<Int>] = []
  /// Whether a part of the text may be used in another part of it.
  var hasReferences = false

  /// A string in quotes that ends on its line, and the position behind it; nil for one with an escape other than of a backslash or a
  /// quote.
  /// - Parameter doubles: whether two single quotes are one.
  static func quoted(_ bytes: [UInt8], at start: Int, doubles: Bool) -> (word: Word, end: Int)? {
    let quote = bytes[start]
    var text: [UInt8] = [], offsets: [Int] = []
    var at = start + 1
    while at < bytes.count, bytes[at] != 0x0a {
      if bytes[at] == quote {
        guard doubles, quote == UInt8(ascii: "'"), at + 1 < bytes.count, bytes[at + 1] == quote else {
          return (word(text, offsets, end: at), at + 1)
        }
        at += 1
      } else if bytes[at] == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
        at += 1
        guard at < bytes.count, "\\\"".utf8.contains(bytes[at]) else { return nil }
      }
      text.append(bytes[at])
      offsets.append(at)
      at += 1
    }
    return nil
  }

  /// A string's word. Programs that read such files replace variables, each in its own way.
  static func word(_ text: [UInt8], _ offsets: [Int], end: Int) -> Word {
    Word(bytes: text, offsets: offsets, end: end, hasUnknown: text.contains(UInt8(ascii: "$")))
  }

  /// The list that a bracket begins, nil where it holds more than plain strings, and the position behind it; nil where no bracket
  /// ends it.
  /// - Parameters:
  ///   - slashes: whether comments may begin with `//`, as in HCL.
  ///   - item: reads a string at a position that is not blank, and gives the position behind it.
  static func list(
    _ bytes: [UInt8], at open: Int, slashes: Bool = false, _ item: (Int) -> (word: Word, end: Int)?
  ) -> (words: [Word]?, end: Int)? {
    guard let end = end(bytes, of: open, slashes: slashes) else { return nil }
    func skipped(_ start: Int) -> Int {
      var at = start
      while at < bytes.count, bytes[at] <= 0x20 || isComment(bytes, at, slashes) {
        at = bytes[at] <= 0x20 ? at + 1 : bytes.lineEnd(from: at)
      }
      return at
    }
    var words: [Word] = []
    var at = skipped(open + 1)
    while at < end - 1 {
      guard let found = item(at) else { return (nil, end) }
      words.append(found.word)
      at = skipped(found.end)
      guard at < end, at == end - 1 || bytes[at] == UInt8(ascii: ",") else { return (nil, end) }
      if at < end - 1 { at = skipped(at + 1) }
    }
    return (at == end - 1 ? words : nil, end)
  }

  /// The position behind the end of what begins here: brackets, or a string in quotes.
  static func end(_ bytes: [UInt8], of start: Int, slashes: Bool = false) -> Int? {
    var depth = 0
    var at = start
    while at < bytes.count {
      switch bytes[at] {
      case UInt8(ascii: "["), UInt8(ascii: "{"), UInt8(ascii: "("): depth += 1
      case UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: ")"): depth -= 1
      case UInt8(ascii: "\""), UInt8(ascii: "'"):
        let quote = bytes[at]
        // An apostrophe in a word opens nothing.
        guard at == start || !bytes[at - 1].isASCIILetterOrDigit else { break }
        at += 1
        while at < bytes.count, bytes[at] != quote { at += bytes[at] == UInt8(ascii: "\\") && quote == UInt8(ascii: "\"") ? 2 : 1 }
      case UInt8(ascii: "#") where isComment(bytes, at, slashes), UInt8(ascii: "/") where isComment(bytes, at, slashes):
        at = bytes.lineEnd(from: at) - 1
      default: break
      }
      at += 1
      if depth <= 0 { return at <= bytes.count ? at : nil }
    }
    return nil
  }

  /// Whether a comment begins here, behind a blank.
  private static func isComment(_ bytes: [UInt8], _ at: Int, _ slashes: Bool) -> Bool {
    guard at > 0, bytes[at - 1] <= 0x20 else { return false }
    return bytes[at] == UInt8(ascii: "#") || slashes && bytes[at...].starts(with: "//".utf8)
  }

  /// Whether the rest of a line is blank or a comment.
  static func isEmpty(_ bytes: [UInt8], from start: Int) -> Bool {
    let rest = bytes[start..<bytes.lineEnd(from: start)]
    guard let first = rest.first(where: { $0 > 0x20 }) else { return true }
    return first == UInt8(ascii: "#") && (rest.first.map { $0 <= 0x20 } == true || start == 0 || bytes[start - 1] <= 0x20)
  }
}

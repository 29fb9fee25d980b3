import Facts
import Syntax

/// An argument without an option, of which the text is not that of a disk image. QEMU opens it as one, and stops (QEMU system/vl.c:
/// qemu_init).
enum StrayArgument {
  /// - Parameter before: the argument before it.
  static func problem(_ word: Word, after before: Word?, _ place: Location) -> InputProblem? {
    if let dash = word.dash {
      return InputProblem(
        message: "`\(word.text)` begins with another dash than `-`: QEMU opens it as a disk image, and stops", fix: "write `-\(dash)`",
        location: place)
    }
    guard !word.hasUnknown else { return nil }
    if word.text == "-" {
      return InputProblem(message: "QEMU stops at `-` with `-: invalid option`", fix: "remove it", location: place)
    }
    if isOperator(word.text) {
      return InputProblem(
        message: "`\(word.text)` is an argument here: QEMU opens it as a disk image, and stops where there is none",
        fix: "remove it, or start the program through a shell", location: place)
    }
    let isBlank = !word.bytes.isEmpty && word.bytes.allSatisfy { $0 <= 0x20 }
    guard isBlank || before?.dash == nil && isSeparated(word, from: before) else { return nil }
    return InputProblem(
      message: "`\(word.text)` is an argument of its own: QEMU opens it as a disk image, and stops where there is none",
      fix: isBlank ? "remove the blank behind the backslash"
        : "\(joined(word, to: before)), or write `./\(word.text)` for a file of that name",
      location: place)
  }

  /// Advice to join it to the argument before it, or to the option that has none. A list has no blank between them.
  private static func joined(_ word: Word, to before: Word?) -> String {
    let comma = UInt8(ascii: ",")
    if before?.bytes.last == comma || word.bytes.first == comma { return "join it to the argument before it" }
    if before?.bytes.first == UInt8(ascii: "-") { return "give it to an option" }
    return "join it to the argument before it with a comma"
  }

  /// Whether a text looks like the path of a file or an address of storage: it has a slash, a colon or a suffix. `G` of `-m 4 G` and a
  /// placeholder such as `OPTIONS` do not.
  static func isLikeFile(_ word: Word) -> Bool {
    let isSuffix: (UInt8, UInt8) -> Bool = { $0 == UInt8(ascii: ".") && ($1.isASCIILetterOrDigit || $1 == UInt8(ascii: "$")) }
    return word.bytes.contains { "/:\\".utf8.contains($0) } || zip(word.bytes, word.bytes.dropFirst()).contains(where: isSuffix)
  }

  /// An operator of a shell, which is a word of a command only where no shell reads it, or in quotes.
  private static func isOperator(_ word: String) -> Bool {
    ["&&", "||", "|", "&", ">", ">>", "<", "#", "2>&1"].contains(word) || word.hasPrefix("2>") || word.hasPrefix(">/")
  }

  /// Whether a blank made two arguments of one: a comma is beside it, or the second is `key=value` and no path or URI.
  private static func isSeparated(_ word: Word, from before: Word?) -> Bool {
    let key = word.bytes.prefix { !"=/:".utf8.contains($0) }
    return before?.bytes.last == UInt8(ascii: ",") || word.bytes.first == UInt8(ascii: ",")
      || !key.isEmpty && word.bytes.dropFirst(key.count).first == UInt8(ascii: "=")
  }
}

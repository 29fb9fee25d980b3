import Facts
import Syntax

/// `vfiogate: allow=RULE reason`, in a comment of a definition.
enum AllowComment {
  /// What is before the comment's mark is not for this program.
  private static let mark = "vfiogate:"

  /// - Parameters:
  ///   - text: the comment without its delimiters.
  ///   - location: the whole comment.
  ///   - scope: the part of the definition that it is about; nil is all of it.
  static func read(
    _ text: String, at location: Location, scope: @autoclosure () -> Range<Int>?,
    into definition: inout ParsedInput
  ) {
    guard text.utf8.contains(UInt8(ascii: ":")) else { return }
    let words = text.split { $0 == " " || $0.isNewline || $0 == "\t" }
    guard words.first == mark[...] else { return }
    func fail(_ message: String) {
      definition.problems.append(
        InputProblem(message: message, fix: "write `vfiogate: allow=RULE reason`", location: location))
    }
    guard words.count > 1, words[1].hasPrefix("allow=") else {
      return fail("a comment for vfiogate that does not say `allow=`")
    }
    let rule = String(words[1].dropFirst("allow=".count))
    guard !rule.isEmpty else { return fail("`allow=` names no rule") }
    guard words.count > 2 else { return fail("`allow=\(rule)` gives no reason") }
    definition.allowances.append(
      Policy.Allowance(rule: rule, reason: words[2...].joined(separator: " "), scope: scope(), location: location))
  }
}

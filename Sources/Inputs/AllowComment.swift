import Facts
import Syntax

/// A comment of a definition that allows a finding, `vfiogate: allow=RULE reason`, or that names the expected device,
/// `vfiogate: expect=10de:2941`.
enum AllowComment {
  /// The first word of a comment that is for this program.
  private static let mark = "vfiogate:"

  /// Whether `parse` reports or allows anything for the comment.
  static func isForVFIOGate(_ text: String) -> Bool {
    let first = text.drop(while: isBlank)
    return first.hasPrefix(mark) && first.dropFirst(mark.count).first.map(isBlank) ?? true
  }

  private static func words(_ text: String) -> [Substring] {
    text.split(whereSeparator: isBlank)
  }

  private static func isBlank(_ character: Character) -> Bool { character == " " || character.isNewline || character == "\t" }

  /// Parses one comment; others than vfiogate's are ignored.
  /// - Parameters:
  ///   - text: the comment without its delimiters.
  ///   - location: the whole comment.
  ///   - scope: the part of the definition that it applies to; nil for all of it.
  static func parse(
    _ text: String, at location: Location, scope: @autoclosure () -> Range<Int>?,
    into definition: inout ParsedInput
  ) {
    guard isForVFIOGate(text) else { return }
    let words = words(text)
    func fail(_ message: String) {
      definition.problems.append(
        InputProblem(message: message, fix: "write `vfiogate: allow=RULE reason`", location: location))
    }
    if words.count > 1, words[1].hasPrefix("expect=") {
      let text = words[1].dropFirst("expect=".count)
      if let id = PCIID(text) {
        definition.pins.append(Policy.Pin(address: nil, id: id, scope: scope(), location: location))
      } else {
        definition.problems.append(
          InputProblem(
            message: "`expect=\(text)` is not a vendor and device id", fix: "write `vfiogate: expect=10de:2941`",
            location: location))
      }
      return
    }
    guard words.count > 1, words[1].hasPrefix("allow=") else {
      let key = words.count > 1 ? String(words[1].prefix { $0 != "=" }) : ""
      let hint = Misspelling.hint(key, among: ["allow", "expect"])
      return fail("the comment is for vfiogate and has neither `allow=` nor `expect=`\(hint)")
    }
    let rule = String(words[1].dropFirst("allow=".count))
    guard !rule.isEmpty else { return fail("`allow=` names no rule") }
    guard words.count > 2 else { return fail("`allow=\(rule)` gives no reason") }
    definition.allowances.append(
      Policy.Allowance(rule: rule, reason: words[2...].joined(separator: " "), scope: scope(), location: location))
  }
}

extension ParsedInput {
  /// Makes a pin unknown where comments are not read: its author relies on it.
  mutating func noteUnreadPins(_ source: SourceText) {
    guard problems.isEmpty, unrecognised == nil else { return }
    // A comment behind the command is about itself only.
    let effective = pins.filter { $0.location.source == source.name && $0.scope != $0.location.range }
    let read = effective.compactMap(\.location.range)
    let mentions = source.bytes.indices(of: Array("vfiogate: expect=".utf8))
    guard mentions.count > read.count, let place = mentions.first(where: { at in !read.contains { $0.contains(at) } }) else { return }
    noteUnread(
      "the comment `vfiogate: expect=` in line \(source.position(of: place).line)",
      "it has no effect there: move it into the command, or use a policy", place..<place + 1, source)
  }
}

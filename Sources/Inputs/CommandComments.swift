import Facts
import Syntax

/// The parts of a command line that comments apply to: before the command all of it, after an argument its line,
/// and otherwise what follows up to the end of its line, with its argument.
struct CommandComments {
  let source: SourceText
  let words: [Word]

  func read(_ comments: [Range<Int>], into definition: inout ParsedInput) {
    for comment in comments {
      let text = String(decoding: source.bytes[comment].drop { $0 == UInt8(ascii: "#") }, as: UTF8.self)
      let location = Location(source: source.name, range: comment, path: "comment")
      AllowComment.parse(text, at: location, scope: scope(of: comment), into: &definition)
    }
  }

  /// Nil is the whole definition.
  private func scope(of comment: Range<Int>) -> Range<Int>? {
    guard let first = words.first, first.range.lowerBound < comment.lowerBound else { return nil }
    let line = source.line(around: comment.lowerBound)
    if line.text.utf8.first(where: { $0 > 0x20 }) != UInt8(ascii: "#") { return line.start..<comment.lowerBound }
    guard let next = words.firstIndex(where: { $0.range.lowerBound > comment.lowerBound }) else {
      return comment  // nothing follows: it is about nothing
    }
    let start = words[next].range.lowerBound
    let end = source.line(around: start)
    let argument = words[next...].dropFirst().first?.range.upperBound ?? words[next].range.upperBound
    let isOption = words[next].bytes.first == UInt8(ascii: "-")
    return start..<max(end.start + end.text.utf8.count, isOption ? argument : words[next].range.upperBound)
  }
}

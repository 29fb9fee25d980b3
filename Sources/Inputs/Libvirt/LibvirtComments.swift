import Facts
import Syntax

extension XMLTree {
  /// What comments in the document allow: each is about the element that follows it, and as the last
  /// thing in an element about that.
  func readComments(_ source: String, into definition: inout ParsedInput) {
    for comment in comments {
      let location = Location(source: source, range: comment, path: "comment")
      AllowComment.read(text(ofComment: comment), at: location, scope: scope(of: comment), into: &definition)
    }
  }

  /// Nil is the whole document.
  private func scope(of comment: Range<Int>) -> Range<Int>? {
    let next = element(after: comment.upperBound)
    guard let holder = innermost(around: comment, before: next) else { return nil }
    if let next, next.parent?.range == holder.range { return next.range }
    return holder.parent == nil ? nil : holder.range
  }

  /// The innermost element that holds a comment: the last that begins before it, or one around that.
  private func innermost(around comment: Range<Int>, before next: XMLElement?) -> XMLElement? {
    var holder = element(before: next)
    while let element = holder, !element.range.contains(comment.lowerBound) { holder = element.parent }
    return holder
  }
}

import Facts
import Syntax

extension XMLTree {
  /// Parses the comments that allow a finding. A comment applies to the element that follows it; as the last thing in
  /// an element, to that element.
  func parseComments(_ source: String, into definition: inout ParsedInput) {
    for comment in comments {
      let location = Location(source: source, range: comment.range, path: "comment")
      AllowComment.parse(comment.text, at: location, scope: scope(of: comment), into: &definition)
    }
  }

  /// The bytes that a comment applies to; nil for the whole document.
  private func scope(of comment: XMLComment) -> Range<Int>? {
    guard let parent = parent(of: comment) else { return nil }
    if let next = sibling(after: comment) { return next.range }
    return parent.parent == nil ? nil : parent.range
  }
}

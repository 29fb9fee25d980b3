import Facts
import Syntax

extension XMLTree {
  /// What comments in the document allow: each is about the element that follows it, and as the last
  /// thing in an element about that.
  func readComments(_ source: String, into definition: inout ParsedDefinition) {
    for comment in comments {
      let location = Location(source: source, range: comment, path: "comment")
      AllowComment.read(text(ofComment: comment), at: location, scope: scope(of: comment), into: &definition)
    }
  }

  /// Nil is the whole document.
  private func scope(of comment: Range<Int>) -> Range<Int>? {
    guard let holder = innermost(comment) else { return nil }
    for child in holder.children where child.range.lowerBound >= comment.upperBound { return child.range }
    return holder.parent == nil ? nil : holder.range
  }

  /// The innermost element that holds a place.
  private func innermost(_ place: Range<Int>) -> XMLElement? {
    var holder: XMLElement?
    var next: XMLElement? = root
    while let element = next, element.range.contains(place.lowerBound) {
      holder = element
      next = element.children.first { $0.range.contains(place.lowerBound) }
    }
    return holder
  }
}

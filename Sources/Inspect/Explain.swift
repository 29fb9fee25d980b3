import Common
import Report
import Rules

/// `vfiogate explain [RULE]`.
public enum Explain {
  /// The page of one rule, or the list of all rules.
  /// - Returns: exit code 64 for a name that is not a rule's.
  public static func run(_ name: String?, _ style: Style) -> Answer {
    guard let name else { return Answer(output: ExplainPage.list(Rule.all, style)) }
    guard let rule = Rule.named(name) else {
      return Answer(
        complaint: "vfiogate: there is no rule `\(printable(name))`"
          + (Rule.meant(by: name).map { "; did you mean `\($0)`?" } ?? "; `vfiogate explain` lists them") + "\n",
        exit: .usage)
    }
    return Answer(output: ExplainPage.page(rule, style))
  }
}

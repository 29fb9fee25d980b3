import Rules

/// Output of `vfiogate explain`.
public enum ExplainPage {
  /// All rules, one a line: name, severity and summary.
  public static func list(_ rules: [Rule], _ style: Style) -> String {
    let width = rules.map(\.name.count).max() ?? 0
    return rules.flatMap { rule in
      let name = style.severity(rule.severity, rule.name.padded(to: width))
      return hung("\(name)  \(rule.severity.rawValue.padded(to: 7))  ", rule.summary, indent: width + 11, width: style.width)
    }.joined(separator: "\n") + "\n"
  }

  /// One rule with its why, fix, example and references.
  public static func page(_ rule: Rule, _ style: Style) -> String {
    let head = style.severity(rule.severity, "\(rule.severity.rawValue)[\(rule.name)]") + ": \(rule.summary)"
    // A page is for people, also where it is not for a terminal.
    let width = min(100, style.width ?? 80)
    var lines = wrapped(head, width: width, indent: 4) + [""]
    lines += wrapped(rule.why, width: width) + [""]
    if rule.isAboutCommands { lines += ["checked by `vfiogate proxy` alone; a policy cannot allow it", ""] }
    let example = rule.example.columns > width - 10 ? betweenMembers(rule.example) : rule.example
    lines += hung(style.bold("found in:") + " ", example, indent: 10, width: width)
    lines += hung(style.bold("fix:") + "      ", rule.fix, indent: 10, width: width)
    lines += rule.references.flatMap { hung(style.bold("see:") + "      ", $0, indent: 10, width: width) }
    return lines.joined(separator: "\n") + "\n"
  }

  /// JSON with blanks where its lines may end: a comma before a quote never is in a string, where the quote is escaped.
  private static func betweenMembers(_ json: String) -> String {
    json.replacing(",\"", with: ", \"").replacing(":{\"", with: ": {\"")
  }
}

import Rules

/// Output of `vfiogate explain`.
public enum ExplainPage {
  /// All rules, one a line: name, severity and summary.
  public static func list(_ rules: [Rule], _ style: Style) -> String {
    let width = rules.map(\.name.count).max() ?? 0
    return rules.map { rule in
      let name = style.severity(rule.severity, rule.name.padded(to: width))
      return "\(name)  \(rule.severity.rawValue.padded(to: 7))  \(rule.summary)"
    }.joined(separator: "\n") + "\n"
  }

  /// One rule with its why, fix, example and references.
  public static func page(_ rule: Rule, _ style: Style) -> String {
    var lines = [style.severity(rule.severity, "\(rule.severity.rawValue)[\(rule.name)]") + ": \(rule.summary)", ""]
    lines += wrapped(rule.why, width: 90) + [""]
    if rule.isAboutCommands { lines += ["checked by `vfiogate proxy` alone; a policy cannot allow it", ""] }
    lines.append(style.bold("fix:") + "     " + rule.fix)
    lines.append(style.bold("example:") + " " + rule.example)
    lines += rule.references.map { style.bold("see:") + "     " + $0 }
    return lines.joined(separator: "\n") + "\n"
  }
}

/// Lines of at most `width` characters, cut at blanks.
func wrapped(_ text: String, width: Int) -> [String] {
  text.split(separator: " ").reduce(into: [""]) { lines, word in
    let last = lines[lines.count - 1]
    if last.isEmpty {
      lines[lines.count - 1] = String(word)
    } else if last.count + word.count < width {
      lines[lines.count - 1] = last + " " + word
    } else {
      lines.append(String(word))
    }
  }
}

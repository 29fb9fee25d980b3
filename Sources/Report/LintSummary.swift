import Rules
import Syntax

/// Counts without the findings themselves: a line for each definition that is not safe, one for each rule, and the
/// totals.
public struct LintSummary: LintWriter {
  private let style: Style
  private var rules: [String: Int] = [:]

  /// - Parameter style: colour of verdicts and rules.
  public init(style: Style) { self.style = style }

  /// Head of the document.
  public func begin() -> String { "" }

  /// Text of one definition, with separators.
  public mutating func add(_ result: LintResult) -> String {
    count(result)
    guard result.verdict != .safe || !result.report.findings.isEmpty else { return "" }
    return printable(result.name) + ": " + style.verdict(result.verdict) + "\n"
  }

  private mutating func count(_ result: some LocatedFindings) {
    for finding in result.report.findings { rules[finding.rule, default: 0] += 1 }
  }

  /// Text after the last definition: the findings across definitions, and the totals.
  public mutating func end(_ tally: LintTally, across: AcrossResult?) -> String {
    if let across { count(across) }
    let width = rules.keys.map(\.count).max() ?? 0
    // In the catalogue's order.
    let lines = Rule.all.compactMap { rule in
      rules[rule.name].map { style.severity(rule.severity, rule.name.padded(to: width)) + "  \($0)\n" }
    }
    return lines.joined() + tally.totals + "\n"
  }
}

extension LintTally {
  /// "3 definitions: 1 unsafe, 2 safe; together unsafe; 1 error, 2 warnings; with QEMU 11.1.3 as released on this host".
  public var totals: String {
    if let closingLine { return closingLine }
    let verdicts: [(Verdict, String)] = [
      (.unsafe, "unsafe"), (.undetermined, "undetermined"), (.safeByPolicy, "safe by policy"), (.safe, "safe"),
    ]
    let parts = verdicts.filter { count($0.0) > 0 }.map { "\(count($0.0)) \($0.1)" }
    var text = counted(definitions, "definition") + (parts.isEmpty ? "" : ": " + parts.joined(separator: ", "))
    var kinds = Severity.allCases.reversed().filter { count($0) > 0 }.map { counted(count($0), $0.rawValue) }
    if suppressed > 0 { kinds.append("\(suppressed) allowed") }
    if !unreadable.isEmpty { kinds.append("\(unreadable.count) could not be read") }
    if definitions > 1, let name = verdicts.first(where: { $0.0 == verdict })?.1 { text += "; together \(name)" }
    if !kinds.isEmpty { text += "; " + kinds.joined(separator: ", ") }
    if let subject { text += "; \(subject)" }
    return text
  }
}

/// "1 error", "2 errors".
public func counted(_ count: Int, _ name: String) -> String { "\(count) \(name)\(count == 1 ? "" : "s")" }

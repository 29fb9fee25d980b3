import Rules
import Syntax

/// Summary of a run without its findings: a line for each definition that is not safe, one for each rule, and the
/// totals.
public struct LintSummary: LintWriter {
  private let style: Style
  private var rules: [String: Int] = [:]

  /// - Parameter style: colour of verdicts and rules.
  public init(style: Style) { self.style = style }

  /// Head of the document.
  public func begin() -> String { "" }

  /// Text of a definition, with separators.
  public mutating func add(_ piece: LintPiece) -> String {
    for rule in piece.rules { rules[rule, default: 0] += 1 }
    return piece.text
  }

  /// Text of one definition, without separators.
  public func render(_ result: LintResult) -> String {
    guard result.verdict != .safe || !result.report.findings.isEmpty else { return "" }
    return printable(result.source.name) + ": " + style.verdict(result.verdict) + "\n"
  }

  /// End of the document.
  public func end(_ tally: LintTally) -> String {
    let width = rules.keys.map(\.count).max() ?? 0
    // In the catalogue's order.
    let lines = Rule.all.compactMap { rule in
      rules[rule.name].map { style.severity(rule.severity, rule.name.padded(to: width)) + "  \($0)\n" }
    }
    return lines.joined() + tally.totals + "\n"
  }
}

extension LintTally {
  /// Totals as one line: "3 definitions: 1 unsafe, 2 safe; 1 error, 2 warnings".
  public var totals: String {
    func counted(_ count: Int, _ name: String) -> String { "\(count) \(name)\(count == 1 ? "" : "s")" }
    let verdicts: [(Verdict, String)] = [
      (.unsafe, "unsafe"), (.undetermined, "undetermined"), (.safeByPolicy, "safe by policy"), (.safe, "safe"),
    ]
    let parts = verdicts.filter { count($0.0) > 0 }.map { "\(count($0.0)) \($0.1)" }
    var text = counted(definitions, "definition") + (parts.isEmpty ? "" : ": " + parts.joined(separator: ", "))
    var kinds = Severity.allCases.reversed().filter { count($0) > 0 }.map { counted(count($0), $0.rawValue) }
    if suppressed > 0 { kinds.append("\(suppressed) allowed") }
    if !unreadable.isEmpty { kinds.append("\(unreadable.count) could not be read") }
    if !kinds.isEmpty { text += "; " + kinds.joined(separator: ", ") }
    return text
  }
}

import Facts
import Rules
import Syntax

/// One line a finding, `source:line:col: severity[rule]: message`, as editors and scripts read compilers; one for each
/// definition that is undetermined; and the totals.
public struct LintOneline: LintWriter {
  private let style: Style

  /// - Parameter style: colour of severities and verdicts. Lines are not wrapped.
  public init(style: Style) { self.style = style }

  /// Head of the document.
  public func begin() -> String { "" }

  /// Text of one definition.
  public func add(_ result: LintResult) -> String { lines(of: result) }

  private func lines(of result: some LocatedFindings) -> String {
    var lines = result.report.findings.map { finding in
      LintOneline.place(finding.location, result.region(of: finding.location))
        + ": " + style.severity(finding.severity, "\(finding.severity.rawValue)[\(finding.rule)]") + ": \(printable(finding.message))"
    }
    if result.verdict == .undetermined {
      let missing = result.report.undetermined.filter { $0.severity == .error }
      let facts = missing.first.map { ": \($0.rule): \(printable("\($0.unknown)"))" } ?? ""
      let more = missing.count > 1 ? " and \(missing.count - 1) more" : ""
      lines.append("\(printable(result.name)): \(style.verdict(.undetermined))\(facts)\(more)")
    }
    return lines.map { $0 + "\n" }.joined()
  }

  /// Text after the last definition: the findings across definitions, and the totals.
  public func end(_ tally: LintTally, across: AcrossResult?) -> String {
    (across.map { lines(of: $0) } ?? "") + tally.totals + "\n"
  }

  /// "source:line:col", or "source" for a whole file.
  static func place(_ location: Location, _ region: TextRegion?) -> String {
    printable(location.source) + (region.map { ":\($0.line):\($0.column)" } ?? "")
  }
}

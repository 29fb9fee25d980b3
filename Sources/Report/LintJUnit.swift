import Rules
import Syntax

/// JUnit's XML, as CI systems show it: a suite a definition, a case a finding, and one for the verdict.
/// Findings that `--fail-on` counts are failures; allowed findings and an undetermined verdict are skipped.
public struct LintJUnit: LintWriter {
  private let failOn: Severity

  /// - Parameter failOn: lowest severity that is a failure.
  public init(failOn: Severity) { self.failOn = failOn }

  /// Head of the document.
  public func begin() -> String {
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"vfiogate\">\n"
  }

  /// Text of one definition, with separators.
  public func add(_ result: LintResult) -> String { suite(result) }

  private func suite(_ result: some LocatedFindings) -> String {
    let report = result.report
    let failures = report.findings.filter { $0.severity >= failOn }.count
    let isOpen = result.verdict == .undetermined
    let cases =
      report.findings.map { one($0, result) } + report.suppressed.map { suppressed($0, result) }
      + [verdict(result)]
    let skipped = report.suppressed.count + (isOpen ? 1 : 0)
    let name = LintJUnit.escaped(result.name)
    return "<testsuite name=\"\(name)\" tests=\"\(cases.count)\" failures=\"\(failures)\" errors=\"0\" skipped=\"\(skipped)\">\n"
      + cases.joined() + "</testsuite>\n"
  }

  /// Text after the last definition: the findings across definitions, and the totals.
  public func end(_ tally: LintTally, across: AcrossResult?) -> String {
    (across.map(suite) ?? "") + unreadable(tally) + "</testsuites>\n"
  }

  private func unreadable(_ tally: LintTally) -> String {
    guard !tally.unreadable.isEmpty else { return "" }
    let count = tally.unreadable.count
    let cases = tally.unreadable.map { reason in
      let text = LintJUnit.escaped(reason)
      return "<testcase classname=\"vfiogate\" name=\"\(text)\"><error message=\"\(text)\"/></testcase>\n"
    }
    return "<testsuite name=\"could not be read\" tests=\"\(count)\" failures=\"0\" errors=\"\(count)\" skipped=\"0\">\n"
      + cases.joined() + "</testsuite>\n"
  }

  private func one(_ finding: Finding, _ result: some LocatedFindings) -> String {
    let lines = [place(finding, result)] + finding.evidence.map { "fact: \($0)" } + ["fix: \(finding.fix)"]
    let details = LintJUnit.escaped(lines.joined(separator: "\n"))
    let message = LintJUnit.escaped(finding.message)
    let inner =
      finding.severity >= failOn
      ? "<failure type=\"\(finding.severity.rawValue)\" message=\"\(message)\">\(details)</failure>"
      : "<system-out>\(finding.severity.rawValue): \(message)\n\(details)</system-out>"
    return head(finding, result) + inner + "</testcase>\n"
  }

  private func suppressed(_ suppressed: Suppressed, _ result: some LocatedFindings) -> String {
    let reason = LintJUnit.escaped("allowed: \(suppressed.allowance.reason)")
    return head(suppressed.finding, result) + "<skipped message=\"\(reason)\"/></testcase>\n"
  }

  private func verdict(_ result: some LocatedFindings) -> String {
    let open = "<testcase classname=\"\(LintJUnit.escaped(result.name))\" name=\"verdict: \(result.verdict.rawValue)\""
    guard result.verdict == .undetermined else { return open + "/>\n" }
    let reasons = result.report.undetermined.map { "\($0.rule): \($0.unknown)" }.joined(separator: "\n")
    return open + "><skipped message=\"undetermined\">\(LintJUnit.escaped(reasons))</skipped></testcase>\n"
  }

  private func head(_ finding: Finding, _ result: some LocatedFindings) -> String {
    let source = LintJUnit.escaped(result.name)
    return "<testcase classname=\"\(source)\" name=\"\(finding.rule): \(LintJUnit.escaped(place(finding, result)))\">"
  }

  private func place(_ finding: Finding, _ result: some LocatedFindings) -> String {
    finding.location.source + (result.region(of: finding.location).map { ":\($0.line):\($0.column)" } ?? "")
  }

  /// Escapes text for content and attributes; characters that XML cannot hold become `\xNN` (XML 1.0 §2.2).
  static func escaped(_ text: String) -> String {
    text.unicodeScalars.map { scalar -> String in
      switch scalar {
      case "&": return "&amp;"
      case "<": return "&lt;"
      case ">": return "&gt;"
      case "\"": return "&quot;"
      case "\n": return "&#10;"
      case "\u{fffe}", "\u{ffff}": return "?"
      default: return printable(String(scalar))
      }
    }.joined()
  }
}

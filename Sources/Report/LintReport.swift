import Facts
import Prediction
import Rules
import Syntax

/// Result of linting one definition, with all that is needed to print it.
public struct LintResult: LocatedFindings, Sendable {
  /// The definition's text, for excerpts.
  public let source: SourceText
  /// The definition as rules checked it.
  public let target: LintTarget
  /// Findings and undetermined rules.
  public let report: RuleReport
  /// The facts that keep the verdict from being safe or unsafe.
  public let unknowns: [Unknown]

  /// Other texts that findings may point into: the policy, and included files.
  private let further: [SourceText]
  /// The line that the definition begins in, when its file holds others too.
  let firstLine: Int?
  /// The host that it was checked on, when there are several.
  private let hostName: String?

  /// - Parameters:
  ///   - further: other texts that findings may point into: the policy, and included files.
  ///   - firstLine: the line that the definition begins in, when its file holds others too.
  public init(
    source: SourceText, target: LintTarget, report: RuleReport, further: [SourceText] = [], firstLine: Int? = nil
  ) {
    self.init(source: source, target: target, report: report, further: further, firstLine: firstLine, hostName: nil)
  }

  private init(
    source: SourceText, target: LintTarget, report: RuleReport, further: [SourceText], firstLine: Int?, hostName: String?
  ) {
    self.hostName = hostName
    self.source = source
    self.target = target
    self.report = report
    self.further = further
    self.firstLine = firstLine
    unknowns =
      report.undetermined.compactMap { $0.severity == .error ? $0.unknown : nil }
      + target.predictions.filter { $0.realize == .undetermined }.flatMap(\.unknowns)
  }

  /// Copy without the findings below a severity, which are not printed. The verdict does not change: it depends on
  /// errors, which are always shown.
  public func showing(from severity: Severity) -> LintResult {
    guard severity > .note else { return self }
    var report = report
    report.hide(below: severity)
    return LintResult(
      source: source, target: target, report: report, further: further, firstLine: firstLine, hostName: hostName)
  }

  /// The definition's path; of one among several in a file with the line that it begins in, `guests.xml:57`; of one on one of
  /// several hosts with the host.
  public var name: String { definitionName + (hostName.map { " on \($0)" } ?? "") }

  /// The name without a host.
  public var definitionName: String { source.name + (firstLine.map { ":\($0)" } ?? "") }

  var file: String { source.name }

  /// Position of a location in its text; nil for a whole file, and for a text that is not known.
  public func region(of location: Location) -> TextRegion? {
    location.range.flatMap { text(of: location)?.region(of: $0) }
  }

  /// The text that a location is in.
  func text(of location: Location) -> SourceText? {
    location.source == source.name ? source : further.first { $0.name == location.source }
  }

  /// Verdict of the definition.
  public var verdict: Verdict { report.verdict }

  /// Number of findings of each severity, the worst first: "1 error, 2 notes"; nil without any.
  var counts: String? {
    let counts = Severity.allCases.reversed().compactMap { severity -> String? in
      let count = report.findings.count { $0.severity == severity }
      return count == 0 ? nil : counted(count, severity.rawValue)
    }
    return counts.isEmpty ? nil : counts.joined(separator: ", ")
  }

  /// The reason of the verdict in one line: the worst finding, `not-bound: hostdev0 (0000:01:00.0) …`, or the first missing
  /// fact.
  public var headline: String { reasons.first ?? "undetermined" }

  /// The reasons of the verdict, one a line, the worst first: errors, or the missing facts, or else findings that do not decide
  /// it.
  var reasons: [String] {
    let findings = Severity.allCases.reversed().flatMap { severity in report.findings.filter { $0.severity == severity } }
    let texts = findings.map { "\($0.rule): \(printable($0.message))" }
    guard verdict == .undetermined else { return texts }
    return MissingFacts(self, target.predictions, isLive: false, decisive: true).facts.map { fact in
      let rule = fact.rules.first { $0 != "prediction" } ?? "prediction"
      return "\(rule) is undetermined: \(printable("\(fact.unknown)"))"
    } + texts
  }

  /// The same result as one of several hosts: its name and messages say which.
  public func on(host: String) -> LintResult {
    var report = report
    report.mark("on \(host): ")
    return LintResult(
      source: source, target: target, report: report, further: further, firstLine: firstLine, hostName: host)
  }
}

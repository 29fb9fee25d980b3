import Facts
import Prediction

/// Result of running rules over one definition, or over the definitions of a run together.
public struct RuleReport: Sendable {
  /// All findings that the policy does not allow, by their location in the text.
  public internal(set) var findings: [Finding] = []
  /// Rules that could not determine whether they apply, unless the policy allows them.
  public internal(set) var undetermined: [Undetermined] = []
  /// Findings that the policy allows.
  public internal(set) var suppressed: [Suppressed] = []
  /// Whether without the policy there would be an error, or a rule of that severity that is undetermined.
  var isByPolicy = false
  /// Whether prediction could not determine the outcome of some device.
  private var hasOpenPrediction = false

  /// A report without findings.
  public init() {}

  /// - Parameter rules: the rules that run. A second check just before the start is not about realize, which was judged before.
  init(_ target: LintTarget, of rules: [Rule]) {
    let isSecond = !rules.isEmpty && rules.allSatisfy(\.isRecheckedAtStart)
    hasOpenPrediction = !isSecond && target.predictions.contains { $0.realize == .undetermined }
    // Without facts about the host most rules are undetermined.
    undetermined.reserveCapacity(Rule.all.count)
  }

  /// Unsafe with an error; undetermined when an error could not be excluded, or a device's outcome could not be
  /// predicted.
  public var verdict: Verdict {
    if findings.contains(where: { $0.severity == .error }) { return .unsafe }
    if hasOpenPrediction || undetermined.contains(where: { $0.severity == .error }) { return .undetermined }
    return isByPolicy ? .safeByPolicy : .safe
  }

  /// Adds the findings of another report.
  public mutating func add(_ other: RuleReport) {
    findings += other.findings
    undetermined += other.undetermined
    suppressed += other.suppressed
    isByPolicy = isByPolicy || other.isByPolicy
    hasOpenPrediction = hasOpenPrediction || other.hasOpenPrediction
  }

  /// Begins each message, and each missing fact, with a text.
  public mutating func mark(_ text: String) {
    findings = findings.map { $0.marked(text) }
    suppressed = suppressed.map { Suppressed(finding: $0.finding.marked(text), allowance: $0.allowance) }
    undetermined = undetermined.map { open in
      Undetermined(
        reportedBy: open.reportedBy, severity: open.severity,
        unknown: Unknown(text + open.unknown.fact, reason: open.unknown.reason), location: open.location, device: open.device)
    }
  }

  /// Removes findings below a severity, which are not printed.
  public mutating func hide(below severity: Severity) { findings.removeAll { $0.severity < severity } }
}

extension Finding {
  fileprivate func marked(_ text: String) -> Finding {
    Finding(
      reportedBy: reportedBy, severity: severity, message: text + message, fix: fix, location: location, evidence: evidence,
      device: device)
  }
}

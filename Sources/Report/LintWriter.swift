import Rules

/// Writes the results of a run one after the other, so that none has to be kept.
public protocol LintWriter {
  /// What stands before the first result.
  mutating func begin() -> String
  mutating func add(_ result: LintResult) -> String
  /// What stands after the last result.
  mutating func end(_ tally: LintTally) -> String
}

/// What a run came to.
public struct LintTally: Sendable {
  public private(set) var definitions = 0
  /// Findings that a policy allows.
  public private(set) var suppressed = 0
  public private(set) var refusesUndetermined = false
  private var verdicts: [Verdict: Int] = [:]
  private var findings: [Severity: Int] = [:]
  /// What could not be read: the path and why.
  public var unreadable: [String] = []

  public init() {}

  /// - Parameter refusesUndetermined: what cannot be told of this one keeps the run from being clean.
  public mutating func count(_ result: LintResult, refusesUndetermined: Bool) {
    definitions += 1
    if refusesUndetermined, result.verdict == .undetermined { self.refusesUndetermined = true }
    suppressed += result.judgement.suppressed.count
    verdicts[result.verdict, default: 0] += 1
    for finding in result.judgement.findings { findings[finding.severity, default: 0] += 1 }
  }

  public func count(_ verdict: Verdict) -> Int { verdicts[verdict] ?? 0 }

  public func count(_ severity: Severity) -> Int { findings[severity] ?? 0 }

  /// Whether there is a finding of this severity or a worse one.
  public func hasFindings(from severity: Severity) -> Bool {
    Severity.allCases.contains { $0 >= severity && count($0) > 0 }
  }
}

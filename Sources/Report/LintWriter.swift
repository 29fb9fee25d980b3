import Rules

/// Writes the results of a run one after the other, so that none has to be kept.
public protocol LintWriter: Sendable {
  /// What stands before the first definition.
  func begin() -> String
  /// What there is to be said of one definition; any thread may ask.
  func render(_ result: LintResult) -> String
  /// What is written of a definition, behind all that was added before.
  mutating func add(_ piece: LintPiece) -> String
  /// What stands after the last definition.
  func end(_ tally: LintTally) -> String
}

/// What is left of a definition when it has been judged: small, where a result holds all that it is about.
public struct LintPiece: Sendable {
  /// The definition's path.
  public let name: String
  public let verdict: Verdict
  /// Of every finding.
  let severities: [Severity]
  let suppressed: Int
  /// Of the findings that are printed.
  let rules: [String]
  let text: String

  /// About as much memory as it takes, in bytes.
  public var size: Int { 200 + text.utf8.count + 16 * rules.count }

  /// - Parameter severity: the least that is printed.
  public init(_ result: LintResult, from severity: Severity, by writer: any LintWriter) {
    let shown = result.showing(from: severity)
    name = result.source.name
    verdict = result.verdict
    severities = result.report.findings.map(\.severity)
    suppressed = result.report.suppressed.count
    rules = shown.report.findings.map(\.rule)
    text = writer.render(shown)
  }
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
  public mutating func count(_ piece: LintPiece, refusesUndetermined: Bool) {
    definitions += 1
    if refusesUndetermined, piece.verdict == .undetermined { self.refusesUndetermined = true }
    suppressed += piece.suppressed
    verdicts[piece.verdict, default: 0] += 1
    for severity in piece.severities { findings[severity, default: 0] += 1 }
  }

  public func count(_ verdict: Verdict) -> Int { verdicts[verdict] ?? 0 }

  public func count(_ severity: Severity) -> Int { findings[severity] ?? 0 }

  /// Whether there is a finding of this severity or a worse one.
  public func hasFindings(from severity: Severity) -> Bool {
    Severity.allCases.contains { $0 >= severity && count($0) > 0 }
  }
}

import Rules

/// Writes the results of a run one after the other, so that no result has to be kept.
public protocol LintWriter: Sendable {
  /// Text before the first definition.
  func begin() -> String
  /// Text of one definition; called on any thread.
  func render(_ result: LintResult) -> String
  /// Text of a definition with separators, to be written after all that was added before.
  mutating func add(_ piece: LintPiece) -> String
  /// Text after the last definition.
  func end(_ tally: LintTally) -> String
}

/// Rendered result of one definition: small, whereas a `LintResult` holds the definition and its host.
public struct LintPiece: Sendable {
  /// The definition's path.
  public let name: String
  /// Verdict of the definition.
  public let verdict: Verdict
  /// Severities of all findings.
  let severities: [Severity]
  let suppressed: Int
  /// Rules of the findings that are printed.
  let rules: [String]
  let text: String

  /// Approximate size in memory, in bytes.
  public var size: Int { 200 + text.utf8.count + 16 * rules.count }

  /// - Parameter severity: the lowest severity that is printed.
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

/// Totals of a run.
public struct LintTally: Sendable {
  /// Number of definitions.
  public private(set) var definitions = 0
  /// Number of findings that a policy allows.
  public private(set) var suppressed = 0
  /// Whether a definition is undetermined for which the run must not exit 0.
  public private(set) var refusesUndetermined = false
  private var verdicts: [Verdict: Int] = [:]
  private var findings: [Severity: Int] = [:]
  /// Files that could not be read: path and reason.
  public var unreadable: [String] = []

  /// Creates totals of zero.
  public init() {}

  /// Adds a definition.
  /// - Parameter refusesUndetermined: the run must not exit 0 if this definition is undetermined.
  public mutating func count(_ piece: LintPiece, refusesUndetermined: Bool) {
    definitions += 1
    if refusesUndetermined, piece.verdict == .undetermined { self.refusesUndetermined = true }
    suppressed += piece.suppressed
    verdicts[piece.verdict, default: 0] += 1
    for severity in piece.severities { findings[severity, default: 0] += 1 }
  }

  /// Number of definitions with that verdict.
  public func count(_ verdict: Verdict) -> Int { verdicts[verdict] ?? 0 }

  /// Number of findings of that severity.
  public func count(_ severity: Severity) -> Int { findings[severity] ?? 0 }

  /// Whether there is a finding of this severity or a worse one.
  public func hasFindings(from severity: Severity) -> Bool {
    Severity.allCases.contains { $0 >= severity && count($0) > 0 }
  }
}

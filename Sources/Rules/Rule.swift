import Facts

/// How bad it is.
public enum Severity: String, Comparable, Sendable, CaseIterable {
  /// Worth knowing.
  case note
  /// It starts, and not as it was written.
  case warning
  /// It will fail, or do harm.
  case error

  public static func < (a: Severity, b: Severity) -> Bool { a.rank < b.rank }

  private var rank: Int { Severity.allCases.firstIndex(of: self) ?? 0 }
}

/// Something that users should know about their passthrough. One of each is made, and handed around.
public final class Rule: Sendable {
  /// What a rule looks at. It reports to the judgement, and throws when it cannot tell.
  public enum Check: Sendable {
    /// Once for each vfio device.
    case device(@Sendable (DeviceContext, inout RuleRunner) throws(Unknown) -> Void)
    /// Once for each definition.
    case target(@Sendable (LintTarget, inout RuleRunner) throws(Unknown) -> Void)
  }

  /// Kebab-case; names the bad pattern and completes "allow …".
  public let name: String
  public let severity: Severity
  /// One clause, lower case, no full stop.
  public let summary: String
  /// What happens, and why it hurts.
  public let why: String
  /// What to do about it.
  public let fix: String
  /// A request that it reports.
  public let example: String
  /// Specifications, source files, threads.
  public let references: [String]
  let body: Check
  /// Whether it judges what is written, whatever it asks for.
  let looksAtText: Bool

  init(
    name: String, severity: Severity, summary: String, why: String, fix: String, example: String,
    references: [String], check: Check, looksAtText: Bool = false
  ) {
    self.name = name
    self.severity = severity
    self.summary = summary
    self.why = why
    self.fix = fix
    self.example = example
    self.references = references
    self.body = check
    self.looksAtText = looksAtText
  }
}

/// One thing that a rule reports.
public struct Finding: Hashable, Sendable {
  public let rule: String
  public let severity: Severity
  /// One clause, lower case, no full stop; names the device, the offender, and what is wrong.
  public let message: String
  /// What to do about it.
  public let fix: String
  public let location: Location
  /// The facts that it rests on.
  public let evidence: [String]
}

/// A rule that could not tell.
public struct Undetermined: Hashable, Sendable {
  public let rule: String
  public let severity: Severity
  public let unknown: Unknown
  public let location: Location
}

/// What may be said about a definition; derived, never set.
public enum Verdict: String, Sendable {
  case safe, unsafe, undetermined
  /// Safe only because the policy allows what would make it unsafe or undetermined.
  case safeByPolicy = "safe-by-policy"
}

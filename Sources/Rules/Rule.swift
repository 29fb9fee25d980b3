import Facts
import Prediction

/// Severity of a finding.
public enum Severity: String, Comparable, Sendable, CaseIterable {
  /// Worth knowing; nothing fails.
  case note
  /// The guest starts, but not as written.
  case warning
  /// QEMU or the kernel will refuse it, or it does harm.
  case error

  public static func < (a: Severity, b: Severity) -> Bool { a.rank < b.rank }

  private var rank: Int { Severity.allCases.firstIndex(of: self) ?? 0 }
}

/// One rule about passthrough, with everything that is known about it: its documentation, its check, and how the
/// front ends treat its findings. Nothing outside a rule's file lists rules by name.
public final class Rule: Sendable {
  /// The code that decides whether a rule applies. A check reports to the runner, and throws when a fact it needs is
  /// unknown.
  public enum Body: Sendable {
    /// Runs once for each vfio device.
    case device(@Sendable (DeviceContext, inout RuleRunner) throws(Unknown) -> Void)
    /// Runs once for each definition.
    case target(@Sendable (LintTarget, inout RuleRunner) throws(Unknown) -> Void)
    /// A QMP command or descriptor that the proxy's command filter refuses. `lint` has no commands, and does not run it.
    case command
    /// Only definitions are compared; see `acrossDefinitions`.
    case comparison
  }

  /// Compares a definition with the others of the run.
  typealias AcrossCheck = @Sendable (DefinitionClaims, OtherDefinitions, inout RuleRunner) -> Void

  /// Name in kebab-case: the bad pattern, which completes "allow …".
  public let name: String
  /// Severity of its findings, unless a policy overrides it.
  public let severity: Severity
  /// The bad pattern in one line: lower case, no full stop.
  public let summary: String
  /// Consequences of the pattern, in full sentences.
  public let why: String
  /// Advice, for a finding that does not give its own.
  public let fix: String
  /// A definition or request that it reports.
  public let example: String
  /// Specifications, source files and reports that it rests on.
  public let references: [String]
  /// Realize failures that its findings explain: `realize-fails` does not report these again.
  public let explains: Set<FailureCause>
  /// Whether QEMU crashes on the request itself, and a running guest with it. The proxy refuses it regardless of the policy,
  /// also when it cannot determine whether the rule applies.
  public let crashesGuest: Bool
  /// Whether libvirt's hook checks it again at `start`: devices are bound after `prepare`, which changes the answer.
  public let isRecheckedAtStart: Bool
  /// Whether a policy may allow it or change its severity.
  public let canBeAllowed: Bool
  let body: Body
  /// Compares one definition with the others of a run, once all have been checked. Of each only the host functions that it
  /// requests are known then.
  let acrossDefinitions: AcrossCheck?
  /// Whether it is about what a running guest has: nothing is reported about a device that does not realize. A check of a whole
  /// definition gets its devices from the runner.
  let needsRealize: Bool
  /// Whether its findings are refusals before QEMU starts: what QEMU would do with the same text is not reported.
  let precedesQEMU: Bool
  /// Whether it checks the text itself, and so also a definition without a vfio device.
  let checksText: Bool

  init(
    name: String, severity: Severity, summary: String, why: String, fix: String, example: String,
    references: [String], explains: Set<FailureCause> = [], crashesGuest: Bool = false,
    isRecheckedAtStart: Bool = false, needsRealize: Bool = false, precedesQEMU: Bool = false,
    checksText: Bool = false, canBeAllowed: Bool = true, acrossDefinitions: AcrossCheck? = nil, check: Body
  ) {
    self.name = name
    self.severity = severity
    self.summary = summary
    self.why = why
    self.fix = fix
    self.example = example
    self.references = references
    self.explains = explains
    self.crashesGuest = crashesGuest
    self.isRecheckedAtStart = isRecheckedAtStart
    self.needsRealize = needsRealize
    self.precedesQEMU = precedesQEMU
    self.checksText = checksText
    self.canBeAllowed = canBeAllowed
    self.body = check
    self.acrossDefinitions = acrossDefinitions
  }

  /// Whether the proxy's command filter decides it, not the runner.
  public var isAboutCommands: Bool {
    if case .command = body { return true }
    return false
  }
}

/// Rules are one object each, with names of their own.
extension Rule: Hashable {
  public static func == (a: Rule, b: Rule) -> Bool { a === b }
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

/// One report of a rule about one definition.
public struct Finding: Hashable, Sendable {
  /// The rule.
  public let reportedBy: Rule
  /// Severity after the policy's overrides.
  public let severity: Severity
  /// The device, the offender and what is wrong with it: lower case, no full stop.
  public let message: String
  /// Advice for this case.
  public let fix: String
  /// The text that it points to: a property, or the whole request.
  public let location: Location
  /// The facts that it rests on, one a line.
  public let evidence: [String]
  /// The device that it is about; nil for the definition as a whole.
  public let device: DeviceLabel?

  /// Name of the rule.
  public var rule: String { reportedBy.name }
}

/// A rule that could not determine whether it applies.
public struct Undetermined: Hashable, Sendable {
  /// The rule.
  public let reportedBy: Rule
  /// Severity that a finding would have.
  public let severity: Severity
  /// The missing fact.
  public let unknown: Unknown
  /// The request that the rule was checking, or the whole definition.
  public let location: Location
  /// The device that the rule was checking; nil for the definition as a whole.
  public let device: DeviceLabel?

  /// Name of the rule.
  public var rule: String { reportedBy.name }
}

/// Overall result for a definition; derived from findings and unknowns, never set.
public enum Verdict: String, Sendable {
  case safe, unsafe, undetermined
  /// Safe only because the policy allows what would make it unsafe or undetermined.
  case safeByPolicy = "safe-by-policy"

  /// Whether the guest may start: safe, with or without the policy's allowances.
  public var isSafe: Bool { self == .safe || self == .safeByPolicy }

  /// The verdict of two definitions together.
  public func joined(with other: Verdict) -> Verdict {
    let fromWorst: [Verdict] = [.unsafe, .undetermined, .safeByPolicy, .safe]
    return fromWorst.first { $0 == self || $0 == other } ?? self
  }
}

import Facts
import Rules
import Syntax

/// Writes the results of a run one after the other, so that no result has to be kept.
public protocol LintWriter: Sendable {
  /// The text before the first definition.
  func begin() -> String
  /// The text of one definition.
  mutating func add(_ result: LintResult) -> String
  /// The text after the last definition.
  /// - Parameter across: the findings across definitions; nil when there is only one definition.
  mutating func end(_ tally: LintTally, across: AcrossResult?) -> String
}

/// Findings, and the positions in the texts that they point into.
protocol LocatedFindings {
  var report: RuleReport { get }
  /// The path of the definition; for findings across definitions a title.
  var name: String { get }
  /// The path of the definition alone.
  var file: String { get }
  var verdict: Verdict { get }
  /// Nil when the location is a whole file, or in a text that is not known.
  func region(of location: Location) -> TextRegion?
}

/// Findings about several definitions of a run: a device or an IOMMU group that two of them ask for.
public struct AcrossResult: LocatedFindings, Sendable {
  /// Findings and undetermined rules.
  public private(set) var report: RuleReport
  private var regions: [Location: TextRegion]

  static let title = "across definitions"
  var name: String { AcrossResult.title }
  var file: String { AcrossResult.title }

  /// Verdict of the definitions together, from these findings alone.
  public var verdict: Verdict { report.verdict }

  /// - Parameter regions: of every location that a finding points at.
  public init(_ report: RuleReport = RuleReport(), regions: [Location: TextRegion] = [:]) {
    self.report = report
    self.regions = regions
  }

  /// Adds the findings for another host of the same run.
  public mutating func add(_ other: AcrossResult) {
    report.add(other.report)
    regions.merge(other.regions) { first, _ in first }
  }

  /// Copy without the findings below a severity, which are not printed.
  public func showing(from severity: Severity) -> AcrossResult {
    var shown = self
    shown.report.hide(below: severity)
    return shown
  }

  func region(of location: Location) -> TextRegion? { regions[location] }
}

/// Counts of a whole run.
public struct LintTally: Sendable {
  /// Number of definitions.
  public private(set) var definitions = 0
  /// Number of findings that a policy allows.
  public private(set) var suppressed = 0
  /// Whether an undetermined verdict keeps the run from being clean.
  public private(set) var refusesUndetermined = false
  private var verdicts: [Verdict: Int] = [:]
  private var findings: [Severity: Int] = [:]
  private var worst = Verdict.safe
  /// The QEMU of the definitions.
  private var qemu: String?
  private var hosts: Set<String> = []
  /// Whether no QEMU was named, and the verdicts are for a default.
  public private(set) var isQEMUAssumed = false
  /// Means to determine the facts that undetermined verdicts miss.
  private var remedies: Set<Unknown.Remedy> = []
  private var isLive = false
  private var missing: Unknown?
  /// Files that could not be read: path and reason.
  public var unreadable: [String] = []

  /// The last line of formats that are text, in place of the totals: a fleet counts each definition once, and not on each host.
  public var closingLine: String?

  /// Creates totals of zero.
  public init() {}

  /// - Parameter refusesUndetermined: whether an undetermined verdict of this definition keeps the run from being clean.
  public mutating func count(_ result: LintResult, refusesUndetermined: Bool) {
    definitions += 1
    verdicts[result.verdict, default: 0] += 1
    let subject = LintSubject(result.target)
    qemu = subject.qemuText
    isQEMUAssumed = subject.isAssumed
    hosts.insert(subject.hostText)
    if result.verdict == .undetermined {
      remedies.formUnion(result.unknowns.compactMap(\.remedy))
      isLive = isLive || subject.host == "live"
      missing = missing ?? result.unknowns.first
    }
    add(result, refusesUndetermined)
  }

  /// Counts the findings across definitions.
  public mutating func count(_ across: AcrossResult, refusesUndetermined: Bool) { add(across, refusesUndetermined) }

  private mutating func add(_ result: some LocatedFindings, _ refusesUndetermined: Bool) {
    let verdict = result.verdict
    worst = worst.joined(with: verdict)
    if refusesUndetermined, verdict == .undetermined { self.refusesUndetermined = true }
    suppressed += result.report.suppressed.count
    for finding in result.report.findings { findings[finding.severity, default: 0] += 1 }
  }

  /// "with QEMU 11.1.3 as released (assumed) on this host"; nil without definitions.
  var subject: String? {
    guard let qemu, let host = hosts.first else { return nil }
    return "with \(qemu) " + (hosts.count == 1 ? host : "on \(hosts.count) hosts")
  }

  /// Advice to determine the facts that undetermined verdicts miss.
  public var advice: [String] { MissingFacts.advice(remedies, isLive: isLive) }

  /// The first fact that an undetermined verdict misses, and the reason.
  public var missingFact: String? { missing.map { printable("\($0)") } }

  /// The verdict of all definitions together. A definition that could not be read may be anything.
  public var verdict: Verdict { unreadable.isEmpty ? worst : worst.joined(with: .undetermined) }

  /// Number of definitions with this verdict.
  public func count(_ verdict: Verdict) -> Int { verdicts[verdict] ?? 0 }

  /// Number of findings of this severity, those across definitions included.
  public func count(_ severity: Severity) -> Int { findings[severity] ?? 0 }

  /// Whether there is a finding of this severity or a worse one.
  public func hasFindings(from severity: Severity) -> Bool {
    Severity.allCases.contains { $0 >= severity && count($0) > 0 }
  }
}

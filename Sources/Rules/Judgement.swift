import Facts
import Prediction

/// What the rules say about one definition.
public struct RuleRunner: Sendable {
  public internal(set) var findings: [Finding] = []
  public internal(set) var undetermined: [Undetermined] = []
  /// Findings that the policy allows.
  public internal(set) var suppressed: [Suppressed] = []
  /// Whether there would be an error, or one that could not be excluded, without the policy.
  var isByPolicy = false
  private let rules: [Rule]
  /// Which of them judges. A number: all threads judge by the same rules, and to count who holds one makes them wait
  /// for each other.
  private var current = 0
  private var rule: Rule { rules[current] }
  private let contexts: [DeviceContext]
  /// Which of them is judged; nil while it is all of the definition.
  private var device: Int?
  private var context: Location { device.map { contexts[$0].request.location } ?? whole }
  private let whole: Location
  /// The rules that have reported something, by the request that it is about; under the definition's
  /// own place what is about all of it.
  private var reported: [Location: Set<String>] = [:]

  private init(_ target: LintTarget, by rules: [Rule]) {
    self.rules = rules
    contexts = target.contexts
    whole = Location(source: target.machine.source, range: nil, path: "")
    // Of a host that is not known most rules cannot tell.
    undetermined.reserveCapacity(rules.count)
  }

  /// - Parameters:
  ///   - location: the property to point at, instead of the whole request.
  ///   - request: the request that it is about, for rules that look at whole definitions.
  mutating func report(
    _ message: String, at location: Location? = nil, about request: DeviceRequest? = nil, fix: String? = nil,
    evidence: [String] = []
  ) {
    reported[request?.location ?? context, default: []].insert(rule.name)
    findings.append(
      Finding(
        rule: rule.name, severity: rule.severity, message: message, fix: fix ?? rule.fix,
        location: location ?? request?.location ?? context, evidence: evidence))
  }

  /// For rules that look at whole definitions, and go on after what they cannot tell.
  mutating func cannotTell(_ unknown: Unknown, about request: DeviceRequest? = nil) {
    if unknown.isGone { return }
    undetermined.append(
      Undetermined(
        rule: rule.name, severity: rule.severity, unknown: unknown, location: request?.location ?? context))
  }

  /// Whether one of these rules has reported the request, or the definition as a whole.
  func hasReport(by rules: Set<String>, about request: DeviceRequest) -> Bool {
    [request.location, whole].contains { !rules.isDisjoint(with: reported[$0] ?? []) }
  }

  /// Runs every rule over a definition. All findings, never only the first; in the order of the text.
  public static func check(_ target: LintTarget, by rules: [Rule] = Rule.all) -> RuleRunner {
    let hasPassthrough = target.hasPassthrough
    var runner = RuleRunner(target, by: rules)
    let contexts = runner.contexts
    for index in rules.indices where hasPassthrough || rules[index].looksAtText {
      runner.current = index
      switch rules[index].body {
      case .target(let check):
        runner.device = nil
        do { try check(target, &runner) } catch { runner.cannotTell(error) }
      case .device(let check):
        for index in contexts.indices {
          runner.device = index
          do { try check(contexts[index], &runner) } catch { runner.cannotTell(error) }
        }
      }
    }
    runner.findings = runner.findings.sorted { runner.order($0) < runner.order($1) }
    runner.apply(target.policy, guest: target.machine.guestName)
    return runner
  }

  /// The definition's own text first, then other files.
  private func order(_ finding: Finding) -> (String, Int, String, String) {
    let place = finding.location
    return (place.source == whole.source ? "" : place.source, place.range?.lowerBound ?? 0, finding.rule, finding.message)
  }

  /// Unsafe when something will fail or do harm, undetermined when that could not be excluded.
  public func verdict(_ predictions: [RealizePrediction]) -> Verdict {
    if findings.contains(where: { $0.severity == .error }) { return .unsafe }
    let open = undetermined.contains { $0.severity == .error }
    if open || predictions.contains(where: { $0.realize == .undetermined }) { return .undetermined }
    return isByPolicy ? .safeByPolicy : .safe
  }
}

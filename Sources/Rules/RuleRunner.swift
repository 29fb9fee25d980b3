import Facts
import Prediction

/// Runs rules over one definition. A check gets it to report findings and missing facts; it knows the rule and the
/// device that are being checked, and collects the report.
public struct RuleRunner: Sendable {
  private var report: RuleReport
  private var rule: Rule
  /// The device being checked, at which findings are; nil while a rule checks all of the definition.
  private var checked: DeviceContext?
  /// The device that a check of all of the definition is at.
  private var current: DeviceContext?
  /// The vfio devices that are checked.
  private var contexts: [DeviceContext] = []
  /// The predicted devices, to find the host function of a request.
  private let predictions: [RealizePrediction]
  /// Devices by the location of their request; nil until one is asked for.
  private var labels: [Location: DeviceLabel]?
  /// Their requests' locations; nil until one is searched.
  private var requests: LocationIndex?
  private let whole: Location
  /// Rules with a finding, by the request that it is about; under `whole` those about the definition.
  private var reported: [Location: [Rule]] = [:]
  /// Failures that a rehearsal has shown not to happen.
  private let overruled: [OverruledFailure]

  private init(
    _ source: String, first: Rule, _ report: RuleReport, _ predictions: [RealizePrediction] = [], overruled: [OverruledFailure] = []
  ) {
    self.predictions = predictions
    whole = Location(source: source, range: nil, path: "")
    rule = first
    self.report = report
    self.overruled = overruled
  }

  /// Adds a finding of the current rule.
  /// - Parameters:
  ///   - location: the property to point at, instead of the whole request.
  ///   - request: the request that it is about, for rules that check whole definitions.
  ///   - label: the device that it is about, where no request is at hand.
  ///   - fix: advice for this case, instead of the rule's.
  mutating func report(
    _ message: String, at location: Location? = nil, about request: DeviceRequest? = nil, of label: DeviceLabel? = nil,
    fix: String? = nil, evidence: [String] = []
  ) {
    let place = request?.location ?? place
    if let other = overruled.first(where: { (!$0.isVFIO || $0.location == place) && rule.explains.contains($0.failure.cause) }) {
      if other.isVFIO { cannotDetermine(other.unknown, about: request) }
      return
    }
    reported[place, default: []].append(rule)
    let advised = location ?? place, about = label ?? self.label(of: request, at: location)
    report.findings.append(
      Finding(
        reportedBy: rule, severity: rule.severity, message: message,
        fix: advised.isOfSection ? ConfigFileAdvice.of(fix ?? rule.fix, at: advised) : fix ?? rule.fix, location: advised,
        evidence: evidence, device: about))
  }

  /// The request being checked; the definition's own location while a rule checks all of it.
  private var place: Location { checked?.request.location ?? whole }

  /// The device of a finding: that of the request, else the one being checked, else the one whose request contains the
  /// location.
  private mutating func label(of request: DeviceRequest?, at location: Location?) -> DeviceLabel? {
    if let request {
      if labels == nil {
        labels = Dictionary(predictions.map { ($0.request.location, $0.label) }, uniquingKeysWith: { first, _ in first })
      }
      return labels?[request.location] ?? DeviceLabel(request, at: nil)
    }
    if let device = current ?? checked { return device.prediction.label }
    guard let location else { return nil }
    let index = requests ?? LocationIndex(predictions.map(\.request.location))
    requests = index
    return index.around(location).map { predictions[$0].label }
  }

  /// Records a fact that the current rule could not get, and that does not end the check.
  /// - Parameter severity: of what the fact could change, where that is not the rule's: only `error` leaves the verdict
  ///   undetermined.
  mutating func cannotDetermine(
    _ unknown: Unknown, about request: DeviceRequest? = nil, of label: DeviceLabel? = nil, at location: Location? = nil,
    severity: Severity? = nil
  ) {
    // Prediction reports that the device does not exist: nothing about it is unknown.
    if unknown.isOfAbsentDevice { return }
    report.undetermined.append(
      Undetermined(
        reportedBy: rule, severity: severity ?? rule.severity, unknown: unknown,
        location: location ?? request?.location ?? place, device: label ?? self.label(of: request, at: location)))
  }

  /// Checks devices one by one: an unknown fact about one leaves the others checked.
  mutating func forEach(
    _ contexts: some Sequence<DeviceContext>, _ check: (DeviceContext, inout RuleRunner) throws(Unknown) -> Void
  ) {
    for context in contexts {
      current = context
      do { try check(context, &self) } catch { cannotDetermine(error, about: context.request) }
    }
    current = nil
  }

  /// The devices that the current rule is about.
  func contexts(of target: LintTarget) -> [DeviceContext] { contexts.filter { concerns($0.prediction) } }

  /// Predictions for the devices that the current rule is about, those of a running machine among them.
  func assignments(of target: LintTarget) -> [RealizePrediction] { target.assignments.filter(concerns) }

  private func concerns(_ prediction: RealizePrediction) -> Bool { !rule.needsRealize || prediction.failure == nil }

  /// Whether a rule that explains the failure has reported the request, or the definition as a whole.
  func isExplained(_ cause: FailureCause, of request: DeviceRequest) -> Bool {
    [request.location, whole].contains { (reported[$0] ?? []).contains { $0.explains.contains(cause) } }
  }

  /// Runs every rule over a definition, applies the policy, and sorts the findings by their location in the text.
  public static func check(_ target: LintTarget, by rules: [Rule] = Rule.all) -> RuleReport {
    guard let first = rules.first else { return RuleReport(target, of: rules) }
    let hasPassthrough = target.hasPassthrough
    var runner = RuleRunner(
      target.machine.source, first: first, RuleReport(target, of: rules), target.assignments, overruled: target.overruled)
    runner.contexts = target.contexts
    for rule in rules where hasPassthrough || rule.checksText {
      runner.rule = rule
      switch rule.body {
      case .target(let check):
        runner.checked = nil
        do { try check(target, &runner) } catch { runner.cannotDetermine(error) }
      case .device(let check):
        for context in runner.contexts where runner.concerns(context.prediction) {
          runner.checked = context
          do { try check(context, &runner) } catch { runner.cannotDetermine(error) }
        }
      case .command, .comparison: break
      }
    }
    return runner.finished(target)
  }

  /// Runs the rules that compare definitions. Each finding is subject to the policy of the definition that it points
  /// into; findings are in the order of the definitions. An unknown fact leaves the run undetermined, however many
  /// there are, so only the first of each rule is reported; the definitions' own reports have all of them.
  public static func check(_ claims: HostDeviceClaims, by rules: [Rule] = Rule.all) -> RuleReport {
    var all = RuleReport()
    let comparing = rules.compactMap { rule in rule.acrossDefinitions.map { (rule: rule, check: $0) } }
    guard let first = comparing.first?.rule else { return all }
    for (definition, others) in claims.definitionsWithOthers {
      var runner = RuleRunner(definition.source, first: first, RuleReport())
      for (rule, check) in comparing {
        runner.rule = rule
        check(definition, others, &runner)
      }
      var report = runner.report
      report.apply(definition.policy, guest: definition.guestName)
      for open in report.undetermined
      where !all.undetermined.contains(where: { $0.rule == open.rule && $0.severity == open.severity }) {
        all.undetermined.append(open)
      }
      report.undetermined = []
      all.add(report)
    }
    return all
  }

  private func finished(_ target: LintTarget) -> RuleReport {
    var report = report
    report.findings.sort { order($0) < order($1) }
    report.apply(target.policy, guest: target.machine.guestName)
    report.removeConsequences(in: target)
    return report
  }

  /// The definition's own text first, then other files.
  private func order(_ finding: Finding) -> (String, Int, String, String) {
    let location = finding.location
    return (
      location.source == whole.source ? "" : location.source, location.range?.lowerBound ?? 0, finding.rule,
      finding.message
    )
  }
}

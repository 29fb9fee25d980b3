import Facts
import Prediction

/// What the rules say about one definition.
public struct Judgement: Sendable {
  public private(set) var findings: [Finding] = []
  public private(set) var undetermined: [Undetermined] = []
  private var rule: Rule
  private var subject: Location

  private init(rule: Rule, at location: Location) {
    self.rule = rule
    subject = location
  }

  /// - Parameters:
  ///   - property: the property to point at, instead of the whole request.
  mutating func report(
    _ message: String, at location: Location? = nil, fix: String? = nil, evidence: [String] = []
  ) {
    findings.append(
      Finding(
        rule: rule.name, severity: rule.severity, message: message, fix: fix ?? rule.fix,
        location: location ?? subject, evidence: evidence))
  }

  /// Runs every rule over a definition. All findings, never only the first; in the order of the text.
  public static func judge(_ definition: Definition, by rules: [Rule] = Rule.all) -> Judgement {
    var judgement = Judgement(
      rule: .malformedInput, at: Location(source: definition.machine.source, range: nil, path: ""))
    let whole = judgement.subject
    let subjects = definition.subjects
    for rule in rules {
      judgement.rule = rule
      switch rule.check {
      case .definition(let check):
        judgement.subject = whole
        do { try check(definition, &judgement) } catch { judgement.cannotTell(error) }
      case .device(let check):
        for subject in subjects {
          judgement.subject = subject.request.location
          do { try check(subject, &judgement) } catch { judgement.cannotTell(error) }
        }
      }
    }
    judgement.findings.sort { Judgement.order($0) < Judgement.order($1) }
    return judgement
  }

  private mutating func cannotTell(_ unknown: Unknown) {
    if unknown.isGone { return }
    undetermined.append(
      Undetermined(rule: rule.name, severity: rule.severity, unknown: unknown, location: subject))
  }

  private static func order(_ finding: Finding) -> (Int, String, String) {
    (finding.location.range?.lowerBound ?? 0, finding.rule, finding.message)
  }

  /// Unsafe when something will fail or do harm, undetermined when that could not be excluded.
  public func verdict(_ predictions: [RealizePrediction]) -> Verdict {
    if findings.contains(where: { $0.severity == .error }) { return .unsafe }
    let open = undetermined.contains { $0.severity == .error }
    return open || predictions.contains { $0.realize == .undetermined } ? .undetermined : .safe
  }
}

import Facts
import Prediction
import Rules
import Syntax

/// Findings for programs: the same facts as the text.
public struct LintJSON: LintWriter {
  private var isFirst = true

  /// Creates a writer for one run.
  public init() {}

  /// Head of the document.
  public func begin() -> String { "{\n  \"definitions\": [" }

  /// Text of one definition, with separators.
  public mutating func add(_ result: LintResult) -> String {
    defer { isFirst = false }
    return (isFirst ? "\n" : ",\n") + LintJSON.definition(result).text(indented: true).indented(by: 4)
  }

  /// Text after the last definition: the findings across definitions, and the totals.
  public func end(_ tally: LintTally, across: AcrossResult?) -> String {
    let across = across ?? AcrossResult()
    let members: [(String, JSON)] = [
      ("across-definitions", .object([.init("verdict", .string(across.verdict.rawValue))] + LintJSON.findings(across))),
      ("unreadable", .strings(tally.unreadable)), ("summary", LintJSON.summary(tally)),
    ]
    let texts = members.map { ",\n  \"\($0.0)\": " + $0.1.text(indented: true).indented(by: 2).dropFirst(2) }
    return (isFirst ? "" : "\n  ") + "]" + texts.joined() + "\n}\n"
  }

  private static func summary(_ tally: LintTally) -> JSON {
    let verdicts: [Verdict] = [.safe, .safeByPolicy, .unsafe, .undetermined]
    let counts =
      verdicts.map { ($0.rawValue, tally.count($0)) } + Severity.allCases.map { ("\($0.rawValue)s", tally.count($0)) }
    let all = [("definitions", tally.definitions)] + counts + [("suppressed", tally.suppressed)]
    return .object(
      [.init("verdict", .string(tally.verdict.rawValue))] + all.map { .init($0.0, .integer(Int64($0.1))) })
  }

  private static func definition(_ result: LintResult) -> JSON {
    let line: [JSON.Member] = result.firstLine.map { [.init("line", .integer(Int64($0)))] } ?? []
    return .object([.init("source", .string(result.source.name))] + line + [
      .init("verdict", .string(result.verdict.rawValue)),
      .init("qemu", .string(result.target.qemu.name)),
      .init("qemu-assumed", .bool(result.target.qemu.isAssumed)),
      .init("host", .string(result.target.host.source)),
      .init("devices", .array(result.target.predictions.map(device))),
      .init("rehearsal", RehearsalReport.json(result.target.rehearsal)),
      .init("not-checked", .strings(result.target.unchecked)),
    ] + findings(result))
  }

  private static func findings(_ result: some LocatedFindings) -> [JSON.Member] {
    [
      .init("findings", .array(result.report.findings.map { .object(finding($0, result)) })),
      .init("suppressed", .array(result.report.suppressed.map { suppressed($0, result) })),
      .init("undetermined", .array(result.report.undetermined.map { open($0, result) })),
    ]
  }

  private static func device(_ prediction: RealizePrediction) -> JSON {
    var members: [JSON.Member] = [
      .init("id", prediction.request.id.map(JSON.string) ?? .null),
      .init("host", prediction.host.map { .string($0.description) } ?? .null),
      .init("plug", prediction.request.plug == .hot ? "hot" : "cold"),
      .init("realize", .string(prediction.realize.rawValue)),
    ]
    if let failure = prediction.failure {
      members.append(.init("error", .string(failure.text)))
      if let signal = failure.signal { members.append(.init("signal", .string(signal))) }
    }
    members += [
      .init("warnings", prediction.warnings.json { .strings($0) }),
      .init("guest-sees-ats", prediction.guestSeesATS.json),
      .init("checked-by-qemu", prediction.checkedByQEMU.json),
      .init("not-known", .array(prediction.unknowns.map(unknown))),
      .init("ats-decision", .strings(prediction.reachesATS ? ATSExplanation.steps(prediction.atsInputs) : [])),
    ]
    return .object(members)
  }

  private static func suppressed(_ suppressed: Suppressed, _ result: some LocatedFindings) -> JSON {
    let allowance = suppressed.allowance
    var allowed: [JSON.Member] = [.init("reason", .string(allowance.reason))]
    if let until = allowance.until { allowed.append(.init("until", .string(until.description))) }
    allowed.append(.init("location", location(allowance.location, result)))
    return .object(finding(suppressed.finding, result) + [.init("allowed", .object(allowed))])
  }

  private static func finding(_ finding: Finding, _ result: some LocatedFindings) -> [JSON.Member] {
    [
      .init("rule", .string(finding.rule)), .init("severity", .string(finding.severity.rawValue)),
      .init("device", device(finding.device)),
      .init("message", .string(finding.message)),
      .init("why", .string(Rule.named(finding.rule)?.why ?? "")), .init("fix", .string(finding.fix)),
      .init("location", location(finding.location, result)), .init("evidence", .strings(finding.evidence)),
    ]
  }

  private static func open(_ open: Undetermined, _ result: some LocatedFindings) -> JSON {
    .object([
      .init("rule", .string(open.rule)), .init("severity", .string(open.severity.rawValue)),
      .init("device", device(open.device)),
      .init("fact", .string(open.unknown.fact)), .init("reason", .string(open.unknown.reason)),
      .init("location", location(open.location, result)),
    ])
  }

  /// The device that a finding is about; null for the definition as a whole.
  private static func device(_ label: DeviceLabel?) -> JSON {
    guard let label else { return .null }
    return .object([
      .init("id", label.id.map(JSON.string) ?? .null), .init("host", label.host.map { .string($0.description) } ?? .null),
    ])
  }

  private static func unknown(_ unknown: Unknown) -> JSON {
    .object([.init("fact", .string(unknown.fact)), .init("reason", .string(unknown.reason))])
  }

  private static func location(_ location: Location, _ result: some LocatedFindings) -> JSON {
    var members: [JSON.Member] = [.init("source", .string(location.source)), .init("path", .string(location.path))]
    if let region = result.region(of: location) {
      members += [
        .init("line", .integer(Int64(region.line))), .init("column", .integer(Int64(region.column))),
        .init("offset", .integer(Int64(region.range.lowerBound))), .init("length", .integer(Int64(region.range.count))),
      ]
    }
    return .object(members)
  }
}

extension String {
  /// Every line of a JSON text, in which strings have no line ends, moved to the right.
  func indented(by width: Int) -> String {
    let blanks = String(repeating: " ", count: width)
    return blanks + split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\n" + blanks)
  }
}

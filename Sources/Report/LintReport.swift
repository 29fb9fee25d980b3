import Facts
import Prediction
import Rules
import Syntax

/// What was found in one definition, ready to be printed.
public struct LintResult: Sendable {
  public let source: SourceText
  public let target: LintTarget
  public let report: RuleReport

  /// The other texts that findings may point into.
  private let further: [SourceText]

  public init(source: SourceText, target: LintTarget, report: RuleReport, further: [SourceText] = []) {
    self.source = source
    self.target = target
    self.report = report
    self.further = further
  }

  /// Without the findings below a severity, which are not printed. The verdict counts them all the same:
  /// none of them is an error unless errors are the least that is shown.
  public func showing(from severity: Severity) -> LintResult {
    guard severity > .note else { return self }
    var report = report
    report.hide(below: severity)
    return LintResult(source: source, target: target, report: report, further: further)
  }

  /// The text that a place is in.
  func text(of location: Location) -> SourceText? {
    location.source == source.name ? source : further.first { $0.name == location.source }
  }

  public var verdict: Verdict { report.verdict }

  /// The worst finding in one line, or what could not be told: `not-bound: hostdev0 (0000:01:00.0) …`.
  public var headline: String {
    if let worst = report.findings.max(by: { $0.severity < $1.severity }) {
      return "\(worst.rule): \(printable(worst.message))"
    }
    return report.undetermined.first.map { "\($0.rule) cannot tell: \(printable("\($0.unknown)"))" } ?? "undetermined"
  }
}

/// Findings as text: `source:line:col: error[rule]: message`, the excerpt, and the fix.
public struct LintText: LintWriter {
  private let style: Style
  /// Everything that could not be told, not only a count.
  private let isVerbose: Bool
  private var isFirst = true

  public init(style: Style, verbose: Bool) {
    self.style = style
    isVerbose = verbose
  }

  public func begin() -> String { "" }

  public mutating func add(_ piece: LintPiece) -> String {
    defer { isFirst = false }
    return (isFirst ? "" : "\n") + piece.text
  }

  public func end(_ tally: LintTally) -> String { "" }

  public func render(_ result: LintResult) -> String {
    var told: Set<String> = []
    var blocks = result.report.findings.map { one in
      finding(one, in: result, explains: told.insert(one.rule).inserted)
    }
    blocks += result.target.predictions.map { prediction($0) }
    if let allowed = suppressed(result) { blocks.append(allowed) }
    if let open = undetermined(result) { blocks.append(open) }
    blocks.append("\(result.source.name): " + style.verdict(result.verdict) + "\n")
    return blocks.joined(separator: "\n")
  }

  /// - Parameter explains: say why, which is the same for every finding of a rule.
  private func finding(_ finding: Finding, in result: LintResult, explains: Bool) -> String {
    let offset = finding.location.range?.lowerBound
    let source = result.text(of: finding.location)
    let place = offset.flatMap { source?.position(of: $0) }.map { ":\($0.line):\($0.column)" } ?? ""
    let kind = style.severity(finding.severity, "\(finding.severity.rawValue)[\(finding.rule)]")
    var lines = [printable("\(finding.location.source)\(place): ") + "\(kind): \(printable(finding.message))"]
    if let range = finding.location.range, let source { lines += excerpt(range, in: source, finding.severity) }
    lines += finding.evidence.map { "  fact: " + printable($0) }
    if explains, let why = Rule.named(finding.rule)?.why {
      let words = wrapped(why, width: 94)
      lines += words.enumerated().map { ($0.offset == 0 ? "  why: " : "       ") + $0.element }
    }
    lines.append("  fix: " + printable(finding.fix))
    if explains { lines.append("  see: RULES.md#\(finding.rule)") }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The line with carets below; a long line is cut around the place.
  private func excerpt(_ range: Range<Int>, in source: SourceText, _ severity: Severity) -> [String] {
    let line = source.line(around: range.lowerBound)
    let bytes = Array(line.text.utf8)
    let column = max(0, min(range.lowerBound - line.start, bytes.count))
    let end = max(column + 1, min(range.upperBound - line.start, bytes.count))
    let from = max(0, min(column - 20, bytes.count - 100))
    let shown = bytes[from..<min(bytes.count, from + 100)]
    // A caret a byte keeps both lines aligned only while both are ASCII: others become dots.
    let text = String(decoding: shown.map { (0x20...0x7e).contains($0) ? $0 : UInt8(ascii: ".") }, as: UTF8.self)
    let carets = String(repeating: "^", count: max(1, min(end, from + 100) - column))
    return [
      "  | " + text, "  | " + String(repeating: " ", count: column - from) + style.severity(severity, carets),
    ]
  }

  private func prediction(_ prediction: RealizePrediction) -> String {
    var lines = ["\(style.bold("prediction")): \(prediction.name): realize \(prediction.realize.rawValue)"]
    if let failure = prediction.failure { lines.append("  qemu: " + printable(failure.text)) }
    if case .known(let warnings) = prediction.warnings { lines += warnings.map { "  qemu: warning: \($0)" } }
    if prediction.failure == nil {
      let checked = prediction.checkedByQEMU.display == false && prediction.guestSeesATS.display == true
      lines.append("  guest sees ATS: " + PredictReport.word(prediction.guestSeesATS) + (checked ? ", unchecked" : ""))
    }
    lines += prediction.unknowns.map { "  not known: \($0)" }
    if isVerbose, prediction.reachesATS { lines += ATSExplanation.steps(prediction.atsInputs).map { "  ats " + $0 } }
    return lines.joined(separator: "\n") + "\n"
  }

  private func suppressed(_ result: LintResult) -> String? {
    let all = result.report.suppressed
    guard !all.isEmpty else { return nil }
    guard isVerbose else {
      return "\(all.count) finding\(all.count == 1 ? " is" : "s are") allowed by policy; --verbose says why\n"
    }
    return all.map { one in
      let place = one.allowance.location
      let line = place.range.flatMap { result.text(of: place)?.position(of: $0.lowerBound).line }.map { ":\($0)" } ?? ""
      let finding = one.finding
      return style.dim("allowed[\(finding.rule)]: ") + printable(finding.message) + "\n  reason: "
        + printable("\(one.allowance.reason) (\(place.source)\(line))")
    }.joined(separator: "\n") + "\n"
  }

  private func undetermined(_ result: LintResult) -> String? {
    let open = result.report.undetermined
    guard !open.isEmpty else { return nil }
    guard isVerbose else {
      let rules = Set(open.map(\.rule)).count
      return "\(rules) rule\(rules == 1 ? "" : "s") could not tell; --verbose says why\n"
    }
    return open.map { style.dim("cannot tell[\($0.rule)]: \($0.unknown)") }.joined(separator: "\n") + "\n"
  }
}

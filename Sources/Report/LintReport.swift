import Facts
import Prediction
import Rules
import Syntax

/// Result of linting one definition, with all that is needed to print it.
public struct LintResult: LocatedFindings, Sendable {
  /// The definition's text, for excerpts.
  public let source: SourceText
  /// The definition as rules checked it.
  public let target: LintTarget
  /// Findings and undetermined rules.
  public let report: RuleReport

  /// Other texts that findings may point into: the policy, and included files.
  private let further: [SourceText]
  /// The line that the definition begins in, when its file holds others too.
  let firstLine: Int?

  /// - Parameters:
  ///   - further: other texts that findings may point into: the policy, and included files.
  ///   - firstLine: the line that the definition begins in, when its file holds others too.
  public init(
    source: SourceText, target: LintTarget, report: RuleReport, further: [SourceText] = [], firstLine: Int? = nil
  ) {
    self.source = source
    self.target = target
    self.report = report
    self.further = further
    self.firstLine = firstLine
  }

  /// Copy without the findings below a severity, which are not printed. The verdict does not change: it depends on
  /// errors, which are always shown.
  public func showing(from severity: Severity) -> LintResult {
    guard severity > .note else { return self }
    var report = report
    report.hide(below: severity)
    return LintResult(source: source, target: target, report: report, further: further, firstLine: firstLine)
  }

  /// The definition's path; of one among several in a file with the line that it begins in, `guests.xml:57`.
  public var name: String { source.name + (firstLine.map { ":\($0)" } ?? "") }

  /// Position of a location in its text; nil for a whole file, and for a text that is not known.
  public func region(of location: Location) -> TextRegion? {
    location.range.flatMap { text(of: location)?.region(of: $0) }
  }

  /// The text that a location is in.
  func text(of location: Location) -> SourceText? {
    location.source == source.name ? source : further.first { $0.name == location.source }
  }

  /// Verdict of the definition.
  public var verdict: Verdict { report.verdict }

  /// The facts that keep the verdict from being safe or unsafe.
  public var unknowns: [Unknown] {
    report.undetermined.filter { $0.severity == .error }.map(\.unknown)
      + target.predictions.filter { $0.realize == .undetermined }.flatMap(\.unknowns)
  }

  /// The worst finding in one line, `not-bound: hostdev0 (0000:01:00.0) …`, or the first undetermined rule.
  public var headline: String {
    if let worst = report.findings.max(by: { $0.severity < $1.severity }) {
      return "\(worst.rule): \(printable(worst.message))"
    }
    return report.undetermined.first.map { "\($0.rule) is undetermined: \(printable("\($0.unknown)"))" } ?? "undetermined"
  }
}

/// Findings as text: `source:line:col: error[rule]: message`, the excerpt, and the fix.
public struct LintText: LintWriter {
  private let style: Style
  /// Whether undetermined rules are listed, and not only counted.
  private let isVerbose: Bool
  private var isFirst = true

  /// - Parameter verbose: also list undetermined rules, allowed findings and the steps of the `ats` decision.
  public init(style: Style, verbose: Bool) {
    self.style = style
    isVerbose = verbose
  }

  /// Head of the document.
  public func begin() -> String { "" }

  /// Text of one definition, with separators.
  public mutating func add(_ result: LintResult) -> String {
    defer { isFirst = false }
    return (isFirst ? "" : "\n") + render(result)
  }

  /// One definition alone.
  public func render(_ result: LintResult) -> String {
    var blocks = findings(of: result) { result.text(of: $0) }
    blocks += result.target.predictions.map { prediction($0) }
    if let rehearsal = result.target.rehearsal {
      let lines = RehearsalReport.lines(rehearsal, verbose: isVerbose)
        + (isVerbose ? RehearsalReport.disagreements(result.target) : [])
      blocks.append("\(style.bold("rehearsal")): " + lines.map(printable).joined(separator: "\n  ") + "\n")
    }
    if let allowed = suppressed(result) { blocks.append(allowed) }
    if let open = undetermined(result) { blocks.append(open) }
    blocks.append("\(result.name): " + style.verdict(result.verdict) + "\n")
    return blocks.joined(separator: "\n")
  }

  /// Text after the last definition: the findings across definitions, and the totals.
  /// Findings across definitions have no excerpts, because their texts are not kept.
  public mutating func end(_ tally: LintTally, across: AcrossResult?) -> String {
    guard let across else { return "" }
    var blocks = findings(of: across) { _ in nil }
    if let allowed = suppressed(across) { blocks.append(allowed) }
    if let open = undetermined(across) { blocks.append(open) }
    if !blocks.isEmpty { blocks.insert(style.bold("\(AcrossResult.title):") + "\n", at: 0) }
    blocks.append("all \(tally.definitions) definitions together: " + style.verdict(tally.verdict) + "\n")
    return (isFirst ? "" : "\n") + blocks.joined(separator: "\n")
  }

  private func findings(of result: some LocatedFindings, text: (Location) -> SourceText?) -> [String] {
    var explained: Set<String> = []
    return result.report.findings.map { one in
      finding(
        one, at: result.region(of: one.location), in: text(one.location),
        explains: explained.insert(one.rule).inserted)
    }
  }

  /// - Parameter explains: whether to add the rule's explanation, which is the same for each of its findings.
  private func finding(
    _ finding: Finding, at region: TextRegion?, in source: SourceText?, explains: Bool
  ) -> String {
    let place = region.map { ":\($0.line):\($0.column)" } ?? ""
    let kind = style.severity(finding.severity, "\(finding.severity.rawValue)[\(finding.rule)]")
    var lines = [printable("\(finding.location.source)\(place): ") + "\(kind): \(printable(finding.message))"]
    if let range = finding.location.range, let source { lines += excerpt(range, in: source, finding.severity) }
    lines += finding.evidence.map { "  fact: " + printable($0) }
    if explains, let why = Rule.named(finding.rule)?.why {
      let wrappedWhy = wrapped(why, width: 94)
      lines += wrappedWhy.enumerated().map { ($0.offset == 0 ? "  why: " : "       ") + $0.element }
    }
    lines.append("  fix: " + printable(finding.fix))
    if explains { lines.append("  see: RULES.md#\(finding.rule)") }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The line with carets below; a long line is cut around the location.
  private func excerpt(_ range: Range<Int>, in source: SourceText, _ severity: Severity) -> [String] {
    let width = 100
    // Twice the width shows whether the line goes beyond the excerpt.
    let line = source.line(around: range.lowerBound, upTo: 2 * width)
    let column = max(0, min(range.lowerBound - line.startIndex, line.count))
    let end = max(column + 1, min(range.upperBound - line.startIndex, line.count))
    let from = max(0, min(column - 20, line.count - width))
    let shown = line.dropFirst(from).prefix(width)
    // A caret a byte keeps both lines aligned only while both are ASCII: others become dots.
    let text = String(decoding: shown.map { (0x20...0x7e).contains($0) ? $0 : UInt8(ascii: ".") }, as: UTF8.self)
    let carets = String(repeating: "^", count: max(1, min(end, from + width) - column))
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
    lines += prediction.unknowns.map { "  unknown: \($0)" }
    if isVerbose, prediction.reachesATS { lines += ATSExplanation.steps(prediction.atsInputs).map { "  ats " + $0 } }
    return lines.joined(separator: "\n") + "\n"
  }

  private func suppressed(_ result: some LocatedFindings) -> String? {
    let all = result.report.suppressed
    guard !all.isEmpty else { return nil }
    guard isVerbose else {
      return "\(all.count) finding\(all.count == 1 ? " is" : "s are") allowed by policy; --verbose shows them\n"
    }
    return all.map { one in
      let place = one.allowance.location
      let line = result.region(of: place).map { ":\($0.line)" } ?? ""
      let finding = one.finding
      return style.dim("allowed[\(finding.rule)]: ") + printable(finding.message) + "\n  reason: "
        + printable("\(one.allowance.reason) (\(place.source)\(line))")
    }.joined(separator: "\n") + "\n"
  }

  private func undetermined(_ result: some LocatedFindings) -> String? {
    let open = result.report.undetermined
    guard !open.isEmpty else { return nil }
    guard isVerbose else {
      let rules = Set(open.map(\.rule)).count
      return "\(rules) rule\(rules == 1 ? " is" : "s are") undetermined; --verbose shows the missing facts\n"
    }
    return open.map { style.dim("undetermined[\($0.rule)]: \($0.unknown)") }.joined(separator: "\n") + "\n"
  }
}

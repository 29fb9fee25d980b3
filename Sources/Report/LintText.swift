import Facts
import Prediction
import Rules
import Syntax

/// Findings as text, a block each: `source:line:col: error[rule]: message`, the excerpt, and the fix.
public struct LintText: LintWriter {
  /// Options of the text.
  public struct Options: Sendable {
    /// Whether undetermined rules, allowed findings, all predictions and the steps of the `ats` decision are listed.
    public var isVerbose = false
    /// Whether each finding has its rule's explanation, and not only the first of the rule.
    public var explainsAll = false
    /// Whether definitions that are safe, and have no findings, are only counted.
    public var hidesSafe = false

    /// Creates the options of a short text.
    public init() {}
  }

  private let style: Style
  private let options: Options
  private var isFirst = true
  /// Rules whose explanation has been printed.
  private var explained: Set<String> = []
  /// Whether the way to ask another QEMU has been printed.
  private var hasAdvised = false

  /// Creates a writer for one run.
  public init(style: Style, options: Options = Options()) {
    self.style = style
    self.options = options
  }

  /// Head of the document.
  public func begin() -> String { "" }

  /// Text of one definition, with separators.
  public mutating func add(_ result: LintResult) -> String {
    if options.hidesSafe, !options.isVerbose, result.verdict == .safe, result.report.findings.isEmpty { return "" }
    return separated(render(result))
  }

  private mutating func separated(_ text: String) -> String {
    defer { isFirst = false }
    return (isFirst ? "" : "\n") + text
  }

  /// One definition alone.
  public mutating func render(_ result: LintResult) -> String {
    let predictions = result.target.predictions
    let explanations = explanations(of: predictions, result)
    var blocks = findings(of: result, explanations.texts) { result.text(of: $0) }
    blocks += predictions.enumerated().filter { isShown($0.element, isExplained: explanations.explained.contains($0.offset)) }
      .map { prediction($0.element) }
    if let rehearsal = result.target.rehearsal {
      let lines = RehearsalReport.lines(rehearsal, verbose: options.isVerbose)
        + (options.isVerbose ? RehearsalReport.disagreements(result.target) : [])
      blocks.append(block(["\(style.bold("rehearsal")): \(printable(lines[0]))"], lines.dropFirst().map(printable)))
    }
    if let allowed = suppressed(result) { blocks.append(allowed) }
    if let open = undetermined(result, predictions, isLive: result.target.host.source == "live") { blocks.append(open) }
    blocks.append(verdict(result))
    return blocks.joined(separator: "\n")
  }

  /// Verdict, counts, and what the verdict is for.
  private mutating func verdict(_ result: LintResult) -> String {
    let subject = LintSubject(result.target)
    let isCreated = result.target.rehearsal?.display?.outcome == .started
    var text = "\(printable(result.name)): \(style.verdict(result.verdict)) \(subject.text)"
    if let counts = result.counts { text += ": \(counts)" }
    if [.safe, .safeByPolicy].contains(result.verdict) {
      if !result.target.mayPassThrough {
        text += "; no host device" + (isCreated ? "" : ": the rest of the machine was not checked")
      } else if let others = LintText.unchecked(result.target) {
        text += "; \(others) not checked"
      }
    }
    if subject.isAssumed, !hasAdvised {
      text += "; " + (result.target.rehearsal == nil ? LintSubject.advice : LintSubject.adviceBesideRehearsal)
    }
    hasAdvised = hasAdvised || subject.isAssumed
    return block([text])
  }

  /// The options that were not checked, the first ones by name, and the verb; nil without any.
  private static func unchecked(_ target: LintTarget) -> String? {
    if target.unchecked == ["domain"] { return "the rest of the domain was" }
    return options(target).map { $0 + " were" }
  }

  private static func options(_ target: LintTarget) -> String? {
    var names = target.unchecked.map { $0 == "devices" ? "options of other devices" : "`\($0)`" }
    guard !names.isEmpty else { return nil }
    if names.count > 5 { names = names.prefix(4) + ["\(names.count - 4) others"] }
    if names.count == 1, names[0].hasPrefix("`") { return "the values of \(names[0])" }
    return names.count == 1 ? names[0] : names.dropLast().joined(separator: ", ") + " and " + (names.last ?? "")
  }

  /// Text after the last definition: the findings across definitions, and the totals.
  /// Findings across definitions have no excerpts, because their texts are not kept.
  public mutating func end(_ tally: LintTally, across: AcrossResult?) -> String {
    guard across != nil || options.hidesSafe && isFirst && tally.definitions > 0 else { return "" }
    var blocks: [String] = []
    if let across {
      blocks = findings(of: across, [:]) { _ in nil }
      if let allowed = suppressed(across) { blocks.append(allowed) }
      if let open = undetermined(across, [], isLive: false) { blocks.append(open) }
      if !blocks.isEmpty { blocks.insert(style.bold("\(AcrossResult.title):") + "\n", at: 0) }
    }
    let advice = tally.isQEMUAssumed && !hasAdvised ? "; \(LintSubject.advice)" : ""
    blocks.append(block([tally.totals + advice]))
    return separated(blocks.joined(separator: "\n"))
  }

  /// Lines of which each is wrapped, and those that follow the first are indented.
  private func block(_ lines: [String], _ details: [String] = []) -> String {
    (lines.flatMap { wrapped($0, width: style.width, indent: 4) }
      + details.flatMap { wrapped("  " + $0, width: style.width, indent: 4) }).joined(separator: "\n") + "\n"
  }

  // MARK: Findings

  /// QEMU's message for each finding that is about it, and the predictions that a finding is about.
  private func explanations(
    of predictions: [RealizePrediction], _ result: LintResult
  ) -> (texts: [Int: String], explained: Set<Int>) {
    var texts: [Int: String] = [:]
    var explained: Set<Int> = []
    let findings = result.report.findings
    let byDevice = Dictionary(grouping: findings.indices) { findings[$0].device }
    for (index, prediction) in predictions.enumerated() {
      guard let failure = prediction.failure else { continue }
      let found = [prediction.label, nil].compactMap { device in
        byDevice[device]?.first {
          findings[$0].reportedBy.explains.contains(failure.cause) || findings[$0].message.contains(failure.text)
        }
      }.min()
      guard let found else { continue }
      explained.insert(index)
      if !findings[found].message.contains(failure.text) { texts[found] = failure.text }
    }
    return (texts, explained)
  }

  /// A block for each failure. One that several devices have, such as an IOMMU that is off, is reported once: for the first of
  /// them, with the places of the others.
  private mutating func findings(
    of result: some LocatedFindings, _ texts: [Int: String], text: (Location) -> SourceText?
  ) -> [String] {
    var order: [RepeatedFinding] = []
    var alike: [RepeatedFinding: [Int]] = [:]
    for (index, one) in result.report.findings.enumerated() {
      let key = RepeatedFinding(one, number: index)
      if alike[key, default: []].isEmpty { order.append(key) }
      alike[key, default: []].append(index)
    }
    return order.compactMap { key in
      guard let places = alike[key], let index = places.first else { return nil }
      let all = result.report.findings
      let isFirstOfRule = explained.insert(all[index].rule).inserted
      return finding(
        all[index], at: result.region(of: all[index].location), in: text(all[index].location),
        qemu: places.lazy.compactMap { texts[$0] }.first, others: places.dropFirst().map { (all[$0], result.region(of: all[$0].location)) },
        explains: isFirstOfRule || options.explainsAll)
    }
  }

  /// - Parameters:
  ///   - qemu: the message with which QEMU fails.
  ///   - others: the findings that say the same of other devices, and where they are.
  ///   - explains: whether to add the rule's explanation, which is the same for each of its findings.
  private func finding(
    _ finding: Finding, at region: TextRegion?, in source: SourceText?, qemu: String?, others: [(Finding, TextRegion?)],
    explains: Bool
  ) -> String {
    let kind = style.severity(finding.severity, "\(finding.severity.rawValue)[\(finding.rule)]")
    var lines = wrapped(
      LintOneline.place(finding.location, region) + ": \(kind): \(printable(finding.message))", width: style.width, indent: 4)
    if let range = finding.location.range, let source, let region {
      lines += Excerpt(range, in: source, number: region.line).lines(style, finding.severity)
    }
    func add(_ label: String, _ text: String) {
      lines += wrapped("  \(label): " + printable(text), width: style.width, indent: label.count + 4)
    }
    if let qemu { add("qemu", qemu) }
    if !others.isEmpty {
      add("also", others.map { "\($0.device?.description ?? "") at \(LintOneline.place($0.location, $1))" }.joined(separator: ", "))
    }
    for fact in finding.evidence { add("fact", fact) }
    if explains, let why = Rule.named(finding.rule)?.why {
      lines += wrapped("  why: " + why, width: min(100, style.width ?? 100), indent: 7)
    }
    add("fix", finding.fix)
    if explains { lines.append("  see: vfiogate explain \(finding.rule)") }
    return lines.joined(separator: "\n") + "\n"
  }

  // MARK: Predictions

  /// A failure that a finding is about is not printed again; a device that realizes only if there is more to it.
  private func isShown(_ prediction: RealizePrediction, isExplained: Bool) -> Bool {
    if options.isVerbose { return true }
    if prediction.failure != nil { return !isExplained }
    return prediction.warnings.display?.isEmpty == false || prediction.guestSeesATS == .known(true)
  }

  private func prediction(_ prediction: RealizePrediction) -> String {
    var lines: [String] = []
    if let failure = prediction.failure { lines.append("qemu: " + printable(failure.text)) }
    if case .known(let warnings) = prediction.warnings { lines += warnings.map { "qemu: warning: \($0)" } }
    if prediction.failure == nil {
      let checked = prediction.checkedByQEMU.display == false && prediction.guestSeesATS.display == true
      lines.append("guest sees ATS: " + PredictReport.word(prediction.guestSeesATS) + (checked ? ", unchecked" : ""))
    }
    if options.isVerbose, prediction.reachesATS { lines += ATSExplanation.steps(prediction.atsInputs).map { "ats " + $0 } }
    return block(["\(style.bold("prediction")): \(prediction.name): realize \(prediction.realize.rawValue)"], lines)
  }

  // MARK: Allowed and undetermined

  private func suppressed(_ result: some LocatedFindings) -> String? {
    let all = result.report.suppressed
    guard !all.isEmpty else { return nil }
    guard options.isVerbose else {
      return "\(all.count) finding\(all.count == 1 ? " is" : "s are") allowed by policy; --verbose shows them\n"
    }
    return all.map { one in
      let place = one.allowance.location
      let line = result.region(of: place).map { ":\($0.line)" } ?? ""
      let finding = one.finding
      return block(
        [style.dim("allowed[\(finding.rule)]: ") + printable(finding.message)],
        [printable("reason: \(one.allowance.reason) (\(place.source)\(line))")])
    }.joined()
  }

  private static let shortList = 3

  /// Undetermined rules: each missing fact with those that miss it, or, in a short text, the facts that would decide the
  /// verdict.
  private func undetermined(
    _ result: some LocatedFindings, _ predictions: [RealizePrediction], isLive: Bool
  ) -> String? {
    let rules = Set(result.report.undetermined.map(\.rule)).count
    let isDecisive = result.verdict == .undetermined
    let missing = MissingFacts(result, predictions, isLive: isLive, decisive: !options.isVerbose)
    if options.isVerbose {
      guard !missing.facts.isEmpty else { return nil }
      return (missing.facts.map(fact) + advice(missing)).joined()
    }
    let count = "\(rules) rule\(rules == 1 ? " is" : "s are") undetermined"
    guard isDecisive, !missing.facts.isEmpty else { return rules == 0 ? nil : block(["\(count); --verbose shows the missing facts"]) }
    let devices = MissingFacts.list(missing.devices.map(\.description), upTo: LintText.shortList)
    let head = style.dim("undetermined") + ": \(rules == 0 ? "the prediction" : counted(rules, "rule"))"
      + (devices.isEmpty ? "" : " about \(devices)") + "; --verbose lists them"
    let lines = missing.lines(upTo: LintText.shortList).map(printable)
    return block([head], lines) + advice(missing).joined()
  }

  private func fact(_ fact: MissingFacts.Fact) -> String {
    let devices = fact.devices.map(\.description).joined(separator: ", ")
    return block(
      [style.dim("undetermined: ") + printable("\(fact.unknown)")],
      ["missed by: " + fact.rules.joined(separator: ", ") + (devices.isEmpty ? "" : "; for \(devices)")])
  }

  private func advice(_ missing: MissingFacts) -> [String] {
    missing.advice.map { block([], ["decided by: \($0)"]) }
  }
}

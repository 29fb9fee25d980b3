import Facts
import Prediction
import Rules
import Syntax

/// SARIF 2.1.0, for code scanning: one run, one result a finding. An allowed finding is a suppressed result with the
/// reason; an undetermined rule is a result of kind `open`.
public struct LintSARIF: LintWriter {
  private let version: String
  private var isFirst = true
  /// The files of the definitions, each once, with the verdict of what it holds.
  private var artifacts: [(file: String, verdict: Verdict)] = []

  /// - Parameter version: of vfiogate.
  public init(version: String) { self.version = version }

  /// Head of the document.
  public func begin() -> String {
    let driver: JSON = .object([
      .init("name", "vfiogate"), .init("version", .string(version)), .init("semanticVersion", .string(version)),
      .init("rules", .array(Rule.all.map(LintSARIF.rule))),
    ])
    let schema: JSON = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
    return """
      {"$schema": \(schema.text()), "version": "2.1.0", "runs": [{
      "tool": {"driver": \(driver.text())},
      "columnKind": "unicodeCodePoints",
      "results": [
      """
  }

  /// Text of one definition, with separators.
  public mutating func add(_ result: LintResult) -> String {
    let isSameFile = artifacts.last?.file == result.source.name
    let before = isSameFile ? artifacts.popLast()?.verdict : nil
    artifacts.append((result.source.name, before?.joined(with: result.verdict) ?? result.verdict))
    return results(of: result)
  }

  private mutating func results(of result: some LocatedFindings) -> String {
    let report = result.report
    let results =
      report.findings.map { LintSARIF.finding($0, result) }
      + report.suppressed.map { LintSARIF.finding($0.finding, result, by: $0.allowance) }
      + report.undetermined.map { LintSARIF.open($0, result) }
    if results.isEmpty { return "" }
    defer { isFirst = false }
    return (isFirst ? "\n" : ",\n") + results.map { $0.text() }.joined(separator: ",\n")
  }

  /// Text after the last definition: the findings across definitions, and the totals.
  public mutating func end(_ tally: LintTally, across: AcrossResult?) -> String {
    let results = across.map { self.results(of: $0) } ?? ""
    let failures: [JSON] = tally.unreadable.map { reason in
      .object([.init("level", "error"), .init("message", .object([.init("text", .string(reason))]))])
    }
    let invocation: JSON = .object([
      .init("executionSuccessful", .bool(tally.unreadable.isEmpty)),
      .init("toolExecutionNotifications", .array(failures)),
    ])
    let artifacts = JSON.array(self.artifacts.map(LintSARIF.artifact))
    return results + "\n],\n\"artifacts\": \(artifacts.text()),\n\"invocations\": [\(invocation.text())]\n}]}\n"
  }

  private static func artifact(_ file: String, _ verdict: Verdict) -> JSON {
    .object([
      .init("location", .object([.init("uri", .string(uri(file)))])),
      .init("properties", .object([.init("verdict", .string(verdict.rawValue))])),
    ])
  }

  private static func rule(_ rule: Rule) -> JSON {
    .object([
      .init("id", .string(rule.name)), .init("shortDescription", text(rule.summary)),
      .init("fullDescription", text(rule.why)),
      .init(
        "help",
        .object([
          .init("text", .string("\(rule.why) Fix: \(rule.fix).")),
          .init("markdown", .string("\(rule.why)\n\n**Fix:** \(rule.fix).\n\nSee `vfiogate explain \(rule.name)`.")),
        ])),
      .init("defaultConfiguration", .object([.init("level", .string(rule.severity.rawValue))])),
    ])
  }

  private static func finding(_ finding: Finding, _ result: some LocatedFindings, by allowance: Policy.Allowance? = nil) -> JSON {
    var members: [JSON.Member] = [
      .init("ruleId", .string(finding.rule)), .init("level", .string(finding.severity.rawValue)),
      .init("message", text("\(finding.message). Fix: \(finding.fix).")),
      .init("locations", .array([location(finding.location, result)])),
      .init(
        "properties", .object([.init("fix", .string(finding.fix)), .init("evidence", .strings(finding.evidence))])),
    ]
    if let index = Rule.all.firstIndex(where: { $0.name == finding.rule }) {
      members.insert(.init("ruleIndex", .integer(Int64(index))), at: 1)
    }
    if let allowance {
      let isInSource = [result.file, finding.location.source].contains(allowance.location.source)
      let kind: JSON = isInSource ? "inSource" : "external"
      members.append(
        .init(
          "suppressions",
          .array([
            .object([
              .init("kind", kind), .init("status", "accepted"), .init("justification", .string(allowance.reason)),
              .init("location", location(allowance.location, result)),
            ])
          ])))
    }
    return .object(members)
  }

  private static func open(_ open: Undetermined, _ result: some LocatedFindings) -> JSON {
    .object([
      .init("ruleId", .string(open.rule)), .init("kind", "open"), .init("level", "none"),
      .init("message", text("undetermined: \(open.unknown)")),
      .init("locations", .array([location(open.location, result)])),
    ])
  }

  private static func text(_ text: String) -> JSON { .object([.init("text", .string(text))]) }

  private static func location(_ location: Location, _ result: some LocatedFindings) -> JSON {
    var physical: [JSON.Member] = [
      .init("artifactLocation", .object([.init("uri", .string(uri(location.source)))]))
    ]
    if let region = result.region(of: location) { physical.append(.init("region", LintSARIF.region(region))) }
    var members: [JSON.Member] = [.init("physicalLocation", .object(physical))]
    if !location.path.isEmpty {
      members.append(
        .init("logicalLocations", .array([.object([.init("fullyQualifiedName", .string(location.path))])])))
    }
    return .object(members)
  }

  private static func region(_ region: TextRegion) -> JSON {
    let lines: [JSON.Member] = [
      .init("startLine", .integer(Int64(region.line))), .init("startColumn", .integer(Int64(region.scalarColumn))),
      .init("endLine", .integer(Int64(region.endLine))), .init("endColumn", .integer(Int64(region.scalarEndColumn))),
    ]
    if region.isTranscoded { return .object(lines) }
    let bytes: [JSON.Member] = [
      .init("byteOffset", .integer(Int64(region.range.lowerBound))),
      .init("byteLength", .integer(Int64(region.range.count))),
    ]
    return .object(lines + bytes)
  }

  /// A path as a URI reference (RFC 3986 §2, §4.2): all but unreserved characters and `/` are percent-encoded.
  static func uri(_ path: String) -> String {
    let digits = Array("0123456789ABCDEF")
    let encoded = path.utf8.map { byte -> String in
      let isUnreserved = byte.isASCIILetterOrDigit || "-._~/".utf8.contains(byte)
      return isUnreserved
        ? String(UnicodeScalar(byte)) : "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
    }.joined()
    return path.hasPrefix("/") ? "file://" + encoded : encoded
  }
}

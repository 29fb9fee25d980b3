import Facts
import Prediction
@testable import Report
import RuleCases
import Syntax
import XCTest

@testable import Rules

/// Branches of the reports that no other test of the built program notices.
final class ReportTests: XCTestCase {
  private static let text = "qemu-system-x86_64 -machine q35 -nodefaults \\\n  -device e1000e,id=a \\\n  -device e1000e,id=a\n"

  /// A definition with these findings instead of its own.
  private func result(_ findings: [(Severity, Range<Int>)], text: String = ReportTests.text) throws -> LintResult {
    let run = try CaseRun(text)
    var report = run.report
    let rule = try XCTUnwrap(Rule.named("dup-id"))
    report.findings = findings.map { severity, range in
      let location = Location(source: "text", range: range, path: "")
      return Finding(reportedBy: rule, severity: severity, message: "m", fix: "f", location: location, evidence: [], device: nil)
    }
    return LintResult(source: run.result.source, target: run.target, report: report)
  }

  /// The text of one definition.
  private func written(_ writer: some LintWriter, _ result: LintResult) -> String {
    var writer = writer
    return writer.add(result)
  }

  func testJUnitCountsFailuresFromTheThreshold() throws {
    let both = try result([(.error, 0..<4), (.warning, 0..<4), (.note, 0..<4)])
    for (threshold, failures) in [(Severity.error, 1), (.warning, 2), (.note, 3)] {
      let text = written(LintJUnit(failOn: threshold), both)
      XCTAssert(text.contains(" failures=\"\(failures)\" "), text)
      XCTAssertEqual(text.split(separator: "<failure ").count - 1, failures)
    }
  }

  /// A fact that only adds detail to a device that QEMU realizes, or refuses, is not one of them.
  func testTheMissingFactsAreThoseThatLeaveTheVerdictOpen() throws {
    var hasDetail = false, hasOpen = false
    for (one, run) in try CaseRun.all() {
      let result = LintResult(source: run.result.source, target: run.target, report: RuleRunner.check(run.target, by: []))
      let open = run.target.predictions.filter { $0.realize == .undetermined }
      hasDetail = hasDetail || run.target.predictions.contains { $0.realize != .undetermined && !$0.unknowns.isEmpty }
      hasOpen = hasOpen || !open.isEmpty
      if open.isEmpty { XCTAssertEqual(result.unknowns, [], one.title) }
      for prediction in open { XCTAssert(prediction.unknowns.allSatisfy(result.unknowns.contains), one.title) }
    }
    XCTAssert(hasDetail && hasOpen)
  }

  /// A column of another line would be one of the first.
  func testGitHubGetsAnEndColumnOnlyInOneLine() throws {
    XCTAssert(written(LintGitHub(), try result([(.error, 0..<4)])).contains(",endColumn=5,"))
    XCTAssertFalse(written(LintGitHub(), try result([(.error, 0..<60)])).contains("endColumn"))
  }

  func testALongLineIsCutAroundTheLocation() throws {
    let text = "qemu-system-x86_64 -machine q35 -nodefaults -name " + String(repeating: "x", count: 300) + " -device e1000e\n"
    let shown = written(LintText(style: .plain), try result([(.error, 351..<358)], text: text))
    let lines = shown.split(separator: "\n").filter { $0.contains(" | ") }
    XCTAssertEqual(lines.first?.count, 100)
    XCTAssertEqual(lines.first?.hasPrefix("  1 | …x"), true, shown)
    XCTAssertEqual(lines.last?.drop { $0 != "^" }, "^^^^^^^")
    let column = lines.last?.prefix { $0 != "^" }.count ?? 0
    XCTAssertEqual(lines.first?.dropFirst(column).prefix(7), "-device")
  }

  func testAListIsCutWhereItIsLonger() {
    for (count, text) in [(1, "0"), (2, "0, 1"), (3, "0, 1 and 1 more")] {
      XCTAssertEqual(MissingFacts.list((0..<count).map(String.init), upTo: 2), text)
    }
  }

  func testPointersBetweenTheirPlacesAreNamed() {
    var bytes = [UInt8](repeating: 0, count: 256)
    bytes.replaceSubrange(0..<4, with: [0x86, 0x80, 0, 1])
    (bytes[6], bytes[0x34], bytes[0x40]) = (0x10, 0x43, 5)
    func lines() -> [String] { ConfigReport(title: "", config: ConfigSpace(bytes, size: .known(256))).lines }
    XCTAssert(lines().contains("  unaligned pointers at 0x034"), "\(lines())")
    bytes[0x34] = 0x40
    XCTAssertFalse(lines().contains { $0.contains("unaligned") }, "\(lines())")
  }

  func testTheWhyOfARuleIsPrintedOnce() throws {
    let shown = written(LintText(style: .plain), try result([(.error, 0..<4), (.error, 5..<8)]))
    XCTAssertEqual(shown.split(separator: "\n").filter { $0.hasPrefix("  why: ") }.count, 1)
    XCTAssertEqual(shown.split(separator: "\n").filter { $0 == "  fix: f" }.count, 2)
  }

  func testControlCharactersAreShownAndNotSent() {
    XCTAssertEqual(printable("a\u{1b}[2J\u{7f}\u{9b}31m\n"), "a\\x1b[2J\\x7f\\x9b31m\\x0a")
    XCTAssertEqual(printable("ü \u{a0}"), "ü \u{a0}")
  }

  func testTheSummaryLeavesOutWhatIsSafeAndHasNoFindings() throws {
    var summary = LintSummary(style: .plain)
    let safe = "qemu-system-x86_64 -machine q35 -nodefaults\n"
    XCTAssertEqual(summary.add(try result([], text: safe)), "")
    XCTAssertEqual(summary.add(try result([(.note, 0..<4)], text: safe)), "text: safe\n")
    XCTAssertEqual(summary.add(try result([(.error, 0..<4)], text: safe)), "text: unsafe\n")
  }

  /// The rules that make a definition unsafe, and else those that keep it from being safe.
  func testAFleetsCellNamesTheRulesBehindItsVerdict() throws {
    var unsafe = try CaseRun(ReportTests.text).report
    let missing = Undetermined(
      reportedBy: try XCTUnwrap(Rule.named("no-reset")), severity: .error, unknown: Unknown("a", reason: "b"),
      location: Location(source: "text", range: nil, path: ""), device: nil)
    unsafe.undetermined = [missing, missing]
    var undetermined = unsafe
    undetermined.findings = []
    let run = try CaseRun(ReportTests.text)
    for (report, rules) in [(unsafe, ["dup-id"]), (undetermined, ["no-reset"])] {
      let result = LintResult(source: run.result.source, target: run.target, report: report)
      XCTAssertEqual(FleetTable.cell(result, on: "h", isClean: true).rules, rules)
    }
  }

  /// The front ends decide by these: the proxy refuses the first whatever the policy says, and libvirt's hook checks the
  /// second again when devices are bound.
  func testWhichRulesAreTreatedInAWayOfTheirOwn() {
    func names(_ isIn: (Rule) -> Bool) -> Set<String> { Set(Rule.all.filter(isIn).map(\.name)) }
    XCTAssertEqual(names(\.crashesGuest),
      [
        "mixed-backends", "fd-without-id", "realized-argument", "crashing-global", "sriov-pf-on-vfio", "crashes-qemu",
        "memory-plug-exceeds-limit",
      ])
    XCTAssertEqual(
      names(\.isRecheckedAtStart),
      ["not-bound", "group-not-viable", "device-in-use", "device-gone-0xff", "wrong-variant-driver", "iommufd-no-cdev"])
    XCTAssertEqual(
      names { !$0.canBeAllowed && !$0.isAboutCommands }, ["malformed-input", "policy-unknown-rule", "policy-expired"])
    XCTAssertEqual(names { $0.isAboutCommands && $0.canBeAllowed }, [])
  }
}

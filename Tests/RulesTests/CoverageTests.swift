import Prediction
import RuleCases
import Rules
import Support
import Syntax
import XCTest

/// Each refusal of QEMU is reported once.
final class CoverageTests: XCTestCase {
  func testEveryPredictedFailureIsReported() throws {
    var causes: Set<FailureCause> = []
    for (one, run) in try CaseRun.all() {
      for failure in run.target.predictions.compactMap(\.failure) {
        causes.insert(failure.cause)
        XCTAssert(
          run.report.findings.contains { $0.severity == .error }, "\(one): no rule reports \(failure.cause)")
        XCTAssertEqual(run.verdict, .unsafe, "\(one)")
      }
    }
    XCTAssertGreaterThan(causes.count, 20, "the cases show few failures: \(causes)")
  }

  /// No policy of the proxy allows such a rule, so a crash must not be left to realize-fails.
  func testEveryPredictedCrashIsReportedByARuleThatCrashesTheGuest() throws {
    var crashes = 0
    for (one, run) in try CaseRun.all() where run.target.predictions.contains(where: { $0.realize == .crashes }) {
      crashes += 1
      XCTAssert(run.report.findings.contains { Rule.named($0.rule)?.crashesGuest == true }, "\(one)")
    }
    XCTAssertGreaterThan(crashes, 5)
  }

  /// The command lines of Fixtures/realizes, on a host that is known and on one that is not.
  func testEveryRecordedRefusalIsReported() throws {
    let ugly = try Fixture.text("hosts/ugly.host").split(separator: "\n").map(String.init)
    let hosts = [try RuleCase.host(ugly), RuleCase.blindHost]
    var failures = 0
    for row in try Fixture.text("realizes/refusals-11.1.3.jsonl").split(separator: "\n") {
      guard let words = try JSON.parse(String(row))["argv"]?.array?.compactMap(\.string) else { continue }
      for host in hosts {
        let run = CaseRun(argv: ["qemu-system-x86_64"] + words, on: host)
        failures += run.target.predictions.filter { $0.failure != nil }.count
        for prediction in run.target.predictions where prediction.failure != nil {
          XCTAssert(run.report.findings.contains { $0.severity == .error }, "\(words): \(prediction.name)")
        }
      }
    }
    XCTAssertGreaterThan(failures, 500)
  }

  /// QEMU's own text stands only where no rule has more to say.
  func testRealizeFailsDoesNotRepeatWhatAnotherRuleReports() throws {
    for (one, run) in try CaseRun.all() {
      for prediction in run.target.predictions where prediction.failure != nil {
        let range = prediction.request.location.range ?? 0..<0
        let here = run.report.findings.filter { finding in
          finding.severity == .error && finding.location.source == prediction.request.location.source
            && finding.location.range.map { range.contains($0.lowerBound) } == true
        }
        guard here.contains(where: { $0.rule == "realize-fails" }) else { continue }
        let others = here.filter { $0.rule != "realize-fails" }.map(\.rule)
        XCTAssertEqual(others, [], "\(one): reported twice: \(here.map(\.message))")
      }
    }
  }

  /// A rule alone says what it says among all others, but for the two that wait for them, and where libvirt or Proxmox refuses
  /// the text before QEMU starts.
  func testARuleDoesNotDependOnTheOthers() throws {
    for (one, run) in try CaseRun.all()
    where !run.report.findings.contains(where: { ["libvirt-refuses", "malformed-input"].contains($0.rule) }) {
      for rule in Rule.all where !["realize-fails", "launch-fails"].contains(rule.name) {
        let alone = RuleRunner.check(run.target, by: [rule])
        XCTAssertEqual(alone.findings, run.own.findings.filter { $0.rule == rule.name }, "\(one): \(rule.name)")
      }
    }
  }
}

import Facts
import Prediction
import Rules
import XCTest

/// What QEMU refuses is told, once.
final class CoverageTests: XCTestCase {
  private func runs() throws -> [(RuleCase, CaseRun)] {
    try CaseFile.all().flatMap(\.cases).filter(\.isExecuted).map { ($0, try $0.run()) }
  }

  func testEveryPredictedFailureIsReported() throws {
    var causes: Set<FailureCause> = []
    for (one, run) in try runs() {
      for failure in run.definition.predictions.compactMap(\.failure) {
        causes.insert(failure.cause)
        XCTAssert(
          run.judgement.findings.contains { $0.severity == .error }, "\(one): nobody reports \(failure.cause)")
        XCTAssertEqual(run.verdict, .unsafe, "\(one)")
      }
    }
    XCTAssertGreaterThan(causes.count, 20, "the cases show few failures: \(causes)")
  }

  /// QEMU's own text stands only where no rule has more to say.
  func testRealizeFailsDoesNotRepeatWhatAnotherRuleReports() throws {
    for (one, run) in try runs() {
      for prediction in run.definition.predictions where prediction.failure != nil {
        let range = prediction.request.location.range ?? 0..<0
        let here = run.judgement.findings.filter { finding in
          finding.severity == .error && finding.location.source == prediction.request.location.source
            && finding.location.range.map { range.contains($0.lowerBound) } == true
        }
        guard here.contains(where: { $0.rule == "realize-fails" }) else { continue }
        let others = here.filter { $0.rule != "realize-fails" }.map(\.rule)
        XCTAssertEqual(others, [], "\(one): reported twice: \(here.map(\.message))")
      }
    }
  }

  /// A rule alone says what it says among all others, but for the one that waits for them.
  func testARuleDoesNotDependOnTheOthers() throws {
    for (one, run) in try runs() {
      for rule in Rule.all where rule.name != "realize-fails" {
        let alone = Judgement.judge(run.definition, by: [rule])
        XCTAssertEqual(alone.findings, run.findings(of: rule.name), "\(one): \(rule.name)")
      }
    }
  }
}

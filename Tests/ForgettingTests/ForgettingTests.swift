import Facts
import Host
import RuleCases
import Support
import XCTest

@testable import Rules

/// Forgetting never helps: a fact that is missing may turn a finding into "undetermined", never
/// into silence, and never makes a definition safe.
final class ForgettingTests: XCTestCase {
  func testNoLineOfARecordingCanBeLeftOutToMakeARuleSilent() throws {
    var tried = 0
    // Many cases share a recording.
    var recordings: [[String]: ForgetfulHost] = [:]
    for (one, before) in try CaseRun.all() {
      guard let lines = try one.recording() else { continue }
      if before.verdict == .safe, before.report.findings.isEmpty { continue }
      let hosts = try recordings[lines] ?? ForgetfulHost(lines)
      recordings[lines] = hosts
      let texts = try one.texts()
      for block in hosts.blocks {
        // A part that may be removed whole may be removed line by line.
        if block.count > 1, isSame(before, try rerun(one, texts, on: hosts.without(all: block), before)) {
          tried += block.count
          continue
        }
        for index in block {
          try compare(before, one, texts, on: hosts.without(index), "\(one)\nwithout `\(lines[index])`")
          tried += 1
        }
      }
    }
    XCTAssertGreaterThan(tried, 2000, "the recordings were not read")
  }

  /// The shortcut below gives what reading the shortened recording gives.
  func testALineThatIsTakenOutOfAHostIsTakenOutOfItsRecording() throws {
    let lines = try Fixture.text("hosts/ugly.host").split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init)
    let hosts = try ForgetfulHost(lines)
    for index in lines.indices.dropFirst() {
      let host = try hosts.without(index)
      var fewer = lines
      fewer.remove(at: index)
      XCTAssertEqual(HostRecording.render(host), HostRecording.render(try RuleCase.host(fewer)), lines[index])
    }
  }

  /// Nothing at all is known about the host: what was found in the text stays, the rest is open.
  func testWithoutAHostNothingBecomesSafe() throws {
    for (one, before) in try CaseRun.all() {
      try compare(before, one, one.texts(), on: RuleCase.blindHost, "\(one)\nwithout a host")
    }
  }

  /// The rules that had something to report, on another host.
  private func rerun(_ one: RuleCase, _ texts: CaseTexts, on host: Facts.Host, _ before: CaseRun) throws -> CaseRun {
    let names = Set(before.report.findings.map(\.rule) + before.report.undetermined.map(\.rule))
    return try one.run(texts, on: host, by: Rule.all.filter { names.contains($0.name) })
  }

  /// The same findings, unknowns and predictions.
  private func isSame(_ before: CaseRun, _ after: CaseRun) -> Bool {
    after.report.findings == before.report.findings && after.report.undetermined == before.report.undetermined
      && after.target.predictions.map(\.realize) == before.target.predictions.map(\.realize)
      && after.target.predictions.map(\.failure) == before.target.predictions.map(\.failure)
  }

  /// All rules are run only before the test fails.
  private func compare(
    _ before: CaseRun, _ one: RuleCase, _ texts: CaseTexts, on host: Facts.Host, _ what: @autoclosure () -> String
  ) throws {
    let after = try rerun(one, texts, on: host, before)
    if before.verdict != .safe, after.verdict == .safe {
      XCTAssertNotEqual(try one.run(texts, on: host).verdict, .safe, what())
    }
    for rule in Set(before.report.findings.map(\.rule)) {
      let missing = before.findings(of: rule).count - after.findings(of: rule).count
      guard missing > 0, after.undetermined(of: rule).count < missing else { continue }
      // Another rule may explain what realize-fails reported as the last resort, and what host-not-ready reported of all devices.
      if ["realize-fails", "host-not-ready"].contains(rule), try one.run(texts, on: host).verdict == .unsafe { continue }
      // A device whose refusal is certain without the fact has no guest to see anything: the verdict is unsafe.
      if Rule.named(rule)?.needsRealize == true, try one.run(texts, on: host).verdict == .unsafe { continue }
      XCTFail("\(what())\n\(rule) falls silent: \(before.findings(of: rule).map(\.message))")
    }
  }
}

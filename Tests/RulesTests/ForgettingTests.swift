import Host
import Rules
import Support
import XCTest

/// Forgetting never helps: a fact that is missing may turn what a rule says into "cannot tell", never
/// into silence, and never makes a definition safe.
final class ForgettingTests: XCTestCase {
  func testNoLineOfARecordingCanBeLeftOutToMakeARuleSilent() throws {
    var tried = 0
    // Many cases share a recording.
    var recordings: [[String]: ForgetfulHost] = [:]
    for one in try CaseFile.all().flatMap(\.cases) where one.isExecuted {
      guard let lines = try one.recording() else { continue }
      let before = try one.run()
      if before.verdict == .safe, before.judgement.findings.isEmpty { continue }
      let hosts = try recordings[lines] ?? ForgetfulHost(lines)
      recordings[lines] = hosts
      let texts = try one.texts()
      for block in hosts.blocks {
        // What does not matter when all of it is gone does not matter line by line.
        if block.count > 1, isSame(before, try one.definition(texts, on: try hosts.without(all: block))) {
          tried += block.count
          continue
        }
        for index in block {
          compare(before, try one.definition(texts, on: try hosts.without(index)), "\(one)\nwithout `\(lines[index])`")
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
    for one in try CaseFile.all().flatMap(\.cases) where one.isExecuted {
      compare(try one.run(), try one.definition(on: RuleCase.blindHost), "\(one)\nwithout a host")
    }
  }

  /// The same findings, the same open, the same predictions; said by the rules that had something to say.
  private func isSame(_ before: CaseRun, _ after: LintTarget) -> Bool {
    let names = Set(before.judgement.findings.map(\.rule) + before.judgement.undetermined.map(\.rule))
    let judgement = RuleRunner.check(after, by: Rule.all.filter { names.contains($0.name) })
    return judgement.findings == before.judgement.findings
      && judgement.undetermined == before.judgement.undetermined
      && after.predictions.map(\.realize) == before.definition.predictions.map(\.realize)
      && after.predictions.map(\.failure) == before.definition.predictions.map(\.failure)
  }

  /// Only the rules that had something to say are asked again; all of them before saying that a
  /// definition became safe.
  private func compare(_ before: CaseRun, _ after: LintTarget, _ what: @autoclosure () -> String) {
    let reported = Set(before.judgement.findings.map(\.rule))
    let talkative = reported.union(before.judgement.undetermined.map(\.rule))
    let judgement = RuleRunner.check(after, by: Rule.all.filter { talkative.contains($0.name) })
    if before.verdict != .safe, judgement.verdict(after.predictions) == .safe {
      XCTAssertNotEqual(RuleRunner.check(after).verdict(after.predictions), .safe, what())
    }
    for rule in reported {
      let missing = before.findings(of: rule).count - judgement.findings.filter { $0.rule == rule }.count
      guard missing > 0, judgement.undetermined.filter({ $0.rule == rule }).count < missing else { continue }
      // What realize-fails told as the last resort may become another rule's.
      if rule == "realize-fails", RuleRunner.check(after).verdict(after.predictions) == .unsafe { continue }
      XCTFail("\(what())\n\(rule) falls silent: \(before.findings(of: rule).map(\.message))")
    }
  }
}

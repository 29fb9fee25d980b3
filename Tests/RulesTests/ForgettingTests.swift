import Facts
import Rules
import XCTest

/// Forgetting never helps: a fact that is missing may turn what a rule says into "cannot tell", never
/// into silence, and never makes a definition safe.
final class ForgettingTests: XCTestCase {
  func testNoLineOfARecordingCanBeLeftOutToMakeARuleSilent() throws {
    var tried = 0
    // Many cases share a recording.
    var hosts: [[String]: Facts.Host] = [:]
    for one in try CaseFile.all().flatMap(\.cases) where one.isExecuted {
      guard let lines = try one.recording() else { continue }
      let before = try one.run()
      if before.verdict == .safe, before.judgement.findings.isEmpty { continue }
      for index in lines.indices.dropFirst() {
        var fewer = lines
        let gone = fewer.remove(at: index)
        let host = try hosts[fewer] ?? RuleCase.host(fewer)
        hosts[fewer] = host
        let after = CaseRun(try one.definition(on: host))
        compare(before, after, "\(one)\nwithout `\(gone)`")
        tried += 1
      }
    }
    XCTAssertGreaterThan(tried, 2000, "the recordings were not read")
  }

  /// Nothing at all is known about the host: what was found in the text stays, the rest is open.
  func testWithoutAHostNothingBecomesSafe() throws {
    for one in try CaseFile.all().flatMap(\.cases) where one.isExecuted {
      compare(try one.run(), CaseRun(try one.definition(on: RuleCase.blindHost)), "\(one)\nwithout a host")
    }
  }

  private func compare(_ before: CaseRun, _ after: CaseRun, _ what: @autoclosure () -> String) {
    if before.verdict != .safe { XCTAssertNotEqual(after.verdict, .safe, what()) }
    for rule in Set(before.judgement.findings.map(\.rule)) {
      let missing = before.findings(of: rule).count - after.findings(of: rule).count
      guard missing > 0, after.open(for: rule).count < missing else { continue }
      // What realize-fails told as the last resort may become another rule's.
      if rule == "realize-fails", after.verdict == .unsafe { continue }
      XCTFail("\(what())\n\(rule) falls silent: \(before.findings(of: rule).map(\.message))")
    }
  }
}

import Glibc
import RuleCases
import Support
import XCTest

@testable import Rules

final class CaseTests: XCTestCase {
  /// Every case gives what its `expect` block says.
  func testEveryCaseGivesWhatItExpects() throws {
    let isRecording = getenv("VFIOGATE_RECORD") != nil
    let runs = try Dictionary(uniqueKeysWithValues: CaseRun.all().map { ($0.0.description, $0.1) })
    for file in try CaseFile.all() {
      var recorded: [(block: RuleCase.Block?, after: Int, lines: [String])] = []
      for one in file.cases where one.isExecuted || one.isAboutCommands {
        let lines = try expectation(one, runs[one.description])
        let expected = one.block("expect")
        recorded.append((expected, one.blocks.map { $0.start + $0.lines.count }.max() ?? 0, lines))
        if !isRecording, expected?.lines != lines {
          XCTFail("\(one)\n\(difference(expected?.lines ?? [], lines))\nto record: \(recordCommand)")
        }
      }
      if isRecording { try write(recorded, to: file.rule) }
    }
    if isRecording { XCTFail("expectations were recorded: read the difference and run the tests again") }
  }

  private let recordCommand = "VFIOGATE_RECORD=1 swift test --filter RulesTests.CaseTests"

  private func expectation(_ one: RuleCase, _ run: CaseRun?) throws -> [String] {
    if one.isAboutCommands {
      let answer = try CommandCase(XCTUnwrap(one.block("qmp"), "\(one)").lines).answer()
      XCTAssertEqual(answer.contains(" refused: \(one.rule): "), one.kind == .refuses, "\(one): \(answer)")
      return [answer]
    }
    let run = try XCTUnwrap(run, "\(one)")
    checkKind(one, run)
    return run.expectation(for: one.rule)
  }

  private func checkKind(_ one: RuleCase, _ run: CaseRun) {
    let findings = run.findings(of: one.rule).count
    let open = run.undetermined(of: one.rule).count
    switch one.kind {
    case .reports: XCTAssertGreaterThan(findings, 0, "\(one): \(one.rule) reports nothing")
    case .silent:
      XCTAssertEqual(findings, 0, "\(one): \(one.rule) reports")
      XCTAssertEqual(open, 0, "\(one): \(one.rule) is undetermined: \(run.undetermined(of: one.rule))")
    case .undetermined: XCTAssertGreaterThan(open, 0, "\(one): \(one.rule) leaves nothing undetermined")
    case .neverInDoubt, .refuses, .passes: XCTFail("\(one) is a statement and has no definition")
    }
  }

  private func difference(_ old: [String], _ new: [String]) -> String {
    let changes = new.difference(from: old)
    let gone = changes.removals.map { change -> String in
      if case .remove(_, let line, _) = change { return "- " + line }
      return ""
    }
    let come = changes.insertions.map { change -> String in
      if case .insert(_, let line, _) = change { return "+ " + line }
      return ""
    }
    return (gone + come).joined(separator: "\n")
  }

  private func write(_ recorded: [(block: RuleCase.Block?, after: Int, lines: [String])], to rule: String) throws {
    let old = try Fixture.text("rules/\(rule).md").split(separator: "\n", omittingEmptySubsequences: false)
    var lines = old.map(String.init)
    for (block, after, new) in recorded.reversed() {
      if let block {
        lines.replaceSubrange(block.start..<block.start + block.lines.count, with: new)
      } else {
        lines.insert(contentsOf: ["```expect"] + new + ["```"], at: after + 1)
      }
    }
    try writeFile(Fixture.path("rules/\(rule).md"), lines.joined(separator: "\n"))
  }

  /// A rule without a case of each kind is not known to work.
  func testEveryRuleHasACaseOfEachKind() throws {
    for file in try CaseFile.all() {
      let kinds = Set(file.cases.map(\.kind))
      if Rule.named(file.rule)?.isAboutCommands == true {
        XCTAssertEqual(kinds, [.refuses, .passes], file.rule)
      } else {
        XCTAssert(kinds.isSuperset(of: [.reports, .silent]), "\(file.rule): a case reports, and one is silent")
        XCTAssert(
          kinds.contains(.undetermined) != kinds.contains(.neverInDoubt),
          "\(file.rule): either a case is undetermined, or the rule is never in doubt")
      }
      XCTAssertEqual(file.prose.first, "# \(file.rule)")
      XCTAssertFalse(file.prose.dropFirst().allSatisfy(\.isEmpty), "\(file.rule): no word about the rule")
    }
  }

  /// Consequences of a failure are not findings of their own. Besides errors, each of which is to be repaired anyway, only these
  /// are reported about a device that QEMU refuses: about the host's hardware and settings, the text, and the policy.
  func testNothingIsReportedOfWhatAGuestSeesOfARefusedDevice() throws {
    let ofTheHost: Set<String> = [
      "no-reset", "host-display", "wrong-variant-driver", "acs-override", "global-vfio-override", "xml-fork-attribute",
      "xml-ssidsize-spelling", "xml-not-qemu", "crlf-line-ends", "unquoted-value", "policy-expired", "policy-unknown-rule",
    ]
    for rule in Rule.all where rule.severity < .error && !rule.isAboutCommands {
      XCTAssertEqual(rule.explains, [], "\(rule.name) is an error")
      XCTAssertNotEqual(rule.needsRealize, ofTheHost.contains(rule.name), rule.name)
    }
    var refused = 0
    for (one, run) in try CaseRun.all() {
      let hosts = Set(run.target.assignments.filter { $0.failure != nil }.compactMap(\.host))
      refused += hosts.count
      let findings = run.own.findings.filter { finding in
        Rule.named(finding.rule)?.needsRealize == true && finding.device?.host.map(hosts.contains) == true
      }
      XCTAssertEqual(findings.map(\.message), [], "\(one)")
    }
    XCTAssertGreaterThan(refused, 100)
  }

  /// "Never in doubt" is a claim: such a rule leaves nothing undetermined, whatever is not known.
  func testARuleThatIsNeverInDoubtNeedsNoFacts() throws {
    let files = try CaseFile.all()
    let sure = files.filter { $0.cases.contains { $0.kind == .neverInDoubt } }.map(\.rule)
    for one in files.flatMap(\.cases) where one.isExecuted {
      let run = try one.run(one.texts(), on: RuleCase.blindHost, qemu: .notKnown)
      for rule in sure {
        XCTAssertEqual(run.undetermined(of: rule), [], "\(rule) on \(one)")
      }
    }
  }
}

import Facts
import RuleCases
import XCTest

@testable import Rules

/// Allowances of a policy and of comments, and the verdict that follows.
final class PolicyTests: XCTestCase {
  /// Two findings of dup-id, of which neither needs a host; without a vfio device nothing else is predicted.
  private static let twoLines = [
    "qemu-system-x86_64 -machine q35 -nodefaults \\", "  -device e1000e,id=a \\", "  -device e1000e,id=a \\",
    "  -device rtl8139,id=a",
  ]

  /// A comment that is about the argument in the line below it.
  private func lint(comment: String, before line: Int) throws -> CaseRun {
    var lines = PolicyTests.twoLines
    lines.insert("    # vfiogate: " + comment, at: line)
    return try CaseRun(lines.joined(separator: "\n") + "\n")
  }

  private func duplicates(_ run: CaseRun) -> Int { run.findings(of: "dup-id").count }

  func testACommentCoversItsArgumentOnly() throws {
    XCTAssertEqual(duplicates(try CaseRun(PolicyTests.twoLines.joined(separator: "\n") + "\n")), 2)
    for (line, rest) in [(1, 2), (2, 1), (3, 1)] {
      let run = try lint(comment: "allow=dup-id the last one wins", before: line)
      XCTAssertEqual(duplicates(run), rest, "before line \(line)")
      XCTAssertEqual(run.report.suppressed.count, 2 - rest, "before line \(line)")
      XCTAssertEqual(run.verdict, .unsafe)
    }
    XCTAssertEqual(duplicates(try lint(comment: "allow=no-reset another rule", before: 2)), 2)
  }

  /// A scope is a part of one text: the same offsets in an included file are something else.
  func testACommentDoesNotCoverAnotherText() throws {
    for (source, rest) in [("text", 0), ("included", 2)] {
      var report = try CaseRun(PolicyTests.twoLines.joined(separator: "\n") + "\n").report
      var policy = Policy.none
      let comment = Location(source: source, range: 0..<1, path: "comment")
      policy.allowances = [Policy.Allowance(rule: "dup-id", reason: "x", scope: 0..<1000, location: comment)]
      report.apply(policy, guest: nil)
      XCTAssertEqual(report.findings.count, rest, source)
    }
  }

  func testWhatThePolicyAllowsIsSafeByPolicyAndNeverSafe() throws {
    let text = PolicyTests.twoLines.joined(separator: "\n") + "\n"
    func verdict(_ policy: String) throws -> Verdict { try CaseRun(text, policy: policy).verdict }
    XCTAssertEqual(try verdict("[allow \"dup-id\"]\nreason = \"x\"\n"), .safeByPolicy)
    XCTAssertEqual(try verdict("[severity \"dup-id\"]\nlevel = \"note\"\n"), .safeByPolicy)
    XCTAssertEqual(try verdict("[severity \"dup-id\"]\nlevel = \"error\"\n"), .unsafe)
    XCTAssertEqual(try verdict("[allow \"no-reset\"]\nreason = \"x\"\n"), .unsafe)
  }

  /// An error that could not be excluded is one that the policy allows, too.
  func testAnAllowedRuleThatIsUndeterminedIsSafeByPolicy() throws {
    let text = "qemu-system-x86_64 -machine q35 -nodefaults -device e1000e,id=\"$A\",realized=\"$B\"\n"
    XCTAssertEqual(try CaseRun(text).report.undetermined.map(\.rule), ["realized-argument"])
    XCTAssertEqual(try CaseRun(text).verdict, .undetermined)
    for policy in [
      "[allow \"realized-argument\"]\nreason = \"x\"\n", "[severity \"realized-argument\"]\nlevel = \"note\"\n",
    ] {
      XCTAssertEqual(try CaseRun(text, policy: policy).verdict, .safeByPolicy, policy)
    }
  }

  func testAnAllowanceEndsAfterItsDay() throws {
    let text = PolicyTests.twoLines.joined(separator: "\n") + "\n"
    for (day, rest) in [("2026-06-14", 2), ("2026-06-15", 0), ("2026-06-16", 0)] {
      let run = try CaseRun(text, policy: "[allow \"dup-id\"]\nreason = \"x\"\nuntil = \"\(day)\"\n")
      XCTAssertEqual(duplicates(run), rest, day)
      XCTAssertEqual(run.findings(of: "policy-expired").count, rest == 0 ? 0 : 1, day)
    }
  }

  func testAGuestsAllowanceIsForThatGuestOnly() throws {
    let policy = "[guest \"web*\"]\nallow = \"dup-id\"\nreason = \"x\"\n"
    for (name, rest) in [("-name web1 ", 0), ("-name db ", 2), ("", 2)] {
      var lines = PolicyTests.twoLines
      lines[0] = "qemu-system-x86_64 \(name)-machine q35 -nodefaults \\"
      XCTAssertEqual(duplicates(try CaseRun(lines.joined(separator: "\n") + "\n", policy: policy)), rest, name)
    }
  }

  /// Neither allowed nor lowered.
  func testWhatAPolicyCannotChangeStays() throws {
    let text = "qemu-system-x86_64 -machine q35 -device '{\"driver\":'\n"
    for rule in ["malformed-input", "second-monitor"] {
      for policy in ["[allow \"\(rule)\"]\nreason = \"x\"\n", "[severity \"\(rule)\"]\nlevel = \"note\"\n"] {
        let run = try CaseRun(text, policy: policy)
        XCTAssertEqual(run.findings(of: "malformed-input").map(\.severity), [.error], policy)
        XCTAssertEqual(run.findings(of: "policy-unknown-rule").map(\.message), ["`\(rule)` cannot be changed by a policy"])
      }
    }
  }

  /// The definition's own text comes first, then the policy's.
  func testFindingsAreInTheOrderOfTheText() throws {
    let policy = "[allow \"not-a-rule\"]\nreason = \"x\"\n"
    let run = try CaseRun(PolicyTests.twoLines.joined(separator: "\n") + "\n", policy: policy)
    XCTAssertEqual(run.report.findings.map(\.rule), ["dup-id", "dup-id", "policy-unknown-rule"])
    let places = run.report.findings.prefix(2).compactMap { $0.location.range?.lowerBound }
    XCTAssertEqual(places, places.sorted())
  }
}

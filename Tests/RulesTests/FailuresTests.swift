import RuleCases
import Rules
import Support
import XCTest

/// Fixtures/failures: the thirty failures that cost users most, and which of them are found before they
/// happen.
final class FailuresTests: XCTestCase {
  private func found() throws -> [(number: Int, one: RuleCase)] {
    try CaseFile(rule: "found", in: "failures").cases.map { one in
      let number = one.title.split(separator: ":").last?.split(separator: ",").first.flatMap { Int($0.drop { $0 == " " }) }
      return (try XCTUnwrap(number, one.title), one)
    }
  }

  /// The `expect` block's entry for one finding.
  private func expected(_ one: RuleCase) throws -> [String: String] {
    let lines = try XCTUnwrap(one.block("expect"), one.title).lines
    return Dictionary(
      lines.map { line in
        let parts = line.split(separator: ":", maxSplits: 1)
        return (String(parts[0]), String(parts.last?.drop { $0 == " " } ?? ""))
      }, uniquingKeysWith: { first, _ in first })
  }

  func testEachIsFoundWithDeviceOffenderAndFix() throws {
    for (_, one) in try found() {
      let wanted = try expected(one)
      let rule = try XCTUnwrap(wanted["rule"]), device = try XCTUnwrap(wanted["device"])
      let offender = try XCTUnwrap(wanted["offender"]), fix = try XCTUnwrap(wanted["fix"])
      let findings = try one.run().report.findings.filter { $0.rule == rule }
      XCTAssert(
        findings.contains { $0.message.contains(device) && $0.message.contains(offender) && $0.fix == fix },
        "\(one.title): \(rule) says \(findings.map { "\($0.message); \($0.fix)" })")
    }
  }

  func testAtLeastTwentyOfTheThirtyAreFound() throws {
    XCTAssertGreaterThanOrEqual(Set(try found().map(\.number)).count, 20)
  }

  /// The README has a row for each of the thirty: with the rule where it is found, else with the reason.
  func testTheListTellsWhatTheCasesShow() throws {
    let rows = try Fixture.text("failures/README.md").split(separator: "\n").compactMap { line -> (Int, Substring)? in
      let cells = line.split(separator: "|")
      guard cells.count == 3, let number = Int(cells[0].filter { $0 != " " }) else { return nil }
      return (number, cells[2])
    }
    XCTAssertEqual(rows.map(\.0), Array(1...30))
    let found = try Dictionary(grouping: found(), by: \.number)
    for (number, text) in rows {
      guard let cases = found[number] else {
        XCTAssert(text.contains("not beforehand"), "\(number): \(text)")
        continue
      }
      for (_, one) in cases {
        let rule = try XCTUnwrap(expected(one)["rule"])
        XCTAssert(text.contains("[\(rule)](../../RULES.md#\(rule))"), "\(number): \(text) does not name \(rule)")
      }
    }
  }
}

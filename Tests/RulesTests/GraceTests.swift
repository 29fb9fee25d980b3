import Glibc
import RuleCases
import Support
import XCTest

/// The definitions of Fixtures/hosts/README.md on Grace-class hosts.
final class GraceTests: XCTestCase {
  func testEachDefinitionIsJudgedAsThePageSays() throws {
    let file = try CaseFile(rule: "README", in: "hosts")
    XCTAssertGreaterThanOrEqual(file.cases.count, 12)
    var page = try Fixture.text("hosts/README.md").split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    for one in file.cases.reversed() {
      let lines = try one.run().expectation(for: "README")
      let expected = try XCTUnwrap(one.block("expect"), "\(one)")
      if getenv("VFIOGATE_RECORD") == nil {
        XCTAssertEqual(expected.lines, lines, "\(one)")
        let verdicts: [RuleCase.Kind: String] = [.reports: "unsafe", .silent: "safe", .undetermined: "undetermined"]
        XCTAssertEqual(lines.last, verdicts[one.kind].map { "verdict: \($0)" }, "\(one)")
      } else {
        page.replaceSubrange(expected.start..<expected.start + expected.lines.count, with: lines)
      }
    }
    guard getenv("VFIOGATE_RECORD") != nil else { return }
    try writeFile(Fixture.path("hosts/README.md"), page.joined(separator: "\n"))
    XCTFail("expectations were recorded: read the difference and run the tests again")
  }
}

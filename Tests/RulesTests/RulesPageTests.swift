import Glibc
import Report
import Rules
import Support
import XCTest

final class RulesPageTests: XCTestCase {
  func testTheRulesPageIsFresh() throws {
    let path = Fixture.path("../RULES.md")
    let page = RulesPage.markdown(Rule.all)
    if getenv("VFIOGATE_RECORD") != nil {
      try writeFile(path, page)
      XCTFail("RULES.md was written anew: read the difference and run the tests again")
    } else {
      let old = (try? readFile(path)).map { String(decoding: $0, as: UTF8.self) }
      XCTAssert(old == page, "RULES.md is not fresh; VFIOGATE_RECORD=1 swift test --filter RulesTests.RulesPageTests")
    }
  }

  func testEveryRuleHasItsAnchor() {
    let page = RulesPage.markdown(Rule.all)
    for rule in Rule.all {
      XCTAssert(page.contains("\n## \(rule.name)\n"), rule.name)
      XCTAssert(page.contains("](#\(rule.name))"), rule.name)
    }
  }
}

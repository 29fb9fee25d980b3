import Facts
import XCTest

final class PolicyFactsTests: XCTestCase {
  func testDaysAreThoseOfTheCalendar() {
    for text in ["2024-02-29", "2000-02-29", "2027-12-31", "2023-02-28"] { XCTAssertEqual(Day(text)?.description, text) }
    for text in ["2023-02-29", "1900-02-29", "2024-02-30", "2024-13-01", "2024-00-10", "2024-04-31", "24-1-1", "2024-01-00"] {
      XCTAssertNil(Day(text), text)
    }
    XCTAssertLessThan(Day(year: 2026, month: 12, day: 31), Day(year: 2027, month: 1, day: 1))
  }

  func testAPatternMatchesWholeNames() {
    let matching = [("web-*", "web-1"), ("*", ""), ("w?b", "web"), ("*a*b", "xaxb"), ("a*b*c", "abbc")]
    for (pattern, name) in matching { XCTAssert(Glob(pattern).matches(name), "\(pattern) \(name)") }
    for (pattern, name) in [("web", "web-1"), ("w?b", "wb"), ("*a", "ab"), ("a*b", "ac"), ("", "a")] {
      XCTAssertFalse(Glob(pattern).matches(name), "\(pattern) \(name)")
    }
  }
}

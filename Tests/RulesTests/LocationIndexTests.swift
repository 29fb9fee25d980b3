import Facts
import Support
import XCTest

@testable import Rules

/// Searching locations, held against a search one by one.
final class LocationIndexTests: XCTestCase {
  private func location(_ range: Range<Int>?, _ source: String = "a") -> Location { Location(source: source, range: range, path: "") }

  func testOverlapIsThatOfTheRanges() {
    var random = SeededGenerator(seed: 7)
    for _ in 0..<500 {
      let all = (0..<Int.random(in: 0...6, using: &random)).map { _ in
        let low = Int.random(in: 0...20, using: &random)
        return location(low..<low + Int.random(in: 0...8, using: &random), Bool.random(using: &random) ? "a" : "b")
      }
      let low = Int.random(in: 0...20, using: &random)
      let asked = location(low..<low + Int.random(in: 0...8, using: &random))
      let expected = all.contains { $0.source == "a" && ($0.range.map { asked.range?.overlaps($0) == true } ?? false) }
      XCTAssertEqual(LocationIndex(all).overlaps(asked), expected, "\(asked) among \(all)")
    }
  }

  func testTheLocationAroundAnotherIsFound() {
    let index = LocationIndex([location(nil), location(20..<30), location(0..<10), location(20..<30, "b")])
    XCTAssertEqual(index.around(location(2..<10)), 2)
    XCTAssertEqual(index.around(location(20..<21)), 1)
    XCTAssertEqual(index.around(location(29..<30, "b")), 3)
    for missing in [location(2..<11), location(12..<13), location(30..<31), location(2..<3, "c"), location(nil)] {
      XCTAssertNil(index.around(missing), "\(missing)")
    }
  }
}

import XCTest

@testable import Prediction

final class SharedMapTests: XCTestCase {
  /// A key of which many have one hash.
  private struct Key: Hashable, Sendable {
    let number: Int
    func hash(into hasher: inout Hasher) { hasher.combine(number % 5) }
  }

  func testItHasWhatADictionaryHasAlsoWhereHashesAreEqual() {
    var map = SharedMap<Key, Int>()
    var dictionary: [Key: Int] = [:]
    for number in 0..<400 {
      let key = Key(number: number * 7 % 101)
      let value = number % 3 == 0 ? nil : number
      map[key] = value
      dictionary[key] = value
      XCTAssertEqual(map.count, dictionary.count)
    }
    XCTAssertEqual(Dictionary(map.map { ($0.key, $0.value) }) { $1 }, dictionary)
    for number in 0..<110 { XCTAssertEqual(map[Key(number: number)], dictionary[Key(number: number)]) }
    XCTAssertEqual(map.keys.count, dictionary.count)
    XCTAssertEqual(map.isEmpty, dictionary.isEmpty)
  }

  func testACopyDoesNotChange() {
    var map = SharedMap<Int, String>()
    for number in 0..<100 { map[number] = "old" }
    let copy = map
    for number in 0..<100 { map[number] = number % 2 == 0 ? nil : "new" }
    map[200] = "new"
    XCTAssertEqual(copy.count, 100)
    XCTAssertTrue(copy.values.allSatisfy { $0 == "old" })
    XCTAssertEqual(map.count, 51)
    XCTAssertNil(copy[200])
  }

  func testASetCountsAnElementOnce() {
    var set = SharedSet<Int>()
    XCTAssertTrue(set.isEmpty)
    for number in [1, 2, 1] { set.insert(number) }
    XCTAssertEqual(set.count, 2)
    XCTAssertTrue(set.contains(1))
    XCTAssertFalse(set.contains(3))
  }
}

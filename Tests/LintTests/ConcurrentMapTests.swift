import Glibc
import XCTest

@testable import Lint

final class ConcurrentMapTests: XCTestCase {
  func testOutputsAreInTheOrderOfTheInputs() {
    for count in [0, 1, 7, 8, 15, 16, 17, 63, 64, 65, 1000] {
      let inputs = Array(0..<count)
      XCTAssertEqual(concurrentMap(inputs) { "\($0)" }, inputs.map { "\($0)" }, "\(count) inputs")
    }
  }

  func testManyInputsAreSharedAmongTheProcessors() {
    let threads = concurrentMap(Array(0..<Processors.window)) { _ in
      usleep(1000)
      return pthread_self()
    }
    XCTAssertEqual(Set(threads).count, Processors.count)
  }

  func testOfFewInputsNoThreadIsMade() {
    let few = Array(0..<2 * Processors.fewest - 1)
    XCTAssertEqual(Set(concurrentMap(few) { _ in pthread_self() }), [pthread_self()])
  }

  /// Long enough that threads overlap, each with its own memory.
  func testThreadsDoNotDisturbEachOther() {
    let sums = concurrentMap(Array(0..<400)) { seed in
      (0..<200).reduce(into: [String: Int]()) { $0["\($1 % 17)", default: 0] += seed }.values.reduce(0, +)
    }
    XCTAssertEqual(sums, (0..<400).map { $0 * 200 })
  }
}

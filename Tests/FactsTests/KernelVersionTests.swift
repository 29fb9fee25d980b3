import Facts
import XCTest

final class KernelVersionTests: XCTestCase {
  func testItReadsTheFirstTwoNumbersOfARelease() {
    XCTAssertEqual(KernelVersion("7.3.4-1-amd64"), KernelVersion(7, 3))
    XCTAssertEqual(KernelVersion("6.12-rc1"), KernelVersion(6, 12))
    XCTAssertEqual(KernelVersion("6.1"), KernelVersion(6, 1))
    for text in ["", "7", "7.", "x.1", "7.x"] { XCTAssertNil(KernelVersion(text), text) }
  }

  func testVersionsAreOrderedByNumber() {
    XCTAssertLessThan(KernelVersion(6, 12), KernelVersion(7, 1))
    XCTAssertLessThan(KernelVersion(6, 9), KernelVersion(6, 12))
    XCTAssertGreaterThanOrEqual(KernelVersion(7, 1), KernelVersion(7, 1))
  }
}

import Inputs
import Syntax
import XCTest

/// The single argument of `device_add` in the human monitor.
final class HMPArgumentTests: XCTestCase {
  private func problems(_ line: String) -> [String] {
    ParsedInput.parse(SourceText(name: "hmp", bytes: Array(line.utf8)), as: .hmp).problems.map(\.message)
  }

  /// QEMU 11.1.3 answers `device_add: extraneous characters at the end of line`.
  func testTextBehindTheArgumentIsRefused() {
    let message = "text follows the argument of `device_add`: QEMU answers `extraneous characters at the end of line`"
    XCTAssertEqual(problems("device_add vfio-pci,host=01:00.0,id=a b"), [message])
    XCTAssertEqual(problems("device_add \"vfio-pci,host=01:00.0\" x"), [message])
    XCTAssertEqual(problems("device_add \"vfio-pci,host=01:00.0,id=a b\"  "), [])
    XCTAssertEqual(problems("device_add vfio-pci,host=01:00.0"), [])
    XCTAssertEqual(problems("object_add iommufd,id=a b"), [])
  }
}

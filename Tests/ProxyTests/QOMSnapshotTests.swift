import Syntax
import XCTest

@testable import Proxy

/// The guest's PCI topology as QEMU reports it.
final class QOMSnapshotTests: XCTestCase {
  /// QEMU's text has `(null)` for a device without an id.
  func testADeviceWithoutAnIdIsReadAsSuch() throws {
    func device(_ slot: Int64, _ id: JSON) -> JSON {
      ["slot": .integer(slot), "function": 0, "qdev_id": id, "class_info": ["desc": "Ethernet controller"]]
    }
    let answers: [JSON] = [
      [], [["bus": 0, "devices": [device(3, ""), device(4, "n")]]], [:], [["name": "n", "type": "child<e1000e>"]], [], [],
      "pc-q35-11.1-machine", [:], false,
    ]
    let bus = try XCTUnwrap(QOMSnapshot(answers.map { .success($0) }).guest().bus(named: "pcie.0"))
    XCTAssertNil(bus.occupants[3 * 8]?.id)
    XCTAssertEqual(bus.occupants[3 * 8]?.driver, "Ethernet controller")
    XCTAssertEqual(bus.occupants[4 * 8]?.id, "n")
    XCTAssertEqual(bus.occupants[4 * 8]?.driver, "e1000e")
  }
}

import Facts
import Prediction
import XCTest

/// Values of device_add that QEMU 7.2 makes text of (observed on 7.2.22).
final class TextualRequestTests: XCTestCase {
  func testNumbersWithAFraction() {
    let location = Location(source: "t", range: nil, path: "device_add")
    func text(_ number: Double) -> PropertyValue? {
      let properties = [Property(name: "addr", value: .real(number), location: location)]
      return DeviceRequest(form: .json, plug: .hot, properties: properties, location: location)
        .asRead(by: .released(7, 2, "7.2.22")).value("addr")
    }
    XCTAssertEqual(text(24), .string("24"))
    XCTAssertEqual(text(1.5), .string("1.5"))
    // QEMU writes 0.10000000000000001, which is no function of a slot.
    XCTAssertEqual(text(0.1), .unknown("0.1"))
    XCTAssertEqual(text(1e300)?.isUnknown, true)
    // A shorter text of more digits is not known to be QEMU's.
    XCTAssertEqual(text(1234567.5)?.isUnknown, true)
  }
}

import Facts
import XCTest

final class QEMUBoolTests: XCTestCase {
  func testItAcceptsExactlyWhatQEMUDoes() {
    for text in ["on", "yes", "true", "y"] { XCTAssertEqual(QEMUBool(text), .on, text) }
    for text in ["off", "no", "false", "n"] { XCTAssertEqual(QEMUBool(text), .off, text) }
    for text in ["", "ON", "Yes", "1", "0", "on ", "auto", "nope", "t", "f"] { XCTAssertEqual(QEMUBool(text), .invalid, text) }
  }

  func testAValueKeepsItsType() {
    XCTAssertEqual(QEMUBool(.bool(true)), .on)
    XCTAssertEqual(QEMUBool(.bool(false)), .off)
    XCTAssertEqual(QEMUBool(.string("n")), .off)
    XCTAssertEqual(QEMUBool(.integer(1)), .invalid)
    XCTAssertEqual(QEMUBool(.null), .invalid)
    XCTAssertEqual(QEMUBool(.unknown("$x")), .undetermined)
  }

  func testAFlagIsItsDefaultUnlessItIsGivenAndUnknownWhereOnlyTheShellKnows() {
    func flag(_ value: PropertyValue?) -> Known<Bool> {
      let location = Location(source: "test", range: nil, path: "")
      let given = value.map { [Property(name: "shpc", value: $0, location: location)] } ?? []
      return DeviceRequest(form: .keyval, plug: .cold, properties: given, location: location).flag("shpc", default: true)
    }
    XCTAssertEqual(flag(nil), .known(true))
    XCTAssertEqual(flag(.string("no")), .known(false))
    XCTAssertEqual(flag(.string("y")), .known(true))
    XCTAssertEqual(flag(.string("maybe")), .known(true))
    XCTAssertEqual(flag(.unknown("$x")), .unknown("shpc of a device", "written as $x"))
  }
}

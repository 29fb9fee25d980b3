import Facts
import Prediction
import XCTest

/// QEMU's booleans have four spellings each (QEMU qapi/qapi-util.c: qapi_bool_parse).
final class BooleanSpellingTests: XCTestCase {
  private let device = "-device vfio-pci,host=0000:01:00.0,bus=pcie.0"

  func testABoardDeviceThatIsSwitchedOffLeavesItsSlotInEverySpelling() {
    for (option, function) in [("sata", "1f.2"), ("smbus", "1f.3")] {
      for text in ["off", "no", "false", "n"] {
        let failure = Machines.predict("-M q35,\(option)=\(text) \(device),addr=\(function)").last?.failure
        XCTAssertNil(failure, "\(option)=\(text)")
      }
      for text in ["on", "yes", "true", "y"] {
        let failure = Machines.predict("-M q35,\(option)=\(text) \(device),addr=\(function)").last?.failure
        XCTAssertEqual(failure?.cause, .slotTaken, "\(option)=\(text)")
      }
    }
  }

  func testABooleanPropertyIsRefusedInNoSpellingOfItsOwn() {
    for text in ["on", "yes", "true", "y", "off", "no", "false", "n"] {
      XCTAssertNil(Machines.predict("\(device),addr=3,x-no-mmap=\(text)").last?.failure, text)
    }
    XCTAssertEqual(Machines.predict("\(device),addr=3,x-no-mmap=1").last?.failure?.text, "Parameter 'x-no-mmap' expects 'on' or 'off'")
  }
}

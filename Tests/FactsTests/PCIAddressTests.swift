import Facts
import XCTest

final class PCIAddressTests: XCTestCase {
  func testItReadsWhatTheKernelAndLspciWrite() {
    XCTAssertEqual(PCIAddress("0000:01:00.0")?.description, "0000:01:00.0")
    XCTAssertEqual(PCIAddress("01:1f.7")?.description, "0000:01:1f.7")
    XCTAssertEqual(PCIAddress("10000:e1:00.0")?.description, "10000:e1:00.0")
    XCTAssertEqual(PCIAddress("0009:01:00.0")?.domain, 9)
  }

  func testItReadsNothingElse() {
    for text in [
      "", "01:00", "1:00.0", "01:0.0", "0000:01:00", "0000:01:00.8", "0000:01:20.0", "0000:01:00.00",
      "000:01:00.0", "+000:01:00.0", "0000:+1:00.0", "0000:01:00.", "0000:01:00.0 ", "g000:01:00.0",
      "123456789:01:00.0", "pci0000:00", "0000:01:00.0.0", "-1:00.0", "0000:01:0-.0",
    ] {
      XCTAssertNil(PCIAddress(text), text)
    }
  }

  func testAddressesAreOrderedByDomainFirst() {
    let texts = ["0001:00:00.0", "0000:ff:1f.7", "0000:00:02.0", "0000:00:01.1"]
    XCTAssertEqual(
      texts.compactMap { PCIAddress($0) }.sorted().map(\.description),
      ["0000:00:01.1", "0000:00:02.0", "0000:ff:1f.7", "0001:00:00.0"])
  }

  func testOtherSpellingsMeanAnAddress() {
    for text in ["01:00:0", "1:0.0", "0000:01:00:0", "pci_0000_01_00_0", "0000-01-00.0", "01:00.0.", "0:1:0.0"] {
      XCTAssertEqual(PCIAddress.meant(by: text)?.description, "0000:01:00.0", text)
    }
    for text in ["", "gpu", "01:00", "01:00:9", "01:40.0", "1:2:3:4:5:6:7:8:9", "100:00.0", "-1:-1:-1"] {
      let meant = PCIAddress.meant(by: text)
      if let meant { XCTAssertNotNil(PCIAddress("\(meant)"), text) }
    }
    for text in ["", "gpu", "01:00", "01:00:9", "01:40.0"] { XCTAssertNil(PCIAddress.meant(by: text), text) }
    XCTAssertEqual(PCIAddress.complaint(about: "gpu"), "`gpu` is not a PCI address; write it like 0000:01:00.0.")
  }
}

import Facts
import XCTest

final class ATSCapabilityTests: XCTestCase {
  private func ats(capability: UInt16, control: UInt16) -> ATSCapability? {
    var image = Image()
    image.extended(0x100, id: 0x0f, next: 0)
    image.word(0x104, capability)
    image.word(0x106, control)
    return image.space.ats.display ?? nil
  }

  func testItsRegistersAreDecoded() throws {
    let found = try XCTUnwrap(ats(capability: 0x0025, control: 0x8003))
    XCTAssertEqual(found.offset, 0x100)
    XCTAssertEqual(found.invalidateQueueDepth, .known(5))
    XCTAssertEqual(found.pageAligned, .known(true))
    XCTAssertEqual(found.enabled, .known(true))
    XCTAssertEqual(found.smallestTranslationUnit, .known(3))
  }

  func testAQueueDepthOfZeroMeans32() {
    XCTAssertEqual(ats(capability: 0, control: 0)?.invalidateQueueDepth, .known(32))
    XCTAssertEqual(ats(capability: 0, control: 0)?.enabled, .known(false))
  }

  func testRegistersBeyondTheImageAreUnknown() {
    var image = Image()
    image.extended(0x100, id: 0x0f, next: 0)
    let space = ConfigSpace(bytes: image.bytes.prefix(0x104).map { $0 }, size: .known(4096))
    XCTAssertEqual(space.ats.display??.enabled.isKnown, false)
  }

  func testCapabilitiesHaveTheNamesOfTheSpecification() {
    XCTAssertEqual(Capability.standardName(0x10), "PCI Express")
    XCTAssertEqual(Capability.standardName(0x15), "Flattening Portal Bridge")
    XCTAssertNil(Capability.standardName(0x16))
    XCTAssertEqual(Capability.extendedName(0x0f), "Address Translation Service")
    XCTAssertEqual(Capability.extendedName(0x1b), "Process Address Space ID")
    XCTAssertEqual(Capability.extendedName(0x26), "Physical Layer 16.0 GT/s")
    XCTAssertEqual(Capability.extendedName(0x2e), "Data Object Exchange")
    XCTAssertEqual(Capability.extendedName(0x30), "Integrity and Data Encryption")
    XCTAssertEqual(Capability.extendedName(0x36), "MMIO Register Block Locator")
    XCTAssertNil(Capability.extendedName(0x14))
    XCTAssertNil(Capability.extendedName(0xffff))
  }
}

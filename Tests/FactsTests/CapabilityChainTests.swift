import Facts
import XCTest

final class CapabilityChainTests: XCTestCase {
  func testAChainIsWalkedInItsOrder() {
    var image = Image()
    image.standard(0x40, id: 0x01, next: 0x78)
    image.standard(0x78, id: 0x10, next: 0x50)
    image.standard(0x50, id: 0x05, next: 0)
    let chain = image.space.standardChain
    XCTAssertEqual(chain.capabilities.map(\.id), [0x01, 0x10, 0x05])
    XCTAssertEqual(chain.capabilities.map(\.offset), [0x40, 0x78, 0x50])
    XCTAssertEqual(chain.end, .complete)
    XCTAssertEqual(image.space.hasPCIExpress, .known(true))
  }

  func testAnExtendedChainGivesIdVersionAndOffset() {
    var image = Image()
    image.extended(0x100, id: 0x01, version: 2, next: 0x2b0)
    image.extended(0x2b0, id: 0x0f, next: 0)
    XCTAssertEqual(
      image.space.extendedChain.capabilities,
      [Capability(id: 1, version: 2, offset: 0x100), Capability(id: 15, version: 1, offset: 0x2b0)])
    XCTAssertEqual(image.space.extendedChain.end, .complete)
  }

  func testALoopEndsTheWalkAndLosesNothing() {
    var image = Image()
    image.standard(0x40, id: 0x01, next: 0x50)
    image.standard(0x50, id: 0x05, next: 0x40)
    image.extended(0x100, id: 0x01, next: 0x140)
    image.extended(0x140, id: 0x0f, next: 0x140)
    XCTAssertEqual(image.space.standardChain.end, .loop(at: 0x40))
    XCTAssertEqual(image.space.standardChain.capabilities.count, 2)
    XCTAssertEqual(image.space.extendedChain.end, .loop(at: 0x140))
    XCTAssertEqual(image.space.standardChain.contains(0x11, named: "MSI-X"), .known(false))
    XCTAssertNotNil(image.space.ats.display ?? nil)
  }

  func testAPointerIntoTheHeaderEndsTheWalk() {
    var image = Image()
    image.standard(0x40, id: 0x01, next: 0x10)
    image.extended(0x100, id: 0x01, next: 0x0fc)
    XCTAssertEqual(image.space.standardChain.end, .outside(pointer: 0x10))
    XCTAssertEqual(image.space.extendedChain.end, .outside(pointer: 0xfc))
  }

  func testReservedPointerBitsAreMaskedAndReported() {
    var image = Image()
    image.bytes[0x34] = 0x43
    image.standard(0x40, id: 0x01, next: 0x52)
    image.standard(0x50, id: 0x10, next: 0)
    let chain = image.space.standardChain
    XCTAssertEqual(chain.capabilities.map(\.offset), [0x40, 0x50])
    XCTAssertEqual(chain.unaligned, [0x34, 0x41])
  }

  func testNoListBitIsAnEmptyChainAndAZeroPointerToo() {
    var image = Image()
    image.word(0x06, 0)
    XCTAssertEqual(image.space.standardChain.end, .empty)
    XCTAssertEqual(image.space.hasStandardList, .known(false))
    image.word(0x06, 0x10)
    image.bytes[0x34] = 0
    XCTAssertEqual(image.space.standardChain.end, .empty)
    XCTAssertEqual(image.space.hasStandardList, .known(false))
  }

  func testACardBusBridgeHasItsPointerAt0x14() {
    var image = Image()
    image.bytes[0x0e] = 0x02
    image.bytes[0x34] = 0
    image.bytes[0x14] = 0xa0
    image.standard(0xa0, id: 0x01, next: 0)
    XCTAssertEqual(image.space.standardChain.capabilities.map(\.offset), [0xa0])
  }

  func testAZeroDwordAt0x100IsNoExtendedList() {
    XCTAssertEqual(Image().space.extendedChain.end, .empty)
    XCTAssertEqual(Image().space.ats, .known(nil))
  }

  func testAConventionalFunctionHasNoExtendedList() {
    XCTAssertEqual(Image(size: 256).space.hasExtendedList, .known(false))
    XCTAssertEqual(Image(size: 256).space.ats, .known(nil))
  }

  func testA64ByteReadSaysNothingAboutCapabilities() {
    let read = Image().bytes.prefix(64).map { Optional($0) }
    let space = ConfigSpace(bytes: read, size: .known(4096))
    for fact in [space.hasPCIExpress, space.ats.map { $0 == nil }] {
      guard case .unknown(let unknown) = fact else { return XCTFail("known: \(fact)") }
      XCTAssertTrue(unknown.reason.contains("only 64 bytes could be read"), unknown.reason)
    }
  }

  func testOf256BytesOfUnknownSizeTheExtendedListIsUnknown() {
    let space = ConfigSpace(Image(size: 256).bytes, size: .unknown("size", "a dump"))
    XCTAssertFalse(space.ats.isKnown)
    XCTAssertTrue(space.hasPCIExpress.isKnown)
  }

  func testAllOnesAreNeitherPresentNorAbsent() {
    let dead = ConfigSpace([UInt8](repeating: 0xff, count: 4096), size: .known(4096))
    XCTAssertEqual(dead.isDead, .known(true))
    XCTAssertEqual(dead.standardChain.end, .allOnes(at: 0xfc))
    XCTAssertEqual(dead.extendedChain.end, .allOnes(at: 0x100))
    XCTAssertFalse(dead.ats.isKnown)
    XCTAssertFalse(dead.hasPCIExpress.isKnown)
  }

  func testAVirtualFunctionsVendorIdDoesNotMakeItDead() {
    var image = Image()
    image.word(0x00, 0xffff)
    image.word(0x02, 0xffff)
    XCTAssertEqual(image.space.isDead, .known(false))
  }

  func testAHoleInTheChainLeavesWhatFollowsUnknown() {
    var image = Image()
    image.extended(0x100, id: 0x01, next: 0x2b0)
    image.extended(0x2b0, id: 0x0f, next: 0)
    var holed = image.bytes.map { Optional($0) }
    holed[0x2b1] = nil
    let space = ConfigSpace(bytes: holed, size: .known(4096))
    XCTAssertFalse(space.ats.isKnown)
    XCTAssertEqual(space.extendedChain.contains(0x01, named: "AER"), .known(true))
  }

  func testTheLongestChainsAreWalkedWhole() {
    var image = Image()
    for at in stride(from: 0x100, through: 0xffc, by: 4) {
      image.extended(at, id: 0x0b, next: at == 0xffc ? 0 : at + 4)
    }
    XCTAssertEqual(image.space.extendedChain.capabilities.count, 960)
    XCTAssertEqual(image.space.extendedChain.end, .complete)
  }
}

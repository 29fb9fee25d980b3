import Facts
import Support
import XCTest

/// Properties that hold for any bytes.
final class CapabilityPropertyTests: XCTestCase {
  private func images(_ count: Int) -> [[UInt8]] {
    var random = SeededGenerator(seed: 20260623)
    var images: [[UInt8]] = []
    for round in 0..<count {
      var bytes: [UInt8] = []
      while bytes.count < 4096 { withUnsafeBytes(of: random.next()) { bytes.append(contentsOf: $0) } }
      // Half of them get a list bit and dense, short pointers, so that the walks go far.
      if round % 2 == 0 {
        bytes[0x06] |= 0x10
        bytes[0x0e] &= 0x80
        for at in stride(from: 0x41, to: 0x100, by: 4) { bytes[at] = UInt8.random(in: 0x3c...0xff, using: &random) }
        for at in stride(from: 0x103, to: 0x1000, by: 4) { bytes[at] = UInt8.random(in: 0x10...0xff, using: &random) }
      }
      images.append(bytes)
    }
    return images
  }

  func testWalksEndOnAnyBytesAndVisitNoPlaceTwice() {
    var longest = 0
    for bytes in images(400) {
      let space = ConfigSpace(bytes, size: .known(4096))
      for (chain, range) in [(space.standardChain, 0x40..<0x100), (space.extendedChain, 0x100..<0x1000)] {
        let offsets = chain.capabilities.map(\.offset)
        XCTAssertEqual(Set(offsets).count, offsets.count)
        XCTAssertTrue(offsets.allSatisfy { range.contains($0) && $0 % 4 == 0 })
        longest = max(longest, offsets.count)
      }
      _ = space.ats
    }
    XCTAssertGreaterThan(longest, 30, "the images exercise only short walks")
  }

  func testForgettingABytePutsUnknownOrTheSameAnswer() {
    var random = SeededGenerator(seed: 7)
    for bytes in images(100) {
      let whole = ConfigSpace(bytes, size: .known(4096))
      var holed = bytes.map { Optional($0) }
      for _ in 0..<40 { holed[Int.random(in: 0..<4096, using: &random)] = nil }
      for _ in 0..<4 { holed[[0x06, 0x0e, 0x34, 0x100].randomElement(using: &random) ?? 6] = nil }
      let partial = ConfigSpace(bytes: holed, size: .known(4096))
      assertForgets(partial.hasStandardList, whole.hasStandardList)
      assertForgets(partial.hasExtendedList, whole.hasExtendedList)
      assertForgets(partial.hasPCIExpress, whole.hasPCIExpress)
      assertForgets(partial.ats.map { $0?.offset }, whole.ats.map { $0?.offset })
      assertForgets(partial.isDead, whole.isDead)
    }
  }

  func testAShorterImageNeverAnswersOtherwiseThanTheWhole() {
    for bytes in images(40) {
      let whole = ConfigSpace(bytes, size: .known(4096))
      for length in [0, 1, 63, 64, 65, 128, 255, 256, 257, 260, 300, 4095] {
        let cut = ConfigSpace(Array(bytes.prefix(length)), size: .unknown("size", "cut off"))
        assertForgets(cut.hasPCIExpress, whole.hasPCIExpress)
        assertForgets(cut.ats.map { $0?.offset }, whole.ats.map { $0?.offset })
      }
    }
  }

  private func assertForgets<T: Equatable>(_ partial: Known<T>, _ whole: Known<T>, line: UInt = #line) {
    if case .known = partial { XCTAssertEqual(partial, whole, line: line) }
  }
}

import Facts
import Host
import Support
import XCTest

/// A DMAR table for a test (VT-d 4.1 §8).
struct DMARImage {
  var structures: [UInt8] = []

  mutating func structure(_ type: UInt8, flags: UInt8, segment: UInt16 = 0, scopes: [[UInt8]] = []) {
    let body = scopes.flatMap { $0 }
    structures += [type, 0, UInt8(8 + body.count), 0, flags, 0, UInt8(segment & 0xff), UInt8(segment >> 8)] + body
  }

  static func scope(_ type: UInt8, bus: UInt8, _ path: [(UInt8, UInt8)]) -> [UInt8] {
    [type, UInt8(6 + 2 * path.count), 0, 0, 0, bus] + path.flatMap { [$0.0, $0.1] }
  }

  var bytes: [UInt8] {
    var table = Array("DMAR".utf8) + [UInt8](repeating: 0, count: 44) + structures
    table[4] = UInt8(table.count & 0xff)
    table[5] = UInt8(table.count >> 8)
    return table
  }
}

final class FirmwareATSTests: XCTestCase {
  private func coverage(
    of address: String = "0000:01:00.0", _ table: [UInt8]?, _ change: (FixtureTree) -> Void = { _ in }
  ) throws -> Known<Bool> {
    let tree = try FixtureTree()
    tree.wholeHost()
    if let table { tree.file("/sys/firmware/acpi/tables/DMAR", table) }
    change(tree)
    let function = try XCTUnwrap(PCIAddress(address))
    return try XCTUnwrap(Host.live(root: tree.root, only: [function]).devices[function]).firmwareATS
  }

  private func table(_ make: (inout DMARImage) -> Void) -> [UInt8] {
    var image = DMARImage()
    make(&image)
    return image.bytes
  }

  func testAllPortsOfTheSegmentAreCovered() throws {
    XCTAssertEqual(try coverage(table { $0.structure(2, flags: 1) }), .known(true))
    XCTAssertEqual(try coverage(table { $0.structure(2, flags: 1, segment: 1) }), .known(false))
  }

  func testANamedRootPortIsCoveredAndAnotherIsNot() throws {
    let named = table { $0.structure(2, flags: 0, scopes: [DMARImage.scope(2, bus: 0, [(1, 0)])]) }
    XCTAssertEqual(try coverage(named), .known(true))
    let other = table { $0.structure(2, flags: 0, scopes: [DMARImage.scope(2, bus: 0, [(2, 0)])]) }
    XCTAssertEqual(try coverage(other), .known(false))
    let wrongType = table { $0.structure(2, flags: 0, scopes: [DMARImage.scope(3, bus: 0, [(1, 0)])]) }
    XCTAssertEqual(try coverage(wrongType), .known(false))
  }

  func testWithoutAnATSRNothingBelowARootPortIsCovered() throws {
    XCTAssertEqual(try coverage(table { $0.structure(0, flags: 1) }), .known(false))
  }

  func testBelowAPCIeToPCIBridgeNothingIsCovered() throws {
    let all = table { $0.structure(2, flags: 1) }
    let found = try coverage(of: "0000:03:00.0", all) {
      $0.function("0000:02:00.0", below: ["0000:00:01.0"], config: FixtureTree.port(type: 7))
      $0.function("0000:03:00.0", below: ["0000:00:01.0", "0000:02:00.0"])
    }
    XCTAssertEqual(found, .known(false))
  }

  func testBelowASwitchTheRootPortDecides() throws {
    let named = table { $0.structure(2, flags: 0, scopes: [DMARImage.scope(2, bus: 0, [(1, 0)])]) }
    let found = try coverage(of: "0000:04:00.0", named) {
      $0.function("0000:02:00.0", below: ["0000:00:01.0"], config: FixtureTree.port(type: 5))
      $0.function("0000:03:00.0", below: ["0000:00:01.0", "0000:02:00.0"], config: FixtureTree.port(type: 6))
      $0.function("0000:04:00.0", below: ["0000:00:01.0", "0000:02:00.0", "0000:03:00.0"])
    }
    XCTAssertEqual(found, .known(true))
  }

  func testABridgeThatCannotBeReadLeavesItUnknown() throws {
    let all = table { $0.structure(2, flags: 1) }
    let found = try coverage(all) {
      $0.file("/sys/bus/pci/devices/0000:00:01.0/config", Array(FixtureTree.port(type: 4).prefix(64)))
    }
    XCTAssertFalse(found.isKnown)
  }

  func testAnIntegratedFunctionIsAllowedWhereThereIsNoSATC() throws {
    XCTAssertEqual(try coverage(of: "0000:00:01.0", table { $0.structure(2, flags: 0) }), .known(true))
    let other = table { $0.structure(5, flags: 0, scopes: [DMARImage.scope(1, bus: 0, [(9, 0)])]) }
    XCTAssertFalse(try coverage(of: "0000:00:01.0", other).isKnown, "kernels differ")
  }

  func testAFunctionInTheSATCIsCovered() throws {
    let satc = table { $0.structure(5, flags: 0, scopes: [DMARImage.scope(1, bus: 0, [(2, 0)])]) }
    XCTAssertEqual(try coverage(of: "0000:00:02.0", satc) { $0.function("0000:00:02.0") }, .known(true))
  }

  /// The path of a scope is a way down from a root bus, or the function's place on its own bus.
  func testAScopeNamesTheFunctionAtTheEndOfItsPath() throws {
    for (bus, path, isNamed) in [
      (0, [(1, 0), (0, 0)], true), (0, [(1, 0)], false), (0, [(2, 0), (0, 0)], false), (0, [(1, 0), (0, 1)], false),
      (0, [(1, 0), (0, 0), (0, 0)], false), (1, [(0, 0)], true), (1, [(1, 0), (0, 0)], false),
    ] as [(UInt8, [(UInt8, UInt8)], Bool)] {
      let satc = table { $0.structure(5, flags: 0, scopes: [DMARImage.scope(1, bus: bus, path)]) }
      XCTAssertEqual(try coverage(satc), .known(isNamed), "\(bus) \(path)")
    }
  }

  func testARequiredCacheNeedsScalableMode() throws {
    let satc = table { $0.structure(5, flags: 1, scopes: [DMARImage.scope(1, bus: 0, [(2, 0)])]) }
    func found(ecap: String, _ commandLine: String) throws -> Known<Bool> {
      try coverage(of: "0000:00:02.0", satc) {
        $0.function("0000:00:02.0")
        $0.link("/sys/bus/pci/devices/0000:00:02.0/iommu", to: "../../virtual/iommu/dmar0")
        $0.file("/sys/class/iommu/dmar0/intel-iommu/ecap", ecap)
        $0.file("/proc/cmdline", commandLine)
        $0.delete("/boot")
      }
    }
    XCTAssertEqual(try found(ecap: "f050da", "intel_iommu=sm_on"), .known(false))
    XCTAssertEqual(try found(ecap: "80000f050da", "intel_iommu=on,sm_on"), .known(true))
    XCTAssertEqual(try found(ecap: "80000f050da", "intel_iommu=on,sm_off"), .known(false))
    XCTAssertFalse(try found(ecap: "80000f050da", "intel_iommu=on").isKnown)
  }

  func testAVirtualFunctionAsksItsPhysicalFunction() throws {
    let satc = table { $0.structure(5, flags: 0, scopes: [DMARImage.scope(1, bus: 0, [(2, 0)])]) }
    let found = try coverage(of: "0000:00:02.1", satc) {
      $0.function("0000:00:02.0")
      $0.function("0000:00:02.1")
      $0.link("/sys/bus/pci/devices/0000:00:02.1/physfn", to: "../0000:00:02.0")
    }
    XCTAssertEqual(found, .known(true))
  }

  func testWithoutATableItIsUnknown() throws {
    guard case .unknown(let unknown) = try coverage(nil) else { return XCTFail("known") }
    XCTAssertTrue(unknown.reason.contains("there is no table"), unknown.reason)
    XCTAssertFalse(try coverage(nil) { $0.delete("/sys/firmware") }.isKnown)
  }

  func testABrokenTableIsUnknownWithWhatIsWrong() throws {
    let whole = table {
      $0.structure(2, flags: 0, scopes: [DMARImage.scope(2, bus: 0, [(1, 0)])])
      $0.structure(5, flags: 1, scopes: [DMARImage.scope(1, bus: 0, [(2, 0)])])
    }
    let check = try DMARCheck()
    for length in 0..<whole.count {
      guard case .unknown = try check.result(Array(whole.prefix(length))) else { return XCTFail("\(length) bytes") }
    }
    for (at, value) in [(50, 0), (50, 3), (50, 255), (57, 0), (57, 5), (57, 200), (4, 47), (5, 255)] as [(Int, UInt8)] {
      var broken = whole
      broken[at] = value
      guard case .unknown(let unknown) = try check.result(broken) else { return XCTFail("byte \(at) = \(value)") }
      XCTAssertTrue(unknown.reason.hasPrefix("DMAR table: "), unknown.reason)
    }
  }

  func testNoTableBytesTrap() throws {
    var random = SeededGenerator(seed: 3)
    let whole = table {
      $0.structure(2, flags: 0, scopes: [DMARImage.scope(2, bus: 0, [(1, 0)])])
      $0.structure(5, flags: 1, scopes: [DMARImage.scope(1, bus: 0, [(2, 0)])])
    }
    let check = try DMARCheck()
    for _ in 0..<200 {
      var bytes = whole
      for _ in 0..<4 { bytes[Int.random(in: 8..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random) }
      _ = try check.result(bytes)
    }
  }
}

/// One tree for many tables.
private struct DMARCheck {
  let tree: FixtureTree
  let function: PCIAddress

  init() throws {
    tree = try FixtureTree()
    function = try XCTUnwrap(PCIAddress("0000:01:00.0"))
    tree.function("0000:00:01.0", config: FixtureTree.port(type: 4))
    tree.function("0000:01:00.0", below: ["0000:00:01.0"])
  }

  func result(_ table: [UInt8]) throws -> Known<Bool> {
    tree.file("/sys/firmware/acpi/tables/DMAR", table)
    return try XCTUnwrap(Host.live(root: tree.root, only: [function]).devices[function]).firmwareATS
  }
}

import Facts
import Support
import XCTest

@testable import Host

/// The root complex of an Arm host out of IORT and the device tree; broken ones are facts that could not be read.
final class RootComplexTests: XCTestCase {
  /// An IORT with an ITS group, an SMMUv3 and root complexes (Arm DEN 0049 §3).
  private func iort(_ complexes: [(segment: UInt32, ats: UInt32, flags: UInt8)]) -> [UInt8] {
    func little(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(value >> (8 * UInt32($0)) & 0xff) } }
    func node(_ type: UInt8, _ data: [UInt8]) -> [UInt8] {
      [type] + [UInt8((16 + data.count) & 0xff), UInt8((16 + data.count) >> 8), 4] + [UInt8](repeating: 0, count: 12) + data
    }
    var nodes = [node(0, little(1) + little(0)), node(4, [UInt8](repeating: 0, count: 52))]
    for one in complexes {
      nodes.append(node(2, little(1) + [0, 0, 0, one.flags] + little(one.ats) + little(one.segment) + [64, 0, 0, 0]))
    }
    let body = nodes.flatMap { $0 }
    var header = Array("IORT".utf8) + little(UInt32(48 + body.count)) + [6, 0] + [UInt8](repeating: 0, count: 26)
    header += little(UInt32(nodes.count)) + little(48) + little(0)
    return header + body
  }

  private let usual: [(segment: UInt32, ats: UInt32, flags: UInt8)] = [(0, 0, 3), (9, 1, 7), (10, 0xffff_fffe, 0xfb)]

  private func complex(_ table: [UInt8], _ segment: UInt32) -> RootComplex? {
    try? IORTTable(table).rootComplex(ofSegment: segment)
  }

  func testEachSegmentHasItsAttributes() {
    let table = iort(usual)
    XCTAssertEqual(complex(table, 0), RootComplex(.iort, ats: false, canwbs: false))
    XCTAssertEqual(complex(table, 9), RootComplex(.iort, ats: true, canwbs: true))
    XCTAssertEqual(complex(table, 10), RootComplex(.iort, ats: false, canwbs: false))
    XCTAssertNil(complex(table, 1))
  }

  func testTwoNodesOfASegmentMustAgree() {
    XCTAssertEqual(complex(iort([(3, 1, 4), (3, 1, 4)]), 3), RootComplex(.iort, ats: true, canwbs: true))
    XCTAssertNil(complex(iort([(3, 1, 4), (3, 0, 4)]), 3))
    XCTAssertNotNil(complex(iort([(3, 1, 4), (3, 0, 4), (4, 0, 0)]), 4))
  }

  func testACutTableIsNotUsed() {
    let whole = iort(usual)
    for length in 0..<whole.count { XCTAssertNil(try? IORTTable(Array(whole.prefix(length))), "\(length) bytes") }
    // A length of the table, a number and an offset of nodes, and a length of a node that do not fit.
    for (at, value) in [(4, 47), (7, 255), (36, 255), (39, 255), (40, 0), (43, 255), (49, 0), (50, 255)] as [(Int, UInt8)] {
      var broken = whole
      broken[at] = value
      XCTAssertNil(try? IORTTable(broken), "byte \(at) = \(value)")
    }
  }

  func testNoTableBytesTrap() {
    var random = SeededGenerator(seed: 17)
    let whole = iort(usual)
    for _ in 0..<20_000 {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        bytes[Int.random(in: 4..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 0...bytes.count, using: &random)) }
      _ = complex(bytes, 9)
    }
  }

  // MARK: live

  private static let address = "0009:01:00.0"

  /// A function behind an SMMUv3, whose host bridge's parent is at `parent` below /sys/devices.
  private func live(parent: String = "", _ change: (FixtureTree) -> Void) throws -> Facts.Host {
    let tree = try FixtureTree()
    let place = "/sys/devices/\(parent)pci0009:00/0009:00:00.0/\(RootComplexTests.address)"
    tree.file("\(place)/vendor", "0x10de\n")
    tree.file("\(place)/device", "0x2941\n")
    tree.link("\(place)/iommu", to: "../../../virtual/iommu/smmu3.0x0000000006000000")
    tree.link("/sys/bus/pci/devices/\(RootComplexTests.address)", to: "../../.." + place.dropFirst("/sys".count))
    tree.directory("/sys/class/iommu/smmu3.0x0000000006000000")
    tree.directory("/sys/firmware/acpi/tables")
    change(tree)
    return Host.live(root: tree.root)
  }

  private func found(_ host: Facts.Host) throws -> Known<RootComplex> {
    let address = try XCTUnwrap(PCIAddress(RootComplexTests.address))
    return try XCTUnwrap(host.devices[address]).rootComplex
  }

  func testIORTIsReadBySegment() throws {
    let table = iort(usual)
    XCTAssertEqual(
      try found(live { $0.file("/sys/firmware/acpi/tables/IORT", table) }), .known(RootComplex(.iort, ats: true, canwbs: true)))
    XCTAssertFalse(try found(live { $0.file("/sys/firmware/acpi/tables/IORT", Array(table.dropLast())) }).isKnown)
    XCTAssertFalse(try found(live { _ in }).isKnown)
  }

  func testTheHostBridgesNodeIsReadWhereThereIsOne() throws {
    let node = "/sys/devices/platform/4010000000.pcie/of_node"
    func tree(_ change: @escaping (FixtureTree) -> Void) throws -> Known<RootComplex> {
      try found(live(parent: "platform/4010000000.pcie/") { tree in
        // An IORT that says something else is not asked then.
        tree.file("/sys/firmware/acpi/tables/IORT", self.iort([(9, 1, 4)]))
        change(tree)
      })
    }
    XCTAssertEqual(
      try tree { $0.file("\(node)/ats-supported", "") }, .known(RootComplex(.deviceTree, ats: true, canwbs: false)))
    XCTAssertEqual(
      try tree { $0.file("\(node)/compatible", "pci-host-ecam-generic") },
      .known(RootComplex(.deviceTree, ats: false, canwbs: false)))
    // Without a node of its own, the bridge is one that ACPI describes.
    XCTAssertEqual(try tree { _ in }, .known(RootComplex(.iort, ats: true, canwbs: true)))
  }

  func testALoopInTheTreeIsUnknown() throws {
    let node = "/sys/devices/platform/4010000000.pcie/of_node"
    XCTAssertFalse(try found(live(parent: "platform/4010000000.pcie/") { $0.link(node, to: "of_node") }).isKnown)
    XCTAssertFalse(try found(live(parent: "platform/4010000000.pcie/") { $0.file(node, "not a folder") }).isKnown)
  }

  func testAFunctionBehindAnotherIOMMUHasNone() throws {
    let tree = try FixtureTree()
    tree.wholeHost()
    tree.file("/sys/firmware/acpi/tables/IORT", iort(usual))
    let text = HostRecording.render(Host.live(root: tree.root))
    XCTAssertFalse(text.contains("root-complex"), text)
  }

  func testARecordingKeepsIt() throws {
    for (ats, canwbs) in [(0, 0), (0, 4), (1, 0), (1, 4)] as [(UInt32, UInt8)] {
      let table = iort([(9, ats, canwbs)])
      let host = try live { $0.file("/sys/firmware/acpi/tables/IORT", table) }
      let again = try HostRecording.parse(Array(HostRecording.render(host).utf8), source: "test")
      XCTAssertEqual(try found(again), .known(RootComplex(.iort, ats: ats == 1, canwbs: canwbs == 4)))
    }
  }
}

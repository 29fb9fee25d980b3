import Facts
import XCTest

@testable import Host

/// The text of lspci as a host.
final class LspciTextTests: XCTestCase {
  private func text(_ config: [UInt8]) -> String {
    func hex(_ number: Int, _ digits: Int) -> String { UInt32(number).hexadecimal(digits: digits) }
    let rows = stride(from: 0, to: config.count, by: 16).map { at in
      hex(at, 2) + ":" + config[at..<at + 16].map { " " + hex(Int($0), 2) }.joined()
    }
    return """
      0000:01:00.0 VGA compatible controller [0300]: NVIDIA Corporation GA102 [GeForce RTX 3090] [10de:2204] (rev a1)
      \tSubsystem: Example [1043:87b3]
      \tKernel driver in use: nouveau
      \tIOMMU group: 14
      \tNUMA node: 1
      \(rows.joined(separator: "\n"))

      0000:02:01.0 Ethernet controller [0200]: Intel Corporation Ethernet Adaptive Virtual Function [8086:1889]
      00: ff ff ff ff 00 00 10 00 02 00 00 02 00 00 00 00

      """
  }

  private func host() throws -> Facts.Host {
    var config = [UInt8](repeating: 0, count: 4096)
    config.replaceSubrange(0..<12, with: [0xde, 0x10, 0x04, 0x22, 0x06, 0x04, 0x10, 0, 0xa1, 0, 0, 3])
    config[0x34] = 0x40
    config.replaceSubrange(0x40..<0x44, with: [0x10, 0, 2, 0])
    config.replaceSubrange(0x100..<0x104, with: [0x0f, 0, 1, 0])
    let tree = try FixtureTree()
    tree.file("/lspci.txt", text(config))
    return try HostRecording.load(tree.root + "/lspci.txt")
  }

  func testItHasWhatTheTextSays() throws {
    let host = try host()
    let device = try XCTUnwrap(host.devices[XCTUnwrap(PCIAddress("0000:01:00.0"))])
    XCTAssertEqual(device.id, .known(PCIID(vendor: 0x10de, device: 0x2204)))
    XCTAssertEqual(device.classCode, .known(0x030000))
    XCTAssertEqual(device.className, .known("VGA compatible controller"))
    XCTAssertEqual(device.deviceName, .known("NVIDIA Corporation GA102 [GeForce RTX 3090]"))
    XCTAssertEqual(device.driver, .known("nouveau"))
    XCTAssertEqual(device.group, .known(14))
    XCTAssertEqual(device.numaNode, .known(1))
    XCTAssertNotNil(try device.ats.value)
    // Its own registers are all ones.
    let function = try XCTUnwrap(host.devices[XCTUnwrap(PCIAddress("0000:02:01.0"))])
    XCTAssertEqual(function.id, .known(PCIID(vendor: 0x8086, device: 0x1889)))
  }

  /// `-v` has a title with the programming interface, and the group among the flags (pciutils ls-pci.c: show_terse).
  func testTheShortFormOfV() throws {
    let tree = try FixtureTree()
    tree.file(
      "/lspci.txt",
      """
      0000:01:00.0 VGA compatible controller [0300]: GA102 [GeForce RTX 3090] [10de:2204] (rev a1) (prog-if 00 [VGA controller])
      \tFlags: bus master, fast devsel, latency 0, IRQ 16, NUMA node 1, IOMMU group 14
      \(String(repeating: "\tCapabilities: [60] Power Management version 3\n", count: 300))\tKernel driver in use: nvidia
      00: de 10 04 22 07 04 10 00 a1 00 00 03 10 00 80 00
      """)
    let host = try HostRecording.load(tree.root + "/lspci.txt")
    let device = try XCTUnwrap(host.devices[XCTUnwrap(PCIAddress("0000:01:00.0"))])
    XCTAssertEqual(device.id, .known(PCIID(vendor: 0x10de, device: 0x2204)))
    XCTAssertEqual(device.deviceName, .known("GA102 [GeForce RTX 3090]"))
    XCTAssertEqual(device.group, .known(14))
    XCTAssertEqual(device.numaNode, .known(1))
    XCTAssertEqual(device.driver, .known("nvidia"))
  }

  /// A fact that the text does not have is unknown, and never absent.
  func testWhatItDoesNotSayIsUnknown() throws {
    let host = try host()
    XCTAssertFalse(host.addresses.isKnown)
    XCTAssertFalse(host.iommus.isKnown)
    XCTAssertFalse(host.group(14).members.isKnown)
    let function = try XCTUnwrap(host.devices[XCTUnwrap(PCIAddress("0000:02:01.0"))])
    XCTAssertFalse(function.driver.isKnown)
    XCTAssertFalse(function.ats.isKnown)
    XCTAssertFalse(host.device(at: try XCTUnwrap(PCIAddress("0000:03:00.0"))).isKnown)
  }

  func testADamagedTextIsAnErrorWithItsLine() throws {
    let tree = try FixtureTree()
    tree.file("/bad.txt", "0000:01:00.0 VGA [0300]: x [10de:2204]\n00: de 10 zz\n")
    XCTAssertThrowsError(try HostRecording.load(tree.root + "/bad.txt")) { error in
      XCTAssert("\(error)".contains("bad.txt:2: "), "\(error)")
    }
  }
}

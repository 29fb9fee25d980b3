import Facts
import Host
import XCTest

/// Facts that differ between two recordings.
final class RecordingDifferenceTests: XCTestCase {
  private func host() throws -> Facts.Host {
    try HostRecording.parse(readFixture("hosts/desktop-amd-geforce.host"), source: "test")
  }

  private func lines(_ old: Facts.Host, _ new: Facts.Host) -> [String] {
    HostRecording.differences(old, new).map { difference in
      (difference.address.map { "\($0) " } ?? "") + "\(difference.fact): \(difference.old ?? "-") \(difference.new ?? "-")"
    }
  }

  func testTheSameHostHasNone() throws { XCTAssertEqual(lines(try host(), try host()), []) }

  func testEachChangeIsReportedOnce() throws {
    let old = try host()
    var new = old
    let gpu = try XCTUnwrap(PCIAddress("0000:0a:00.0"))
    new.kernelRelease = .known("8.0.0")
    new.devices[gpu]?.driver = .known("nouveau")
    new.devices[gpu]?.config = .known(ConfigSpace([UInt8](repeating: 0, count: 64), size: .known(4096)))
    new.kernelConfig = old.kernelConfig.map { $0.merging(["CONFIG_VFIO": "n"]) { $1 } }
    XCTAssertEqual(
      lines(old, new),
      [
        "kernel-release: 7.1.3-amd64 8.0.0", "CONFIG_VFIO: m n", "0000:0a:00.0 driver: vfio-pci nouveau",
        "0000:0a:00.0 ats: no -",
      ])
  }

  /// Groups are numbered in the order in which devices are found: only another composition is a change.
  func testANewNumberOfAGroupIsNoChange() throws {
    let old = try host()
    var new = old
    for text in ["0000:0a:00.0", "0000:0a:00.1"] { new.devices[try XCTUnwrap(PCIAddress(text))]?.group = .known(99) }
    new.groups[99] = IOMMUGroup(99, nothingKnown: "test")
    new.groups[99]?.members = old.group(23).members
    new.groups[23] = nil
    XCTAssertEqual(lines(old, new), [])
    new.groups[99]?.members = .known([try XCTUnwrap(PCIAddress("0000:0a:00.0"))])
    XCTAssertEqual(
      lines(old, new),
      ["0000:0a:00.0", "0000:0a:00.1"].map { "\($0) group members: 0000:0a:00.0 0000:0a:00.1 0000:0a:00.0" })
  }
}

import Common
import Facts
import Support
import XCTest

@testable import Lint

/// The hosts of a run, as far as definitions need them.
final class HostCacheTests: XCTestCase {
  private let recording = HostChoice.recording(Fixture.path("hosts/desktop-amd-geforce.host"))

  /// Whether more than the address is known.
  private func isRead(_ address: PCIAddress, _ host: Facts.Host) -> Bool { host.devices[address] != nil }

  func testALiveHostIsReadAsFarAsADefinitionNeedsIt() throws {
    var cache = HostCache(ignoring: [])
    let none = try cache.host(.live, functions: [])
    guard case .known(let all) = none.addresses, all.count > 1 else {
      throw XCTSkip("SKIPPED: this machine has fewer than two PCI functions")
    }
    XCTAssertEqual(none.devices.count, 0)
    let (first, last) = (try XCTUnwrap(all.min()), try XCTUnwrap(all.max()))
    XCTAssert(isRead(first, try cache.host(.live, functions: [first])))
    // Another definition needs another function, and the first one's stay known.
    let both = try cache.host(.live, functions: [last])
    XCTAssert(isRead(first, both) && isRead(last, both))
    XCTAssertEqual(both.devices.count, all.count)
    XCTAssertEqual(try cache.host(.live, functions: [first]).devices.count, all.count)
  }

  func testTheLiveHostIsNotReadAgainForFunctionsThatWereRead() throws {
    var cache = HostCache(ignoring: [])
    guard case .known(let all) = try cache.host(.live, functions: []).addresses, let first = all.min() else {
      throw XCTSkip("SKIPPED: this machine has no PCI function")
    }
    let host = try cache.host(.live, functions: [first])
    // More than these would be read, had it been forgotten.
    XCTAssertEqual(try cache.host(.live, functions: [first]).devices.count, host.devices.count)
    XCTAssertEqual(try cache.host(.live, functions: []).devices.count, host.devices.count)
  }

  func testARecordingIsKeptAndItsErrorToo() throws {
    let folder = try TemporaryDirectory()
    let path = folder.path + "/one.host"
    try writeFile(path, String(decoding: try readFile(Fixture.path("hosts/desktop-amd-geforce.host")), as: UTF8.self))
    var cache = HostCache(ignoring: [])
    let before = try cache.host(.recording(path), functions: [])
    try writeFile(path, "nothing\n")
    XCTAssertEqual(try cache.host(.recording(path), functions: []).devices.count, before.devices.count)
    XCTAssertThrowsError(try cache.host(.recording(folder.path + "/none"), functions: []))
    try writeFile(folder.path + "/none", "nothing\n")
    XCTAssertThrowsError(try cache.host(.recording(folder.path + "/none"), functions: [])) {
      XCTAssert("\($0)".contains("No such file"), "\($0)")
    }
  }

  /// Processes that only pass a device on do not use it.
  func testProcessesThatAreIgnoredHoldNothing() throws {
    let folder = try TemporaryDirectory()
    let text = String(decoding: try readFile(Fixture.path("hosts/desktop-amd-geforce.host")), as: UTF8.self)
    let changed = text.split(separator: "\n").map { line in
      line == "0000:0a:00.0 users none" ? "0000:0a:00.0 users 7:group:x 8:group:y" : line
    }
    try writeFile(folder.path + "/a.host", changed.joined(separator: "\n") + "\n")
    var cache = HostCache(ignoring: [7])
    let host = try cache.host(.recording(folder.path + "/a.host"), functions: [])
    let address = try XCTUnwrap(PCIAddress("0000:0a:00.0"))
    XCTAssertEqual(host.devices[address]?.users.map { $0.map(\.pid) }, .known([8]))
  }
}

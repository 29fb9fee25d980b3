import Facts
import Glibc
import Host
import XCTest

/// Facts that a user without privileges sees, tried by becoming one for the time of a call.
final class UnprivilegedTests: XCTestCase {
  private let nobody: uid_t = 65534

  private func asNobody<T>(_ body: () throws -> T) throws -> T {
    guard geteuid() == 0 else { throw XCTSkip("SKIPPED: only root can become another user; run the tests as root") }
    // glibc changes the identity of every thread of the process.
    guard seteuid(nobody) == 0 else { throw XCTSkip("SKIPPED: seteuid: \(String(cString: strerror(errno)))") }
    defer { XCTAssertEqual(seteuid(0), 0) }
    return try body()
  }

  func testAnUnreadableAttributeIsUnknownWithTheKernelsWords() throws {
    let tree = try FixtureTree()
    tree.wholeHost()
    tree.mode("/sys/bus/pci/devices/0000:01:00.0/config", 0o600)
    tree.mode("/sys/kernel/iommu_groups/12/devices", 0o700)
    let host = try asNobody { Host.live(root: tree.root) }
    let device = try XCTUnwrap(host.devices[XCTUnwrap(PCIAddress("0000:01:00.0"))])
    guard case .unknown(let unknown) = device.config else { return XCTFail("known: \(device.config)") }
    XCTAssertTrue(unknown.reason.hasSuffix("config: Permission denied"), unknown.reason)
    XCTAssertFalse(host.group(12).members.isKnown)
    XCTAssertEqual(host.user, .known("uid 65534"))
  }

  func testANodeThatTheUserMayNotOpenIsDenied() throws {
    let tree = try FixtureTree()
    tree.wholeHost()
    tree.mode("/dev/iommu", 0o600)
    let host = try asNobody { Host.live(root: tree.root) }
    XCTAssertEqual(host.iommufd, .known(.denied))
    // 0644 lets others read, which is not enough.
    XCTAssertEqual(host.group(12).node, .known(.denied))
  }

  func testBehindAClosedFolderANodeIsUnknown() throws {
    let tree = try FixtureTree()
    tree.wholeHost()
    tree.mode("/dev/vfio", 0o700)
    let host = try asNobody { Host.live(root: tree.root) }
    guard case .unknown(let unknown) = host.vfioContainer else { return XCTFail("known: \(host.vfioContainer)") }
    XCTAssertTrue(unknown.reason.contains("Permission denied"), unknown.reason)
  }

  func testOtherUsersDescriptorsLeaveUsersUnknown() throws {
    let tree = try FixtureTree()
    tree.wholeHost()
    tree.mode("/proc/1/fd", 0o500)
    let host = try asNobody { Host.live(root: tree.root) }
    let device = try XCTUnwrap(host.devices[XCTUnwrap(PCIAddress("0000:01:00.0"))])
    guard case .unknown(let unknown) = device.users else { return XCTFail("known: \(device.users)") }
    XCTAssertTrue(unknown.reason.contains("/proc/1/fd: Permission denied"), unknown.reason)
  }

  func testARealConfigSpaceEndsAt64BytesAndKeepsItsSize() throws {
    let host = try asNobody { Host.live() }
    guard let device = host.devices.values.first(where: { $0.config.isKnown }) else {
      throw XCTSkip("SKIPPED: this machine has no PCI functions")
    }
    let config = try device.config.value
    XCTAssertEqual(config.bytes.count, 64)
    XCTAssertTrue([256, 4096].contains(try config.size.value))
    XCTAssertFalse(config.hasPCIExpress == .known(true))
  }
}

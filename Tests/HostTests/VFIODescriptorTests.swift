import Facts
import Glibc
import Host
import XCTest

/// /dev/null and /dev/zero (1:3, 1:5) stand for a cdev: what is behind their numbers is for sysfs to say.
final class VFIODescriptorTests: XCTestCase {
  private static let folder = "../../devices/pci0000:00/0000:00:14.0"

  private func tree(_ target: String) throws -> FixtureTree {
    let tree = try FixtureTree()
    tree.link("/sys/dev/char/1:3", to: target)
    return tree
  }

  private func opened(_ path: String, _ look: (Int32) -> Known<PCIAddress?>) -> Known<PCIAddress?> {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    defer { close(descriptor) }
    return look(descriptor)
  }

  func testACdevsParentIsTheFunction() throws {
    let tree = try tree("\(Self.folder)/0000:06:12.2/vfio-dev/vfio3")
    let found = opened("/dev/null") { VFIODescriptor.device(behind: $0, root: tree.root) }
    XCTAssertEqual(found, .known(PCIAddress("0000:06:12.2")))
  }

  func testADomainOfFiveDigits() throws {
    let tree = try tree("../../devices/pci10000:e0/10000:e0:06.0/10000:e1:00.0/vfio-dev/vfio0")
    let found = opened("/dev/null") { VFIODescriptor.device(behind: $0, root: tree.root) }
    XCTAssertEqual(found, .known(PCIAddress("10000:e1:00.0")))
  }

  func testAGroupsNodeAndAnyOtherDeviceIsKnownToBeNone() throws {
    for target in ["../../devices/virtual/vfio/12", "../../devices/virtual/mem/null", "vfio-dev/vfio0"] {
      let tree = try tree(target)
      let found = opened("/dev/null") { VFIODescriptor.device(behind: $0, root: tree.root) }
      XCTAssertEqual(found, .known(nil), target)
    }
  }

  func testAFileAndASocketAreKnownToBeNone() throws {
    XCTAssertEqual(opened("/proc/self/status") { VFIODescriptor.device(behind: $0) }, .known(nil))
    let end = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(end) }
    XCTAssertEqual(VFIODescriptor.device(behind: end, root: "/no/such/folder"), .known(nil))
  }

  func testAMediatedDeviceIsAVFIODeviceButNoFunction() throws {
    let tree = try tree("../../devices/virtual/mdpy/83b8f4f2-509f-382f-3c1e-e6bfe0fa1001/vfio-dev/vfio0")
    let found = opened("/dev/null") { VFIODescriptor.device(behind: $0, root: tree.root) }
    guard case .unknown(let unknown) = found else { return XCTFail("\(found)") }
    XCTAssertTrue(unknown.reason.hasSuffix("is not a PCI function"), unknown.reason)
  }

  func testWhatCouldNotBeLookedAtIsUnknown() throws {
    let tree = try tree("\(Self.folder)/0000:06:12.2/vfio-dev/vfio3")
    XCTAssertFalse(opened("/dev/zero") { VFIODescriptor.device(behind: $0, root: tree.root) }.isKnown)
    tree.delete("/sys")
    XCTAssertFalse(opened("/dev/null") { VFIODescriptor.device(behind: $0, root: tree.root) }.isKnown)
    XCTAssertEqual(
      VFIODescriptor.device(behind: 1 << 20), .unknown("descriptor 1048576", "Bad file descriptor"))
  }

  func testAnotherProcesssDescriptor() throws {
    let tree = try tree("\(Self.folder)/0000:06:12.2/vfio-dev/vfio3")
    tree.process(77, "qemu", fds: ["/dev/zero", "/dev/null", "/proc/self/status"])
    func look(_ descriptor: Int32) -> Known<PCIAddress?> {
      VFIODescriptor.device(behind: descriptor, ofProcess: 77, root: tree.root)
    }
    XCTAssertEqual(look(1), .known(PCIAddress("0000:06:12.2")))
    XCTAssertEqual(look(2), .known(nil))
    XCTAssertFalse(look(0).isKnown)
    XCTAssertEqual(
      look(3), .unknown("descriptor 3 of process 77", "/proc/77/fd/3: No such file or directory"))
  }

  func testALiveProcesssDescriptor() {
    let found = opened("/dev/null") { VFIODescriptor.device(behind: $0, ofProcess: Int(getpid())) }
    XCTAssertEqual(found, .known(nil))
  }
}

import Facts
import Host
import XCTest

final class ProcessScanTests: XCTestCase {
  private func users(_ change: (FixtureTree) -> Void) throws -> Known<[ProcessReference]> {
    let tree = try FixtureTree()
    tree.wholeHost()
    change(tree)
    let address = try XCTUnwrap(PCIAddress("0000:01:00.0"))
    return try XCTUnwrap(Host.live(root: tree.root).devices[address]).users
  }

  func testAHolderOfTheGroupsNodeIsAUser() throws {
    let found = try users { $0.process(4711, "qemu-system-x86", fds: ["/dev/kvm", "/dev/vfio/12", "/dev/vfio/vfio"]) }
    XCTAssertEqual(found, .known([ProcessReference(pid: 4711, name: "qemu-system-x86", node: .group)]))
  }

  func testAHolderOfTheCdevIsAUser() throws {
    let found = try users { $0.process(9, "vmm", fds: ["/dev/vfio/devices/vfio0", "/dev/vfio/devices/vfio0"]) }
    XCTAssertEqual(found, .known([ProcessReference(pid: 9, name: "vmm", node: .cdev)]))
  }

  func testAHolderOfAnotherNodeIsNone() throws {
    let found = try users {
      $0.process(9, "vmm", fds: ["/dev/vfio/1", "/dev/vfio/120", "/dev/vfio/devices/vfio01", "/dev/vfio/vfio"])
    }
    XCTAssertEqual(found, .known([]))
  }

  func testInAnotherPIDNamespaceNobodyIsUnknownButSomebodyIsKnown() throws {
    func narrow(_ tree: FixtureTree) {
      tree.delete("/proc/self/ns/pid")
      tree.link("/proc/self/ns/pid", to: "pid:[4026532844]")
    }
    guard case .unknown(let unknown) = try users(narrow) else { return XCTFail("an empty list of users was taken for known") }
    XCTAssertTrue(unknown.reason.contains("PID namespace"), unknown.reason)
    let found = try users {
      narrow($0)
      $0.process(9, "vmm", fds: ["/dev/vfio/12"])
    }
    XCTAssertEqual(found, .known([ProcessReference(pid: 9, name: "vmm", node: .group)]))
  }

  func testWithHiddenProcessesNobodyIsUnknown() throws {
    XCTAssertFalse(try users { $0.delete("/proc/1") }.isKnown)
  }

  func testWithoutProcNobodyIsUnknown() throws {
    XCTAssertFalse(try users { $0.delete("/proc") }.isKnown)
  }

  func testWithoutNodesThereIsNobodyWhateverProcSays() throws {
    let found = try users {
      $0.delete("/proc")
      $0.delete("/dev/vfio/12")
      $0.delete("/sys/bus/pci/devices/0000:01:00.0/vfio-dev")
    }
    XCTAssertEqual(found, .known([]))
  }

  /// A file where the kernel has a link gives EINVAL, as another error gives for root without CAP_SYS_PTRACE.
  func testWithADescriptorThatCannotBeFollowedNoUserIsUnknown() throws {
    let found = try users {
      $0.process(9, "vmm", fds: [])
      $0.file("/proc/9/fd/3", "")
      $0.file("/proc/9/stat", "9 (vmm) S 1")
    }
    guard case .unknown(let unknown) = found else { return XCTFail("\(found)") }
    XCTAssertTrue(unknown.reason.contains("/proc/9/fd/3"), unknown.reason)
  }

  func testAProcessThatEndsDuringTheScanLeavesNoGap() throws {
    let found = try users {
      $0.process(9, "vmm", fds: [])
      $0.file("/proc/9/fd/3", "")
      $0.delete("/proc/9/stat")
    }
    XCTAssertEqual(found, .known([]))
  }
}

import Facts
import XCTest

@testable import Host

/// Devices that must not be bound are refused, with the reason. A real kernel's answers are tried in the
/// lab, on a machine with an IOMMU.
final class KernelATSQueryTests: XCTestCase {
  private func reason(_ change: (FixtureTree) -> Void = { _ in }) throws -> String {
    let tree = try FixtureTree()
    tree.wholeHost()
    change(tree)
    let address = try XCTUnwrap(PCIAddress("0000:01:00.0"))
    var host = Host.live(root: tree.root, only: [address])
    guard case .unknown(let unknown) = KernelATSQuery.ask(address, on: &host, root: tree.root) else {
      XCTFail("an answer from a plain file")
      return ""
    }
    XCTAssertEqual(unknown.fact, "kernel's ATS flag for 0000:01:00.0")
    return unknown.reason
  }

  func testAClearBitIsAnAnswerSinceTheKernelThatIntroducedIt() throws {
    func verdict(_ release: String, isSet: Bool = false) -> String {
      var host = Facts.Host(nothingKnown: "not read", source: "test")
      host.kernelRelease = .known(release)
      do throws(Unknown) { return "\(try KernelATSQuery.verdict(isSet: isSet, on: host))" } catch { return error.reason }
    }
    for release in ["7.1", "7.1.0-rc1", "7.10.2", "8.0", "10.2-generic"] { XCTAssertEqual(verdict(release), "false", release) }
    for release in ["7.0.9", "6.19.0-arch1"] {
      XCTAssertEqual(verdict(release), "the bit is clear, but kernel \(release) is older than 7.1, which introduced it")
    }
    for release in ["8", "8.next", "next.9", ""] {
      XCTAssertEqual(verdict(release), "the bit is clear, and whether kernel `\(release)` has the bit is not known")
    }
    XCTAssertEqual(verdict("6.1", isSet: true), "true")
  }

  func testAFailingCallGivesTheKernelsWords() throws {
    XCTAssertEqual(
      try reason(), "VFIO_DEVICE_BIND_IOMMUFD on /dev/vfio/devices/vfio0: Inappropriate ioctl for device")
  }

  func testAFunctionThatIsNotThereIsNotBound() throws {
    XCTAssertTrue(try reason { $0.delete("/sys/bus/pci/devices/0000:01:00.0") }.contains("there is no 0000:01:00.0"))
  }

  func testAFunctionWithAHostDriverIsNotBound() throws {
    let found = try reason {
      $0.delete("/sys/bus/pci/devices/0000:01:00.0/driver")
      $0.link("/sys/bus/pci/devices/0000:01:00.0/driver", to: "../../../bus/pci/drivers/nouveau")
      $0.delete("/sys/bus/pci/devices/0000:01:00.0/vfio-dev")
    }
    XCTAssertEqual(found, "0000:01:00.0 is bound to nouveau, which offers no vfio cdev")
  }

  func testAFunctionWithoutADriverIsNotBound() throws {
    let found = try reason { $0.delete("/sys/bus/pci/devices/0000:01:00.0/driver") }
    XCTAssertTrue(found.contains("has no driver"), found)
  }

  func testAFunctionInUseIsNotBound() throws {
    let found = try reason { $0.process(42, "qemu", fds: ["/dev/vfio/devices/vfio0"]) }
    XCTAssertEqual(found, "0000:01:00.0 is in use by qemu (pid 42)")
  }

  func testAFunctionOfAGroupInUseIsNotBound() throws {
    let found = try reason {
      $0.directory("/sys/bus/pci/devices/0000:01:00.1/vfio-dev/vfio1")
      $0.file("/dev/vfio/devices/vfio1", "")
      $0.process(42, "qemu", fds: ["/dev/vfio/devices/vfio1"])
    }
    XCTAssertEqual(found, "0000:01:00.1 is in use by qemu (pid 42)")
  }

  func testAFunctionThatMayBeInUseIsNotBound() throws {
    let found = try reason { $0.delete("/proc/1") }
    XCTAssertTrue(found.contains("/proc does not show every process"), found)
  }

  func testAnUnknownGroupIsNotBound() throws {
    let found = try reason { $0.delete("/sys/kernel/iommu_groups/12/devices") }
    XCTAssertTrue(found.hasPrefix("members of group 12: "), found)
  }

  func testAMissingNodeIsNamed() throws {
    XCTAssertTrue(try reason { $0.delete("/dev/vfio/devices/vfio0") }.contains("/dev/vfio/devices/vfio0 is absent"))
    XCTAssertTrue(try reason { $0.delete("/dev/iommu") }.contains("/dev/iommu: No such file or directory"))
  }
}

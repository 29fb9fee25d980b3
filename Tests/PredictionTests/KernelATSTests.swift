import Facts
import XCTest

@testable import Prediction

/// The kernel's ATS flag, as far as it follows from which IOMMU serves a device.
final class KernelATSTests: XCTestCase {
  private func flag(servedBy name: String, release: String = "7.3.4") -> Known<Bool> {
    var host = Host(nothingKnown: "test", source: "test")
    host.kernelRelease = .known(release)
    host.kernelCommandLine = .known("quiet")
    let unknown = Known<UInt64>.unknown("register", "test")
    host.iommus = .known([name: IOMMUUnit(name, capability: unknown, extendedCapability: unknown)])
    guard let address = PCIAddress("0000:01:00.0") else { return .unknown("address", "test") }
    var device = HostDevice(address, nothingKnown: "test")
    device.iommu = .known(name)
    return KernelATS.flagSet(device, on: host)
  }

  func testVirtioIOMMUIsNamedAfterItsBusAndAnswersForNoDevice() {
    for name in ["0000:00:03.0", "a003e00.virtio_mmio"] { XCTAssertEqual(flag(servedBy: name), .known(true), name) }
  }

  func testOthersAreNotGuessed() {
    for name in ["dmar0", "ivhd0", "smmu3.0x0000000005000000", "some-iommu"] {
      XCTAssertFalse(flag(servedBy: name).isKnown, name)
    }
  }

  func testBefore71TheFlagIsNeverSet() {
    XCTAssertEqual(flag(servedBy: "0000:00:03.0", release: "7.0.9"), .known(false))
  }
}

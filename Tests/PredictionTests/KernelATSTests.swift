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

  /// Behind a VT-d unit that serves device TLBs, with each fact changed alone.
  private func flag(_ change: (inout Facts.Host, inout HostDevice) -> Void) -> Known<Bool> {
    var host = Machines.host()
    var device = host.devices[Machines.address] ?? HostDevice(Machines.address, nothingKnown: "test")
    change(&host, &device)
    host.devices[Machines.address] = device
    return KernelATS.flagSet(device, on: host)
  }

  func testAllFactsMustSpeakForATS() {
    XCTAssertEqual(flag { _, _ in }, .known(false))
    XCTAssertEqual(flag { _, device in device.config = .known(Machines.config(ats: false)) }, .known(true))
    XCTAssertEqual(flag { host, _ in host.kernelCommandLine = .known("quiet pci=noats") }, .known(true))
    XCTAssertEqual(flag { _, device in device.firmwareATS = .known(false) }, .known(true))
    let without = IOMMUUnit("dmar0", capability: .known(47 << 16), extendedCapability: .known(0))
    XCTAssertEqual(flag { host, _ in host.iommus = .known(["dmar0": without]) }, .known(true))
    XCTAssertEqual(flag { _, device in (device.vendor, device.device) = (.known(0x1002), .known(0x7340)) }, .known(true))
    XCTAssertFalse(flag { _, device in device.firmwareATS = .unknown("ATSR", "test") }.isKnown)
    XCTAssertFalse(flag { host, _ in host.kernelCommandLine = .unknown("cmdline", "test") }.isKnown)
    XCTAssertFalse(flag { _, device in device.vendor = .unknown("vendor", "test") }.isKnown)
    XCTAssertFalse(flag { _, device in device.config = .unknown("config", "test") }.isKnown)
    XCTAssertFalse(flag { _, device in device.iommu = .known(nil) }.isKnown)
    XCTAssertEqual(flag { _, device in device.boundATSNotSupported = .known(true) }, .known(true))
  }

  func testADeviceBehindAnExternalPortIsNotTrusted() {
    XCTAssertEqual(flag { _, device in device.removable = .known("removable") }, .known(true))
    XCTAssertEqual(flag { _, device in device.removable = .known("fixed") }, .known(false))
    XCTAssertEqual(flag { _, device in device.removable = .known(nil) }, .known(false))
    XCTAssertFalse(flag { _, device in device.removable = .unknown("removable", "test") }.isKnown)
    // Also where nothing else is known.
    XCTAssertEqual(
      flag { host, device in
        device.removable = .known("removable")
        host.iommus = .unknown("IOMMU units", "test")
      }, .known(true))
  }

  /// Nil: the flag is not decided.
  private func flag(virtual own: Bool, physical: Bool, _ release: String) -> Bool? {
    flag { host, device in
      host.kernelRelease = .known(release)
      device.physicalFunction = .known(Machines.sibling)
      device.config = .known(Machines.config(ats: own))
      host.devices[Machines.sibling]?.config = .known(Machines.config(ats: physical))
    }.display
  }

  func testAVirtualFunctionNeedsACapabilityOfItsOwn() {
    for release in ["7.1", "7.2.13", "7.2.13-1-amd64", "7.3.0", "7.3.4", "7.4.0-rc1"] {
      XCTAssertEqual(flag(virtual: false, physical: true, release), true, release)
      XCTAssertEqual(flag(virtual: false, physical: false, release), true, release)
      XCTAssertEqual(flag(virtual: true, physical: true, release), false, release)
    }
  }

  func testTheReleaseDecidesWhetherThePhysicalFunctionCounts() {
    for release in ["7.1", "7.1.9", "7.2", "7.2.13"] {
      XCTAssertEqual(flag(virtual: true, physical: false, release), false, release)
    }
    for release in ["7.3.4", "7.3.4-1-amd64", "7.3.12", "7.4.0-rc1", "8.0"] {
      XCTAssertEqual(flag(virtual: true, physical: false, release), true, release)
    }
    // Between the two, and where a distribution may have applied the change.
    for release in ["7.2.14", "7.3", "7.3.0-rc1", "7.3.3", "7.2.13-1-amd64", "7.1.2+deb13", "7.2.0-27-generic"] {
      XCTAssertNil(flag(virtual: true, physical: false, release), release)
    }
    XCTAssertNil(flag { host, device in
      host.kernelRelease = .known("7.3.4")
      device.physicalFunction = .known(Machines.sibling)
      host.devices[Machines.sibling]?.config = .unknown("config", "test")
    }.display)
  }

  func testAMDWithoutItsFeaturesNeverSupportsIt() {
    func amd(iotlb: Bool, features: UInt64) -> Known<Bool> {
      flag { host, device in
        device.iommu = .known("ivhd0")
        host.iommus = .known([
          "ivhd0": IOMMUUnit("ivhd0", capability: .known(iotlb ? 1 << 24 : 0), extendedCapability: .known(features))
        ])
      }
    }
    let all: UInt64 = 1 << 1 | 1 << 4 | 1 << 48 | 1 << 50
    XCTAssertEqual(amd(iotlb: false, features: all), .known(true))
    XCTAssertEqual(amd(iotlb: true, features: all & ~2), .known(true))
    XCTAssertFalse(amd(iotlb: true, features: all).isKnown)
  }

  // MARK: SMMUv3

  private static let smmu = "smmu3.0x0000000009050000"

  /// A device behind an SMMUv3 with a root complex that has the attribute and a unit with IDR0.ATS, changed.
  private func arm(_ change: (inout Facts.Host, inout HostDevice, inout IOMMUUnit) -> Void) -> (Facts.Host, HostDevice) {
    var host = Machines.host()
    var unit = IOMMUUnit(KernelATSTests.smmu, capability: .unknown("cap", "test"), extendedCapability: .unknown("ecap", "test"))
    unit.identification = .known([0x0d44_141b, 0x0273_0010, 0, 0x1414, 0, 0x74])
    var device = host.devices[Machines.address] ?? HostDevice(Machines.address, nothingKnown: "test")
    device.iommu = .known(unit.name)
    device.firmwareATS = .unknown("DMAR", "test")
    device.rootComplex = .known(RootComplex(.iort, ats: true, canwbs: false))
    host.kernelConfig = .known(["CONFIG_PCI_ATS": "y"])
    change(&host, &device, &unit)
    host.iommus = .known([unit.name: unit])
    host.devices[Machines.address] = device
    return (host, device)
  }

  /// The table of what Linux 7.3.4 answered behind an emulated SMMUv3: IDR0.ATS, the attribute, `pci=noats`.
  func testSMMUv3NeedsItsRegisterAndTheRootComplex() {
    func flag(hardware: Bool, attribute: Bool, _ line: String = "quiet") -> Known<Bool> {
      let (host, device) = arm { host, device, unit in
        host.kernelCommandLine = .known(line)
        device.rootComplex = .known(RootComplex(.deviceTree, ats: attribute, canwbs: false))
        unit.identification = .known([hardware ? 0x0d44_141b : 0x0d44_101b, 0x0273_0010, 0, 0x1414, 0, 0x74])
      }
      return KernelATS.flagSet(device, on: host)
    }
    XCTAssertEqual(flag(hardware: false, attribute: false), .known(true))
    XCTAssertEqual(flag(hardware: false, attribute: true), .known(true))
    XCTAssertEqual(flag(hardware: true, attribute: false), .known(true))
    XCTAssertEqual(flag(hardware: true, attribute: true), .known(false))
    XCTAssertEqual(flag(hardware: true, attribute: true, "iommu.passthrough=1"), .known(false))
    XCTAssertEqual(flag(hardware: true, attribute: true, "pci=noats"), .known(true))
  }

  func testEachFactThatIsMissingLeavesSMMUv3Open() {
    func isKnown(_ change: (inout Facts.Host, inout HostDevice, inout IOMMUUnit) -> Void) -> Bool {
      let (host, device) = arm(change)
      return KernelATS.flagSet(device, on: host).isKnown
    }
    XCTAssertTrue(isKnown { _, _, _ in })
    XCTAssertFalse(isKnown { _, device, _ in device.rootComplex = .unknown("IORT", "test") })
    XCTAssertFalse(isKnown { _, _, unit in unit.identification = .unknown("IDR", "test") })
    XCTAssertFalse(isKnown { _, _, unit in unit.identification = .known([0x0d44_141b]) })
    XCTAssertFalse(isKnown { host, _, _ in host.kernelConfig = .known([:]) })
    XCTAssertFalse(isKnown { host, _, _ in host.kernelConfig = .known(["CONFIG_PCI_ATS": "n"]) })
    XCTAssertFalse(isKnown { host, _, _ in host.kernelCommandLine = .unknown("cmdline", "test") })
    XCTAssertFalse(isKnown { _, device, _ in device.config = .unknown("config", "test") })
    XCTAssertFalse(isKnown { _, device, _ in device.vendor = .unknown("vendor", "test") })
    XCTAssertFalse(isKnown { _, device, _ in device.removable = .unknown("removable", "test") })
  }

  func testTheEvidenceIsNamed() {
    func evidence(_ change: (inout Facts.Host, inout HostDevice, inout IOMMUUnit) -> Void) -> String? {
      let (host, device) = arm(change)
      return KernelATS.evidence(device, on: host)
    }
    XCTAssertEqual(
      evidence { _, device, _ in device.rootComplex = .known(RootComplex(.iort, ats: false, canwbs: true)) },
      "the root complex of segment 0 has no ATS attribute in IORT")
    XCTAssertEqual(
      evidence { _, device, _ in device.rootComplex = .known(RootComplex(.deviceTree, ats: false, canwbs: false)) },
      "the host bridge of domain 0 has no `ats-supported` in the device tree")
    XCTAssertEqual(
      evidence { _, _, unit in unit.identification = .known([0x0d44_101b, 0, 0, 0, 0, 0]) },
      "SMMU_IDR0.ATS of \(KernelATSTests.smmu) is 0")
    XCTAssertEqual(evidence { _, device, _ in device.boundATSNotSupported = .known(true) }, "the kernel's answer when the device was bound")
    XCTAssertNil(evidence { _, device, _ in device.rootComplex = .unknown("IORT", "test") })
    XCTAssertNil(evidence { host, _, _ in host.kernelRelease = .known("6.12") })
  }

  /// ATS that is enabled in config space is named, and decides nothing.
  func testStrongEvidenceIsNoProof() {
    for isEnabled in [false, true] {
      let (host, device) = arm { _, device, unit in
        unit.identification = .unknown("IDR", "test")
        var bytes = [UInt8](repeating: 0, count: 4096)
        for (at, byte) in [(6, 0x10), (0x34, 0x40), (0x40, 0x10), (0x100, 0x0f), (0x102, 1)] as [(Int, UInt8)] { bytes[at] = byte }
        bytes[0x107] = isEnabled ? 0x80 : 0
        device.config = .known(ConfigSpace(bytes, size: .known(4096)))
      }
      guard case .unknown(let unknown) = KernelATS.flagSet(device, on: host) else { return XCTFail("\(isEnabled)") }
      XCTAssertEqual(unknown.reason.contains("probably clear: ATS is enabled"), isEnabled, unknown.reason)
    }
  }
}

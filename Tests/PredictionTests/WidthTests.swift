import Facts
import XCTest

@testable import Prediction

/// The widths that VT-d maps, and the guest's IOMMU compares.
final class WidthTests: XCTestCase {
  /// ECAP bits 43 SMTS, 45 SSADS, 46 SSTS, 47 FSTS (VT-d 4.1 §11.4.3).
  private func unit(bits: UInt64, fiveLevels: Bool = false, _ extended: UInt64...) -> IOMMUUnit {
    IOMMUUnit(
      "dmar0", capability: .known((bits - 1) << 16 | (fiveLevels ? 1 << 60 : 0)),
      extendedCapability: .known(extended.reduce(0) { $0 | 1 << $1 }))
  }

  private func host(_ release: String = "7.3.4", _ line: String = "intel_iommu=on,sm_on") -> Facts.Host {
    var host = Machines.host()
    host.kernelRelease = .known(release)
    host.kernelCommandLine = .known(line)
    return host
  }

  private func range(
    _ unit: IOMMUUnit, on host: Facts.Host, _ backend: VFIOBackend = .legacy, nests: Bool = false
  ) throws -> ClosedRange<Int>? {
    try host.mappedWidth(by: unit, for: .known(backend), nests: nests)?.range
  }

  func testASecondStageTableHasTheWholeWidth() throws {
    XCTAssertEqual(try range(unit(bits: 39), on: host()), 39...39)
    XCTAssertEqual(try range(unit(bits: 48, 46), on: host()), 48...48)
    XCTAssertEqual(try range(unit(bits: 48, 43, 47), on: host("7.3.4", "intel_iommu=sm_off")), 48...48)
    XCTAssertEqual(try range(unit(bits: 48, 43, 46, 47), on: host("6.12.1")), 48...48)
    XCTAssertEqual(try range(unit(bits: 48, 43, 46), on: host()), 48...48)
  }

  func testAFirstStageTableHasOneBitLess() throws {
    XCTAssertEqual(try range(unit(bits: 48, 43, 47), on: host()), 47...47)
    XCTAssertEqual(try range(unit(bits: 57, 43, 47), on: host()), 47...47)
    XCTAssertEqual(try range(unit(bits: 57, fiveLevels: true, 43, 47), on: host()), 56...56)
    XCTAssertEqual(try range(unit(bits: 48, 43, 46, 47), on: host()), 47...47)
    // Below 48 bits the width was never observed.
    XCTAssertEqual(try range(unit(bits: 39, 43, 47), on: host()), 38...39)
  }

  func testTheStageDependsOnTheKernelAndOnDirtyTracking() throws {
    let both = unit(bits: 48, 43, 46, 47)
    XCTAssertEqual(try range(both, on: host("6.13.0")), 47...48)
    XCTAssertEqual(try range(both, on: host("6.14.0")), 47...47)
    let tracking = unit(bits: 48, 43, 45, 46, 47)
    XCTAssertEqual(try range(tracking, on: host(), .iommufd), 47...48)
    XCTAssertEqual(try range(tracking, on: host(), .legacy), 47...47)
    XCTAssertEqual(try range(both, on: host(), .iommufd), 47...47)
    XCTAssertEqual(try range(both, on: host(), nests: true), 48...48)
  }

  func testAWidthIsExceededOnlyWhereItIsCertain() throws {
    let open = try XCTUnwrap(host("6.13.0").mappedWidth(by: unit(bits: 48, 43, 46, 47), for: .known(.legacy)))
    XCTAssertFalse(try open.isExceeded(by: 47))
    XCTAssertThrowsError(try open.isExceeded(by: 48))
    XCTAssertTrue(try open.isExceeded(by: 49))
    XCTAssertThrowsError(try open.exact())
    XCTAssertFalse(open.isExact)
  }

  private func causes(_ unit: String, bits: UInt64 = 39, machine: String = "q35") -> [FailureCause] {
    var host = Machines.host()
    host.iommus = .known(["dmar0": self.unit(bits: bits)])
    return Machines.predict("-M \(machine) -device \(unit) -device vfio-pci,host=0000:01:00.0,bus=pcie.0,addr=3", on: host)
      .last?.failures.map(\.cause) ?? []
  }

  func testTheVIOMMURefusesADeviceInQEMUsOrder() {
    XCTAssertEqual(causes("intel-iommu"), [.cachingModeOff, .addressWidthExceeded])
    XCTAssertEqual(causes("intel-iommu,caching-mode=y"), [.addressWidthExceeded])
    XCTAssertEqual(causes("intel-iommu,caching-mode=on,aw-bits=39"), [])
    XCTAssertEqual(causes("intel-iommu,caching-mode=on", bits: 48), [])
    XCTAssertEqual(causes("intel-iommu,caching-mode=on,fsts=on", bits: 48), [.firstStageWithoutIOMMUFD])
    XCTAssertEqual(causes("intel-iommu,caching-mode=on,x-flts=on", bits: 48), [.firstStageWithoutIOMMUFD])
    XCTAssertEqual(causes("virtio-iommu-pci"), [])
  }

  func testOldMachineTypesHave39Bits() {
    XCTAssertEqual(causes("intel-iommu,caching-mode=on", machine: "pc-q35-9.1"), [])
    XCTAssertEqual(causes("intel-iommu,caching-mode=on", machine: "pc-q35-9.2"), [.addressWidthExceeded])
  }

  func testADeviceThatBypassesTheIOMMUIsNotChecked() {
    XCTAssertEqual(causes("intel-iommu", machine: "q35,default_bus_bypass_iommu=y"), [])
    XCTAssertEqual(causes("intel-iommu", machine: "q35,default_bus_bypass_iommu=n"), [.cachingModeOff, .addressWidthExceeded])
  }

  func testADeviceThatIsCreatedBeforeTheIOMMUIsNotChecked() {
    let failures = Machines.predict("-device vfio-pci,host=0000:01:00.0,bus=pcie.0,addr=3 -device intel-iommu").first?.failures
    XCTAssertEqual(failures, [])
  }

  /// `lm` makes a 64-bit processor of an older model (recorded from 7.2.22 and 11.1.3).
  func testLongModeMayBeGiven() {
    for (cpu, isRefused) in [
      ("qemu32", true), ("qemu32,lm=on", false), ("pentium,+lm", false), ("qemu64,lm=off", true), ("qemu64,-lm", true),
      ("qemu32,+lm,-lm", true), ("qemu64,lm=off,+lm", false),
    ] {
      let machine = Machines.parse("qemu-system-x86_64 -M q35 -cpu \(cpu),phys-bits=40").machine
      let refusal = machine.processorRefusal(.released(11, 1, "11.1.3"))?.failure.text
      XCTAssertEqual(refusal, isRefused ? "phys-bits is not user-configurable in 32 bit" : nil, cpu)
    }
  }
}

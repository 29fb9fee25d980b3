import Facts
import Prediction
import XCTest

/// arm-smmuv3 against the host's SMMUv3, one register bit at a time.
final class SMMUAccelerationTests: XCTestCase {
  /// An SMMUv3 with all that QEMU asks for (Arm IHI 0070 §6.3).
  private static let good: [UInt32] = [0x0840_041b, 0x0000_0520, 0, 0x0000_0500, 0, 0x0000_0075]

  private func text(_ registers: [UInt32]?, _ smmu: String = "accel=on", backend: String = ",iommufd=io0") -> String? {
    var host = Machines.host()
    var unit = IOMMUUnit("smmu3.0x0000000009050000", capability: .known(0), extendedCapability: .known(0))
    if let registers { unit.identification = .known(registers) }
    host.iommus = .known([unit.name: unit])
    host.devices[Machines.address]?.iommu = .known(unit.name)
    let command = "qemu-system-aarch64 -machine virt -nodefaults -object iommufd,id=io0 "
      + "-device arm-smmuv3,primary-bus=pcie.0,id=s,\(smmu) "
      + "-device vfio-pci,host=0000:01:00.0,bus=pcie.0,addr=3\(backend)"
    let one = Predictor(Machines.parse(command).machine, on: host, qemu: .released(11, 1, "11.1.3")).predictions().last
    return one?.failure?.text ?? one?.unknowns.first?.fact
  }

  private func with(_ index: Int, _ value: UInt32) -> [UInt32] {
    var registers = SMMUAccelerationTests.good
    registers[index] = value
    return registers
  }

  func testEachRegisterIsCompared() {
    let good = SMMUAccelerationTests.good
    XCTAssertNil(text(good))
    XCTAssertNil(text(good, "accel=on,ats=on,ril=on,ssidsize=20,oas=48"))
    func refused(_ registers: [UInt32], _ smmu: String, _ expected: String) {
      XCTAssertEqual(text(registers, smmu), "vfio 0000:01:00.0: Failed to set vIOMMU: Host SMMUv3 " + expected)
    }
    XCTAssertEqual(text(with(0, good[0] & ~1)), "vfio 0000:01:00.0: Failed to allocate hwpt: Operation not supported")
    XCTAssertEqual(text(with(0, good[0] & ~2)), "vfio 0000:01:00.0: Failed to allocate hwpt: Operation not supported")
    refused(with(0, good[0] & ~(3 << 27)), "accel=on", "Stream Table format mismatch (host STLEVEL=0, QEMU STLEVEL=1)")
    refused(with(0, good[0] | 3 << 21), "accel=on", "doesn't support Little-endian translation table")
    refused(with(0, good[0] & ~8), "accel=on", "doesn't support AArch64 translation table format")
    refused(with(1, good[1] & ~0x3f | 8), "accel=on", "SIDSIZE not compatible (host=8, QEMU=16)")
    refused(with(1, 0x20), "accel=on,ssidsize=20", "SSIDSIZE not compatible (host=0, QEMU=20)")
    refused(with(3, 0x100), "accel=on,ril=on", "doesn't support Range Invalidation")
    refused(with(5, 0x74), "accel=on,oas=48", "supports only 44-bit IPA, but the vSMMU OAS implies 48-bit IPA")
    refused(with(0, good[0] & ~0x400), "accel=on,ats=on", "doesn't support Address Translation Services")
    refused(with(5, 0x55), "accel=on", "doesn't support 16K translation granule")
  }

  /// A value that the guest's SMMU does not fix is the host's, and facts that nobody reads stay open.
  func testWhatIsNotComparedOrNotKnown() {
    XCTAssertNil(text(with(1, 0x20)))
    XCTAssertNil(text(with(0, SMMUAccelerationTests.good[0] & ~0x400)))
    XCTAssertEqual(text(with(3, 0x400)), "CANWBS of the root complex of 0000:01:00.0")
    XCTAssertEqual(text(nil), "identification registers of smmu3.0x0000000009050000")
    XCTAssertEqual(text(SMMUAccelerationTests.good, "accel=on,cmdqv=on"), "command queues of the host's SMMUv3")
  }

  /// Recorded by both backends (Linux 7.3.4, QEMU 11.1.3).
  func testAPlainSMMURefusesEveryDevice() {
    let end = "memory listener initialization failed: Region smmuv3-iommu-memory-region-24-0: device 00.03.0 requires iommu MAP "
      + "notifier which is not currently supported"
    XCTAssertEqual(text(SMMUAccelerationTests.good, "accel=off"), "vfio 0000:01:00.0: " + end)
    XCTAssertEqual(
      text(SMMUAccelerationTests.good, "accel=off", backend: ""), "vfio 0000:01:00.0: failed to setup container for group 1: " + end)
  }
}

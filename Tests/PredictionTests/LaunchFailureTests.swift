import Facts
import Prediction
import XCTest

/// Refusals of other parts of a machine that no recorded row has, because they need KVM.
final class LaunchFailureTests: XCTestCase {
  private func texts(_ options: String) -> [String] {
    let machine = Machines.parse("qemu-system-x86_64 -nodefaults " + options).machine
    return Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).run().launchFailures.map(\.failure.text)
  }

  /// KVM's whole interrupt controller leaves none to the IOMMU (QEMU hw/i386/x86-iommu.c: x86_iommu_realize).
  func testExtendedInterruptModeNeedsRemapping() {
    let text = ["eim=on cannot be selected without intremap=on"]
    XCTAssertEqual(texts("-M q35,kernel-irqchip=on -accel kvm -device intel-iommu,eim=on"), text)
    XCTAssertEqual(texts("-M q35 -accel kvm -device intel-iommu,eim=on"), text)
    XCTAssertEqual(texts("-M q35,kernel-irqchip=split -accel kvm -device intel-iommu,eim=on"), [])
    XCTAssertEqual(texts("-M q35 -accel tcg -device intel-iommu,eim=on"), [])
    XCTAssertEqual(texts("-M q35 -accel tcg -device intel-iommu,eim=on,intremap=off"), text)
  }

  /// A value or a machine that only the shell knows refuses nothing.
  func testWhatIsNotKnownIsNotRefused() {
    XCTAssertEqual(texts("-M q35 -device pcie-root-port,id=a,chassis=$n -device pcie-root-port,id=b,chassis=1"), [])
    XCTAssertEqual(texts("-M $machine -device pcie-root-port,id=a -device pcie-root-port,id=b"), [])
  }
}

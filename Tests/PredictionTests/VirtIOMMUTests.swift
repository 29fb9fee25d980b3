import Facts
import Prediction
import XCTest

/// IOMMUs of `virt`: what QEMU refuses before any vfio device, each text observed on the release named.
final class VirtIOMMUTests: XCTestCase {
  private func texts(_ options: String, _ qemu: QEMUProfile = .released(11, 1, "11.1.3")) -> [String] {
    let machine = Machines.parse("qemu-system-aarch64 -nodefaults -accel tcg " + options).machine
    return Predictor(machine, on: Machines.host(), qemu: qemu).run().launchFailures.map(\.failure.text)
  }

  private let old = QEMUProfile.released(7, 2, "7.2.22")

  /// Users can make one since 10.2 (QEMU hw/arm/smmuv3.c: smmuv3_class_init).
  func testAnSMMUIsOfTheMachineAloneBefore10_2() {
    for qemu in [old, .released(10, 0, "10.0.13")] {
      let found = texts("-M virt -device pxb-pcie,id=p1,bus_nr=8 -device arm-smmuv3,primary-bus=p1", qemu)
      XCTAssertEqual(found, ["Parameter 'driver' expects a pluggable device type"])
    }
    let patched = QEMUProfile(
      name: "/usr/bin/qemu-system-aarch64", behaviour: .known(.none), properties: old.properties, release: .known(QEMURelease(10, 1)))
    let machine = Machines.parse("qemu-system-aarch64 -M virt -device arm-smmuv3,primary-bus=pcie.0").machine
    let outcome = Predictor(machine, on: Machines.host(), qemu: patched).run()
    XCTAssertEqual(outcome.unmodelled.map(\.fact.fact), ["device type `arm-smmuv3`"])
    XCTAssertEqual(texts("-M virt -device pxb-pcie,id=p1,bus_nr=8 -device arm-smmuv3,primary-bus=p1"), [])
  }

  func testASecondIOMMU() {
    for qemu in [old, .released(11, 1, "11.1.3")] {
      for options in [
        "virt,iommu=smmuv3,default-bus-bypass-iommu=on -device virtio-iommu-pci", "virt -device virtio-iommu-pci -device virtio-iommu-pci",
      ] {
        XCTAssertEqual(texts("-M " + options, qemu), ["virt machine does not support multiple IOMMUs"], options)
      }
      XCTAssertEqual(texts("-M virt -device virtio-iommu-pci", qemu), [])
    }
  }

  func testInitiatorsAreOfLaterReleases() {
    let object = "-M virt -object acpi-generic-initiator,id=g,pci-dev=x,node=0"
    XCTAssertEqual(texts(object, old), ["Parameter 'qom-type' does not accept value 'acpi-generic-initiator'"])
    XCTAssertFalse(texts(object).contains { $0.contains("qom-type") })
  }
}

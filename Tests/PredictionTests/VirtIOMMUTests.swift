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

  /// The machine makes its SMMU before any device.
  func testGlobalsOfTheMachinesOwnSMMU() {
    func own(_ value: String) -> [String] { texts("-M virt,iommu=smmuv3 -global arm-smmuv3.\(value)") }
    XCTAssertEqual(own("nosuch=52"), ["can't apply global arm-smmuv3.nosuch=52: Property 'arm-smmuv3.nosuch' not found"])
    XCTAssertEqual(own("oas=foo"), ["can't apply global arm-smmuv3.oas=foo: Parameter 'oas' does not accept value 'foo'"])
    XCTAssertEqual(
      own("oas=52"), ["QEMU SMMUv3 model only implements auto, 44 bit, or 48 bit OAS. Other OasMode values are not supported."])
    XCTAssertEqual(
      texts("-M virt,iommu=smmuv3 -global arm-smmu.bus_num=foo"),
      ["can't apply global arm-smmu.bus_num=foo: Parameter 'bus_num' expects uint64"])
    XCTAssertEqual(own("oas=44"), [])
    XCTAssertEqual(own("ril=on"), [])
    XCTAssertEqual(texts("-M virt -global arm-smmuv3.nosuch=52"), [])
  }

  func testGlobalsOfTheMachinesOwnSMMUOf7_2() {
    for name in ["ats", "accel", "oas", "stage", "nosuch"] {
      XCTAssertEqual(
        texts("-M virt,iommu=smmuv3 -global arm-smmuv3.\(name)=on", old),
        ["can't apply global arm-smmuv3.\(name)=on: Property 'arm-smmuv3.\(name)' not found"])
    }
  }

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

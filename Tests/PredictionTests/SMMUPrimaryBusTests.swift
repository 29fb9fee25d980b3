import Facts
import Inputs
import Syntax
import XCTest

@testable import Prediction

/// The root complex of arm-smmuv3. Texts of QEMU 11.1.3 for Arm.
final class SMMUPrimaryBusTests: XCTestCase {
  private func outcome(_ options: String) -> Predictor.Outcome {
    let machine = Machines.parse("qemu-system-aarch64 -nodefaults " + options).machine
    return Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).run()
  }

  private func texts(_ options: String) -> [String] { outcome(options).launchFailures.map(\.failure.text) }

  func testABusThatDoesNotExist() {
    let later = "-device pxb-pcie,id=p1,bus_nr=20"
    for link in ["pcie.1", "PCIE.0", "main-system-bus", "p1"] {
      XCTAssertEqual(texts("-M virt -device arm-smmuv3,primary-bus=\(link) \(later)"), ["Device '\(link)' not found"])
    }
    XCTAssertEqual(texts("-M virt \(later) -device arm-smmuv3,primary-bus=p1.0"), ["Device 'p1.0' not found"])
    XCTAssertEqual(
      texts("-M virt -global arm-smmuv3.primary-bus=pcie.7 -device arm-smmuv3"),
      ["can't apply global arm-smmuv3.primary-bus=pcie.7: Device 'pcie.7' not found"])
    XCTAssertEqual(
      texts("-M virt -device e1000,id=e -device arm-smmuv3,primary-bus=e"),
      ["Invalid parameter type for 'primary-bus', expected: PCI"])
    for port in ["pcie-root-port,id=pcie.0", "pcie-root-port"] {
      XCTAssertEqual(
        texts("-M virt -device \(port) -device arm-smmuv3,primary-bus=pcie.0"),
        ["Path 'pcie.0' does not uniquely identify an object"], port)
    }
  }

  func testABusThatIsNoRootComplex() {
    let text = ["SMMU should be attached to a default PCIe root complex(pcie.0) or a pxb-pcie based root complex"]
    for device in ["pcie-root-port,id=b", "pcie-pci-bridge,id=b", "x3130-upstream,id=b"] {
      XCTAssertEqual(texts("-M virt -device \(device) -device arm-smmuv3,primary-bus=b"), text, device)
    }
    XCTAssertEqual(texts("-M virt,cxl=on -device pxb-cxl,id=b,bus_nr=20 -device arm-smmuv3,primary-bus=b"), text)
    XCTAssertEqual(texts("-M virt -device pxb-pcie,id=b,bus_nr=20 -device arm-smmuv3,primary-bus=b"), [])
    XCTAssertEqual(texts("-M virt -device pxb-pcie,bus_nr=20 -device arm-smmuv3,primary-bus=pxb-pcie-bus.0"), [])
  }

  func testARootComplexThatBypasses() {
    let text = ["Bypass option cannot be set for SMMUv3 associated PCIe RC"]
    XCTAssertEqual(texts("-M virt -device pxb-pcie,id=p,bus_nr=20,bypass_iommu=on -device arm-smmuv3,primary-bus=p"), text)
    for option in ["default-bus-bypass-iommu", "default_bus_bypass_iommu", "default_bus_bypass-iommu"] {
      XCTAssertEqual(texts("-M virt,\(option)=on -device arm-smmuv3,primary-bus=pcie.0"), text, option)
    }
    let other = "-device pxb-pcie,id=p,bus_nr=20 -device arm-smmuv3,primary-bus=p"
    XCTAssertEqual(texts("-M virt,default-bus-bypass-iommu=on " + other), [])
  }

  func testTheBusOfTheSMMUItself() {
    let smmu = "-M virt -device pxb-pcie,id=p,bus_nr=20 -device arm-smmuv3,primary-bus=p"
    XCTAssertEqual(texts(smmu + ",bus=pcie.0"), ["Device 'arm-smmuv3' can't go on PCIE bus"])
    XCTAssertEqual(texts(smmu + ",bus=sysbus"), ["Bus 'sysbus' not found"])
    XCTAssertEqual(texts(smmu + ",bus=main-system-bus"), [])
  }

  /// It serves no device, so that nothing else is open.
  func testWithoutARootComplex() {
    for property in ["", ",primary-bus="] {
      let all = outcome("-M virt -device arm-smmuv3\(property) -device vfio-pci,host=0000:01:00.0")
      XCTAssertEqual(all.launchFailures.map(\.failure.text), ["SMMU is not attached to any PCI bus!"])
      XCTAssertNil(all.predictions.first?.unknowns.first { $0.fact.contains("primary-bus") })
    }
  }

  /// Names by which it may be found.
  func testNamesThatAreNotModelled() {
    for options in [
      "-device arm-smmuv3,primary-bus=/machine/unattached/device[3]/pcie.0", "$MORE -device arm-smmuv3,primary-bus=p",
    ] {
      let all = outcome("-M virt " + options)
      XCTAssertEqual(all.launchFailures.count, 0, options)
      XCTAssertEqual(all.undecided.map(\.driver), ["arm-smmuv3"], options)
    }
  }

  func testArmsSMMUOnX86() {
    for machine in ["q35", "pc", "microvm"] {
      let device = "qemu-system-x86_64 -nodefaults -M \(machine) -device arm-smmuv3,primary-bus=pcie.0"
      let all = Predictor(Machines.parse(device).machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).run()
      XCTAssertEqual(all.launchFailures.map(\.failure.text), ["'arm-smmuv3' is not a valid device model name"], machine)
    }
  }

  /// libvirt leaves them to QEMU.
  func testSMMUsOfLibvirt() {
    func texts(_ drivers: String...) -> [String] {
      let units = drivers.map { "<iommu model='smmuv3'><driver \($0)/></iommu>" }.joined()
      let text = """
        <domain type='kvm'><name>vm</name><memory unit='GiB'>8</memory><vcpu>8</vcpu><os><type arch='aarch64' machine='virt'>hvm</type></os>
        <devices><controller type='pci' index='0' model='pcie-root'/><controller type='pci' index='1' model='pcie-root-port'/>
        \(units)</devices></domain>
        """
      let machine = ParsedInput.parse(SourceText(name: "t", bytes: Array(text.utf8))).machine
      return Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).run().launchFailures.map(\.failure.text)
    }
    XCTAssertEqual(texts("pciBus='0'", "pciBus='0'"), ["An iommu is already attached to this bus"])
    XCTAssertEqual(
      texts("pciBus='1'"), ["SMMU should be attached to a default PCIe root complex(pcie.0) or a pxb-pcie based root complex"])
    XCTAssertEqual(
      texts("pciBus='0' accel='on' oas='40'"),
      ["QEMU SMMUv3 model only implements auto, 44 bit, or 48 bit OAS. Other OasMode values are not supported."])
    XCTAssertEqual(texts("pciBus='0' accel='on' ssidsize='21'"), ["Parameter 'ssidsize' does not accept value '21'"])
    XCTAssertEqual(texts("pciBus='0' accel='on' oas='33'"), ["Parameter 'oas' does not accept value '33'"])
    XCTAssertEqual(texts("pciBus='0'"), [])
  }

  /// A plug that QEMU refuses serves no device.
  func testAnSMMUIsNotPlugged() {
    let machine = Machines.parse("qemu-system-aarch64 -M virt -nodefaults -device pcie-root-port,id=rp1,chassis=1").machine
    func add(_ properties: String) -> String { "{\"execute\":\"device_add\",\"arguments\":{\(properties)}}\n" }
    let plugs = Machines.parse(
      add("\"driver\":\"arm-smmuv3\",\"id\":\"s\",\"primary-bus\":\"pcie.0\"")
        + add("\"driver\":\"vfio-pci\",\"id\":\"v\",\"host\":\"0000:01:00.0\",\"bus\":\"rp1\"")).plugs
    let outcome = Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).run(plugs: plugs)
    XCTAssertEqual(outcome.launchFailures.map(\.failure.text), ["Device 'arm-smmuv3' does not support hotplugging"])
    XCTAssertEqual(outcome.predictions.map(\.realize), [.ok])
  }
}

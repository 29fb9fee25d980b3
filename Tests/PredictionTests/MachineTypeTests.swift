import Facts
import XCTest

@testable import Prediction

/// Machine types of other releases and architectures. Texts of QEMU for Arm and for x86, 11.1.3 and 7.2.22.
final class MachineTypeTests: XCTestCase {
  private func texts(_ command: String, _ major: Int = 11, _ minor: Int = 1, isArm: Bool? = nil) -> [String] {
    var host = Machines.host()
    if let isArm {
      let kind: IOMMUUnit.Kind = isArm ? .smmuv3 : .intel
      let name = kind == .smmuv3 ? "smmu3.0x0000000009050000" : "dmar0"
      host.iommus = .known([name: IOMMUUnit(name, capability: .known(0), extendedCapability: .known(0))])
    }
    let machine = Machines.parse(command + " -nodefaults").machine
    return Predictor(machine, on: host, qemu: .released(major, minor, "\(major).\(minor).0")).run().launchFailures.map(\.failure.text)
  }

  private func refused(_ type: String) -> [String] { ["unsupported machine type: \"\(type)\""] }

  func testTypesOfAnotherRelease() {
    for type in ["virt-12.0", "virt-2.6", "virt-5.1", "virt-4.0.1", "virt-11", "virt-"] {
      XCTAssertEqual(texts("qemu-system-aarch64 -M " + type), refused(type), type)
    }
    for type in ["virt", "virt-5.2", "virt-11.1"] { XCTAssertEqual(texts("qemu-system-aarch64 -M " + type), [], type) }
    XCTAssertEqual(texts("qemu-system-aarch64 -M virt-9.0", 7, 2), ["unsupported machine type"])
    for type in ["virt-2.6", "virt-7.2"] { XCTAssertEqual(texts("qemu-system-aarch64 -M " + type, 7, 2), [], type) }
  }

  /// Observed with `-M q53` on 11.1.3 and 7.2.22. A type that resembles none may be of another build.
  func testMisspeltTypes() {
    for type in ["q53", "q355", "microvn"] { XCTAssertEqual(texts("qemu-system-x86_64 -M " + type), refused(type), type) }
    XCTAssertEqual(texts("qemu-system-x86_64 -M q53", 7, 2), ["unsupported machine type"])
    XCTAssertEqual(texts("qemu-system-aarch64 -M vrit"), refused("vrit"))
    for type in ["q35", "pc", "none", "isapc", "ubuntu", "x-remote"] { XCTAssertEqual(texts("qemu-system-x86_64 -M " + type), [], type) }
    XCTAssertEqual(texts("qemu-system-x86_64 -M q53", 12, 0), [])
    XCTAssertEqual(texts("my-qemu -M q53"), [])
  }

  /// libvirt writes the versioned type of its own QEMU into a domain: an assumed QEMU says nothing about it.
  func testADomainOfAnotherQEMUThanTheAssumedOne() {
    func verdict(_ type: String, _ qemu: QEMUProfile) -> (refusals: [String], isOpen: Bool) {
      var machine = Machines.parse("qemu-system-x86_64 -nodefaults -M " + type).machine
      machine.libvirt = LibvirtDomain(name: "guest")
      let refusals = Predictor(machine, on: Machines.host(), qemu: qemu).run().launchFailures.map(\.failure.text)
      return (refusals, machine.unknownMachineType(qemu) != nil)
    }
    let named = QEMUProfile.released(11, 1, "11.1.3")
    for type in ["pc-q35-4.0", "pc-q35-99.0", "q355"] { XCTAssertEqual(verdict(type, named).refusals, refused(type), type) }
    for type in ["pc-q35-noble", "ubuntu-q35", "pcq35"] { XCTAssert(verdict(type, named).isOpen, type) }
    for type in ["q35", "pc", "isapc", "xenfv-4.2", "pc-1.2"] { XCTAssertFalse(verdict(type, named).isOpen, type) }
    for type in ["pc-q35-4.0", "pc-1.2", "pc-q35-noble", "q35"] {
      XCTAssertEqual(verdict(type, named.assumed).refusals, [], type)
      XCTAssertFalse(verdict(type, named.assumed).isOpen, type)
    }
    XCTAssertEqual(verdict("pc-q35-99.0", named.assumed).refusals, [])
    XCTAssert(verdict("pc-q35-99.0", named.assumed).isOpen, "a newer QEMU may have it")
    XCTAssertEqual(verdict("q355", named.assumed).refusals, refused("q355"))
  }

  func testTypesOfAnotherArchitecture() {
    for type in ["q35", "pc", "microvm", "isapc", "pc-q35-9.0", "pc-i440fx-9.0", "pc-q35-noble"] {
      XCTAssertEqual(texts("qemu-system-aarch64 -M " + type), refused(type), type)
    }
    for program in ["qemu-system-x86_64", "/usr/bin/qemu-system-i386"] {
      XCTAssertEqual(texts(program + " -M virt"), refused("virt"), program)
    }
    XCTAssertEqual(texts("qemu-system-x86_64 -M virt", 7, 2), ["unsupported machine type"])
  }

  /// The program of this name is that of the host's architecture.
  func testTheHostDecidesForAProgramOfNoArchitecture() {
    XCTAssertEqual(texts("kvm -M virt", isArm: false), refused("virt"))
    XCTAssertEqual(texts("kvm -M virt", isArm: true), [])
    XCTAssertEqual(texts("/usr/libexec/qemu-kvm -M virt", isArm: false), refused("virt"))
    XCTAssertEqual(texts("/usr/libexec/qemu-kvm -M q35", isArm: true), refused("q35"))
    XCTAssertEqual(texts("/usr/libexec/qemu-kvm -M virt", isArm: true), [])
    XCTAssertEqual(texts("/usr/libexec/qemu-kvm -M q35", isArm: false), [])
    XCTAssertEqual(texts("./qemu -M virt", isArm: false), [])
  }

  func testTypesThatAreNotKnown() {
    func fact(_ type: String, _ qemu: QEMUProfile) -> String? {
      Machines.parse("qemu-system-aarch64 -M " + type).machine.unknownMachineType(qemu)?.fact.fact
    }
    XCTAssertEqual(fact("virt-rhel9.2.0", .released(11, 1, "11.1.3")), "machine type `virt-rhel9.2.0`")
    XCTAssertEqual(fact("virt-2.6", .released(10, 0, "10.0.13")), "machine type `virt-2.6`")
    for type in ["virt", "virt-4.0"] { XCTAssertNil(fact(type, .released(10, 0, "10.0.13"))) }
    for type in ["raspi4b", "sbsa-ref", "foo"] { XCTAssertEqual(fact(type, .released(11, 1, "11.1.3")), "machine type `\(type)`") }
    let written = Machines.parse("qemu-system-x86_64 -M $TYPE -device pcie-root-port,id=p").machine
    XCTAssertEqual(written.unknownMachineType(.released(11, 1, "11.1.3"))?.fact.fact, "machine type")
  }

  /// Observed on 7.2.22 and 11.1.3.
  func testArmHasNoDefault() {
    XCTAssertEqual(texts("qemu-system-aarch64 -nodefaults"), ["No machine specified, and there is no default"])
    XCTAssertEqual(texts("qemu-system-aarch64 -M acpi=off"), ["No machine specified, and there is no default"])
    for command in ["qemu-system-aarch64 $MACHINE", "qemu-system-aarch64 -readconfig f", "./qemu -S", "qemu-system-x86_64 -S"] {
      XCTAssertEqual(texts(command), [], command)
    }
  }

  /// `virt` of RISC-V and LoongArch is another machine than Arm's.
  func testMachinesOfOtherProcessors() {
    for program in ["qemu-system-riscv64", "/usr/bin/qemu-system-loongarch64", "qemu-system-ppc64", "qemu-system-s390x"] {
      for type in ["q35", "pc", "microvm", "pc-q35-9.0"] {
        XCTAssertEqual(texts("\(program) -M \(type)"), ["unsupported machine type: \"\(type)\""], program)
      }
      XCTAssertEqual(texts(program + " -M virt,aia=aplic-imsic"), [], program)
      let machine = Machines.parse(program + " -M virt -nodefaults -device vfio-pci,host=0000:01:00.0").machine
      let realize = Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).predictions().map(\.realize)
      XCTAssertEqual(realize, [.undetermined], program)
    }
    XCTAssertEqual(texts("qemu-system-amd64 -M virt"), ["unsupported machine type: \"virt\""])
    XCTAssertEqual(texts("qemu-system-arm64 -M q35"), ["unsupported machine type: \"q35\""])
  }

  /// Arm has other device types than x86.
  func testDeviceTypesOfVirt() {
    func missing(_ driver: String) -> [String] {
      let machine = Machines.parse("qemu-system-aarch64 -M virt -nodefaults -device \(driver)").machine
      return Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).run().unmodelled.map(\.fact.fact)
    }
    for driver in [
      "smmuv3", "isa-serial", "pvpanic", "arm-smmu", "gpio-pwr", "virtio-iommu-device", "hpet", "vmgenid", "cortex-a57-arm-cpu",
      "virtio-vga", "tpm-tis", "foo-device",
    ] {
      XCTAssertEqual(missing(driver), ["device type `\(driver)`"])
    }
    for driver in [
      "arm-smmuv3,primary-bus=pcie.0", "virtio-net", "virtio-net-pci", "virtio-blk-device", "qemu-xhci", "pvpanic-pci", "ramfb",
      "pcie-root-port", "tpm-tis-device", "usb-kbd", "qxl",
    ] {
      XCTAssertEqual(missing(driver), [], driver)
    }
  }
}

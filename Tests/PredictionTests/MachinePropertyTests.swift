import Facts
import Inputs
import Prediction
import XCTest

/// Properties of machines, as QEMU 7.2.22, 10.0.13 and 11.1.3 refused or accepted them.
final class MachinePropertyTests: XCTestCase {
  private func texts(_ options: String, _ major: Int = 11, _ minor: Int = 1) -> [String] {
    let machine = Machines.parse("qemu-system-x86_64 -nodefaults -M " + options).machine
    return Predictor(machine, on: Machines.host(), qemu: .released(major, minor, "\(major).\(minor).0")).run().launchFailures
      .map(\.failure.text)
  }

  func testGlobalsOfPartsOfAMachine() {
    let hole = "pci-hole64-size=zz: Parameter 'pci-hole64-size' expects a non-negative number below 2^64"
    XCTAssertEqual(texts("pc -global i440FX-pcihost.pci-hole64-size=zz"), ["can't apply global i440FX-pcihost.\(hole)"])
    // The device in a card is made before the card.
    let both = "q35 -global virtio-net-pci.multifunction=zz -global virtio-net-device.packed=zz -device virtio-net-pci"
    XCTAssertEqual(texts(both, 7, 2), ["can't apply global virtio-net-device.packed=zz: Parameter 'packed' expects 'on' or 'off'"])
  }

  /// One of JSON may have any id, and a card of vDPA may be one of a network.
  func testWhatIsNotReadMayBeRight() {
    XCTAssertEqual(texts(#"q35 -audiodev '{"driver":"none","id":"a0"}' -device AC97,audiodev=a0"#), [])
    let card = "vhost-vdpa-device-pci,bus=rp,vhostdev=/dev/vhost-vdpa-0"
    XCTAssertEqual(texts("q35 -device pcie-root-port,id=rp -device \(card),failover_pair_id=x"), [])
  }

  func testQueuesOfHalfOfAllNumbersEndQEMUByAnotherSignal() {
    func signals(_ size: String) -> [String?] {
      let machine = Machines.parse("qemu-system-x86_64 -nodefaults -M q35 -device virtio-scsi-pci,virtqueue_size=\(size)").machine
      return Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).run().launchFailures.map(\.failure.signal)
    }
    XCTAssertEqual(signals("2147483647"), ["SIGABRT"])
    XCTAssertEqual(signals("2147483648"), ["SIGTRAP"])
  }

  func testLimitsOfValues() {
    for (option, text) in [
      ("max-ram-below-4g=5G", "Machine option 'max-ram-below-4g=5368709120' expects size less than or equal to 4G"),
      ("x-oem-id=SEVENSE", "User specified x-oem-id value is bigger than 6 bytes in size"),
      ("x-oem-table-id=NINENINEN", "User specified x-oem-table-id value is bigger than 8 bytes in size"),
      ("smbios-entry-point-type=foo", "Parameter 'smbios-entry-point-type' does not accept value 'foo'"),
      ("nvdimm-persistence=foo", "-machine nvdimm-persistence=foo: unsupported option"),
      ("phandle-start=x", "Parameter 'phandle-start' expects integer"), ("vmport", "Expected '=' after parameter 'vmport'"),
      ("acpi.foo=on", "Parameters 'acpi.*' are unexpected"), ("smp=2", "Invalid parameter type for 'smp', expected: object"),
      ("nographics", "Expected '=' after parameter 'nographics'"),
      ("default-bus-bypass-iommu=on,default_bus_bypass_iommu=off",
        "Conflict between 'default_bus_bypass_iommu' and 'default-bus-bypass-iommu'"),
    ] {
      XCTAssertEqual(texts("q35," + option), [text], option)
      XCTAssertEqual(texts("pc," + option, 7, 2), [text], option)
    }
    for option in [
      "max-ram-below-4g=4G", "max-fw-size=16M", "x-oem-id=SIXSIX", "x-oem-table-id=EIGHTEIG", "nvdimm-persistence=cpu",
      "bus-lock-ratelimit=-1", "vmport=on", "kernel-irqchip=maybe", "smbios-entry-point-type=64", "x-oem-id=$ID",
    ] {
      XCTAssertEqual(texts("q35," + option, 7, 2), [], option)
    }
    XCTAssertEqual(texts("q35,smbios-entry-point-type=auto"), [])
    XCTAssertEqual(
      texts("q35,smbios-entry-point-type=auto", 7, 2), ["Parameter 'smbios-entry-point-type' does not accept value 'auto'"])
    XCTAssertEqual(texts("q35,max-fw-size=17M", 10, 0).first?.contains("combined firmware size"), true)
    XCTAssertEqual(texts("q35,max-fw-size=17M", 7, 2).first?.contains("combined firwmare size"), true)
  }

  /// VMware's mouse is a part of the keyboard controller; 7.2 leaves it out then.
  func testAMouseWithoutAController() {
    for (major, minor) in [(10, 0), (11, 1)] {
      for option in ["q35,i8042=off,vmport=on", "pc,vmport=on,i8042=off"] {
        XCTAssertEqual(texts(option, major, minor), ["vmport requires the i8042 controller to be enabled"])
      }
    }
    for option in ["i8042=off", "i8042=off,vmport=auto", "i8042=off,vmport=off", "i8042=on,vmport=on", "i8042=$X,vmport=on"] {
      XCTAssertEqual(texts("q35," + option), [], option)
    }
    XCTAssertEqual(texts("q35,i8042=off,vmport=on", 7, 2), [])
  }

  /// The old name of `confidential-guest-support` is no path, and memory backends are made later.
  func testMemoryEncryption() {
    let guest = " -object sev-guest,id=sev0,cbitpos=51,reduced-phys-bits=1"
    for release in [(7, 2), (10, 0), (11, 1)] {
      func texts(_ options: String) -> [String] { self.texts(options, release.0, release.1) }
      XCTAssertEqual(texts("q35,memory-encryption=sev1" + guest), ["No such memory encryption object 'sev1'"])
      XCTAssertEqual(texts("q35,memory-encryption=/objects/sev0" + guest), ["No such memory encryption object '/objects/sev0'"])
      XCTAssertEqual(
        texts("q35,memory-encryption=m -object memory-backend-ram,id=m,size=1M"), ["No such memory encryption object 'm'"])
      XCTAssertEqual(
        texts("q35,memory-encryption=t -object iothread,id=t"),
        ["Invalid parameter type for 'confidential-guest-support', expected: confidential-guest-support"])
      XCTAssertEqual(texts("q35,accel=kvm,memory-encryption=sev0" + guest), [])
    }
    XCTAssertEqual(
      texts("q35,memory-encryption=sev0 -accel tcg" + guest), ["accelerator does not support confidential guest sev-guest"])
    XCTAssertEqual(
      texts("q35,memory-encryption=sev0 -accel tcg" + guest, 7, 2), ["qemu_machine_creation_done: Assertion `machine->cgs->ready' failed."])
  }

  func testDottedNames() {
    for name in ["kernel", "memory-backend", "pflash0", "confidential-guest-support", "nvdimm-persistence", "phandle-start"] {
      XCTAssertEqual(texts("q35,\(name).x=1"), ["Parameters '\(name).*' are unexpected"])
      XCTAssertEqual(texts("q35,\(name).x=1", 7, 2), ["Parameters '\(name).*' are unexpected"])
    }
    for option in ["cxl-fmw=x", "cxl-fmw.x=1", "sgx-epc.x=1"] {
      let name = option.prefix(7)
      XCTAssertEqual(texts("q35," + option, 7, 2), ["Invalid parameter type for '\(name)', expected: array"])
    }
    XCTAssertEqual(texts("q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=4G"), [])
  }

  func testPropertiesOfMicrovm() {
    for (option, text) in [
      ("foo=on", "Property 'microvm-machine.foo' not found"), ("hpet=on", "Property 'microvm-machine.hpet' not found"),
      ("vmport=on", "Property 'microvm-machine.vmport' not found"), ("pit=foo", "Parameter 'pit' does not accept value 'foo'"),
      ("isa-serial=foo", "Parameter 'isa-serial' expects 'on' or 'off'"),
    ] {
      XCTAssertEqual(texts("microvm,pcie=on," + option), [text], option)
      XCTAssertEqual(texts("microvm,pcie=on," + option, 7, 2), [text], option)
    }
    for option in ["usb=on", "rtc=on", "ioapic2=auto", "x-option-roms=off", "auto-kernel-cmdline=on", "memory.size=1G"] {
      XCTAssertEqual(texts("microvm,pcie=on," + option), [], option)
    }
    XCTAssertEqual(texts("q35,pcie=on"), ["Property 'pc-q35-11.1-machine.pcie' not found"])
  }

  func testAnIOMMUOfMicrovm() {
    for (major, minor) in [(7, 2), (10, 0), (11, 1)] {
      XCTAssertEqual(texts("microvm,pcie=on -device virtio-iommu-device", major, minor), ["VIRTIO-IOMMU is not attached to any PCI bus!"])
    }
  }

  func testMemoryOfMicrovm() {
    XCTAssertEqual(texts("microvm,pcie=on -m 512M,slots=2"), ["slots specified but no max-size"])
    XCTAssertEqual(texts("microvm,pcie=on -m 64M,slots=300,maxmem=1G"), [])
    XCTAssertEqual(
      texts("microvm,pcie=on -object memory-backend-ram,id=m0,size=0"), ["property 'size' of memory-backend-ram doesn't take value '0'"])
    XCTAssertEqual(
      texts("microvm,pcie=on,memory-backend=m0 -m 512M -object memory-backend-ram,id=m0,size=256M"),
      ["Machine memory size does not match the size of the memory backend"])
  }
}

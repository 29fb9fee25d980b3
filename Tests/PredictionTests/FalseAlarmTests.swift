import Facts
import Inputs
import Prediction
import Syntax
import XCTest

/// Launches that QEMU accepts, and that look like ones it refuses.
final class FalseAlarmTests: XCTestCase {
  private func texts(_ options: String, _ major: Int = 7, _ minor: Int = 2) -> [String] {
    let machine = Machines.parse("qemu-system-x86_64 -nodefaults " + options).machine
    let outcome = Predictor(machine, on: Machines.host(), qemu: .released(major, minor, "\(major).\(minor).0")).run()
    return (outcome.predictions.compactMap(\.failure) + outcome.launchFailures.map(\.failure)).map(\.text)
  }

  /// Observed on 7.2.22; 10.0.13 and 11.1.3 refuse all of them.
  func testBefore8OnlyACPIReadsAnIndex() {
    let twice = " -device e1000e,acpi-index=1,addr=5 -device vfio-pci,host=01:00.0,acpi-index=1,addr=6"
    let high = " -device vfio-pci,host=01:00.0,acpi-index=20000"
    let port = " -device pcie-root-port,id=rp,hotplug=off -device vfio-pci,host=01:00.0,acpi-index=1,bus=rp -device e1000e,acpi-index=1"
    let expander = " -device pxb-pcie,id=p,bus_nr=10 -device pcie-root-port,id=rp,bus=p" + high + ",bus=rp"
    let bridgesOff = "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"
    for options in [
      "-M pc-q35-6.0" + twice, "-M pc-q35-6.0" + high, "-M q35 -global " + bridgesOff + high, "-M q35 -global " + bridgesOff + twice,
      "-M pc,acpi=off" + twice.replacing("e1000e", with: "e1000"), "-M microvm,pcie=on" + high, "-M microvm,pcie=on" + twice,
      "-M q35" + port, "-M q35" + expander,
    ] {
      XCTAssertEqual(texts(options), [], options)
      XCTAssertEqual(texts(options, 11, 1).count, 1, options)
    }
  }

  func testBefore8ACPIReadsAnIndex() {
    let twice = " -device e1000,acpi-index=1,addr=5 -device vfio-pci,host=01:00.0,acpi-index=1,addr=6"
    let text = ["a PCI device with acpi-index = 1 already exist"]
    for machine in [
      "pc-q35-6.1", "q35,acpi=off", "pc", "pc-i440fx-1.6", "pc -global PIIX4_PM.acpi-root-pci-hotplug=off",
      "pc -global PIIX4_PM.acpi-pci-hotplug-with-bridge-support=off",
      "pc-q35-6.0 -global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=on",
    ] {
      XCTAssertEqual(texts("-M " + machine + twice), text, machine)
    }
    let behind = " -device pci-bridge,id=b,chassis_nr=1 -device e1000,acpi-index=1,bus=b,addr=1"
      + " -device vfio-pci,host=01:00.0,acpi-index=1,addr=6"
    XCTAssertEqual(texts("-M pc" + behind), text)
    XCTAssertEqual(texts("-M pc -global PIIX4_PM.acpi-pci-hotplug-with-bridge-support=off" + behind), [])
  }

  func testWithoutACPIThereIsNoPowerManagement() {
    for options in ["-M pc,acpi=off", "-M pc -no-acpi"] {
      XCTAssertEqual(texts(options + " -device vfio-pci,host=01:00.0,addr=1.3"), [], options)
    }
    XCTAssertEqual(texts("-M pc,acpi=off -device vfio-pci,host=01:00.0,addr=1.3", 11, 1), [])
    XCTAssertEqual(texts("-M pc -device vfio-pci,host=01:00.0,addr=1.3").count, 1)
  }

  func testDrivesThatTheBoardOrADeviceTakes() {
    let end = ",file=null-co://,format=raw -device vfio-pci,host=01:00.0"
    for options in [
      "-M q35 -drive if=ide,bus=5", "-M pc -drive if=ide,index=3", "-M q35 -drive if=floppy,index=1", "-M q35 -drive if=none,unit=99",
      "-M microvm,pcie=on -drive index=7", "-M q35 -hda null-co:// -drive if=ide",
      "-M q35 -drive if=$KIND", "-M q35 -drive if=virtio,index=40",
      "-M q35 -accel kvm,xen-version=0x4000a -drive if=xen",
    ] {
      XCTAssertEqual(texts(options + end, 11, 1), [], options)
    }
    XCTAssertEqual(texts("-M q35 -cdrom null-co:// -drive index=2" + end, 11, 1), ["drive with bus=2, unit=0 (index=2) exists"])
  }

  func testADoorbellWithoutItsServerHangs() {
    func failure(_ backend: String) -> RealizeFailure? {
      let text = "qemu-system-x86_64 -M q35 -chardev \(backend),id=c -device ivshmem-doorbell,chardev=c -device vfio-pci,host=01:00.0"
      let machine = Machines.parse(text).machine
      return Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).run().launchFailures.first?.failure
    }
    for backend in ["null", "ringbuf", "udp,host=127.0.0.1,port=9"] { XCTAssertEqual(failure(backend)?.cause, .crashingProperty, backend) }
    XCTAssertNil(failure("socket,path=/run/ivshmem"))
  }

  func testANodeMayHaveItsTypeAnywhere() {
    let memory = "-M q35 -m 512,slots=2,maxmem=2G" + (0...2).map { " -object memory-backend-ram,id=m\($0),size=256M" }.joined()
    let module = " -device pc-dimm,memdev=m2,node=1"
    XCTAssertEqual(texts(memory + " -numa type=node,memdev=m0 -numa memdev=m1,type=node" + module, 11, 1), [])
    XCTAssertEqual(texts(memory + " -numa type=node,memdev=m0 -numa nodeid=1,type=node,memdev=m1" + module), [])
  }

  func testNoClustersAreAsGoodAsNone() {
    XCTAssertEqual(texts("-M q35 -smp 4,clusters=0"), [])
    XCTAssertEqual(
      texts("-M q35 -smp 4,clusters=0", 10, 0), ["Invalid CPU topology: CPU topology parameters must be greater than zero"])
    XCTAssertEqual(texts("-M q35 -smp 4,clusters=2"), ["clusters not supported by this machine's CPU topology"])
  }

  /// QEMU prints the properties, and starts no guest.
  func testAQuestionForHelpIsNotADevice() {
    for device in ["vfio-pci,help", "vfio-pci,host=01:00.0,?", "driver=vfio-pci,help=on", "help", "?"] {
      let machine = Machines.parse("qemu-system-x86_64 -M q35 -device " + device).machine
      XCTAssertEqual(machine.devices.count, 0, device)
      XCTAssertEqual(machine.unreadParts.map(\.reason), ["QEMU prints help and starts none"], device)
    }
    let lists = [
      "-cpu help", "-cpu ?", "-accel help", "-object help", "-object iommufd,help", "-object qom-type=help", "-machine help", "-M q35,help",
      "-netdev help", "-smp help",
    ]
    for list in lists {
      let machine = Machines.parse("qemu-system-x86_64 -M q35 \(list) -device vfio-pci,host=01:00.0").machine
      XCTAssertEqual(machine.unreadParts.map(\.reason), ["QEMU prints help and starts none"], list)
      XCTAssertEqual(machine.objects.count, 0, list)
    }
    let others = Machines.parse("qemu-system-x86_64 -M q35 -object iommufd,id=help -device vfio-pci,host=01:00.0").machine
    XCTAssertEqual(others.unreadParts.count, 0)
    let text = Array("device_add vfio-pci,help".utf8)
    XCTAssertEqual(ParsedInput.parse(SourceText(name: "hmp", bytes: text), as: .hmp).plugs.count, 0)
  }

  /// glibc reads them from 2.38 on, which QEMU 7.2's system is older than.
  func testABinaryNumberIsLeftToTheCLibrary() {
    for options in ["-M q35 -device vfio-pci,host=01:00.0,rombar=0b1", "-M q35 -global vfio-pci.rombar=0b1 -device vfio-pci,host=01:00.0"] {
      XCTAssertEqual(texts(options, 11, 1), [], options)
      XCTAssertEqual(texts(options).count, 1, options)
      let machine = Machines.parse("qemu-system-x86_64 -nodefaults " + options).machine
      let predictions = Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).predictions()
      XCTAssertTrue(predictions.last?.unknowns.contains { $0.fact == "number `0b1`" } ?? false, options)
    }
    for options in [
      "-smp 0b10", "-m 512,slots=0b1,maxmem=1G", "-numa node,cpus=0b0", "-object memory-backend-ram,id=a,size=4M,prealloc-threads=0b11",
    ] {
      XCTAssertEqual(texts("-M q35 " + options, 11, 1), [], options)
      XCTAssertEqual(
        Machines.parse("qemu-system-x86_64 -M q35 " + options).machine.uncheckedOptions(.released(11, 1, "11.1.3")).count, 1, options)
    }
    let port = "-M q35 -global pcie-root-port.chassis=0b11 -device pcie-root-port"
    XCTAssertEqual(texts(port, 11, 1), [])
    XCTAssertEqual(texts(port).count, 1)
    XCTAssertEqual(texts("-M q35 -smp 0b10").count, 1)
    XCTAssertEqual(texts("-M q35 -smp 0b2", 11, 1).count, 1)
  }

  func testARelativePathDependsOnQEMUsFolder() {
    let path = "sys/bus/pci/devices/0000:01:00.0"
    let machine = Machines.parse("qemu-system-x86_64 -M q35 -nodefaults -device vfio-pci,sysfsdev=" + path).machine
    let one = Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).predictions().last
    XCTAssertNil(one?.failure)
    XCTAssertEqual(one?.unknowns.first?.fact, "sysfs path `\(path)`")
  }

  /// A path that is not known, and one that no function has, are named as they are written.
  func testAPathThatNamesNoFunctionIsSaid() {
    func unknowns(_ path: String) -> [String] {
      let machine = Machines.parse("#!/bin/sh\nqemu-system-x86_64 -M q35 -nodefaults -device vfio-pci,sysfsdev=\(path)\n").machine
      return Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).predictions().last?.unknowns.map(\.description) ?? []
    }
    let open = unknowns("/sys/bus/mdev/devices/$UUID")
    XCTAssert(open.contains { $0.contains("$UUID") }, "\(open)")
    XCTAssertFalse(open.contains { $0.contains("folder") }, "\(open)")
    let mediated = unknowns("/sys/bus/mdev/devices/2aee154e-7d0d-11e8-88b8-6f45320c7162")
    XCTAssert(mediated.contains { $0.contains("the path names no PCI function") }, "\(mediated)")
  }

  /// The host's memory, its ports, and parts that not every QEMU has.
  func testWhatTheHostDecidesIsNamed() {
    func unchecked(_ options: String) -> [String] {
      Machines.parse("qemu-system-x86_64 -M q35 " + options).machine.uncheckedOptions(.released(11, 1, "11.1.3"))
    }
    for options in [
      "hugetlb=on,size=4M", "hugetlbsize=2M,hugetlb=on,size=4M", "size=8E", "size=4M,prealloc=on",
    ] {
      XCTAssertEqual(unchecked("-object memory-backend-memfd,id=a," + options), ["-object"], options)
    }
    XCTAssertEqual(unchecked("-object memory-backend-memfd,id=a,size=4M,hugetlb=off"), [])
    XCTAssertEqual(unchecked("-object memory-backend-shm,id=a,size=4M"), ["-object"])
    XCTAssertEqual(unchecked("-xen-attach -semihosting -cpu '' -S"), ["-xen-attach", "-semihosting", "-cpu"])
    XCTAssertEqual(unchecked("-semihosting-config enable=on -S -s"), ["-semihosting-config", "-s"])
  }
}

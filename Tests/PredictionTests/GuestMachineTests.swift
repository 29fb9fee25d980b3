import Facts
import XCTest

@testable import Prediction

/// Facts of a machine type, and of a definition of libvirt's, that no recorded request decides.
final class GuestMachineTests: XCTestCase {
  private func bus(_ line: String) -> GuestBus? {
    let machine = Machines.parse("qemu-system-x86_64 -nodefaults \(line)").machine
    return Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).run().guest.bus(named: "b")
  }

  func testACPIPlugsBehindBridgesUnlessTheMachineIsOldOrItIsSwitchedOff() {
    let bridge = "-device pcie-pci-bridge,id=b,bus=pcie.0"
    XCTAssertEqual(bus("-M q35 \(bridge)")?.isStandardHotplug, .known(false))
    XCTAssertEqual(bus("-M pc-q35-6.1 \(bridge)")?.isStandardHotplug, .known(false))
    XCTAssertEqual(bus("-M pc-q35-6.0 \(bridge)")?.isStandardHotplug, .known(true))
    let global = "-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support"
    XCTAssertEqual(bus("-M q35 \(global)=n \(bridge)")?.isStandardHotplug, .known(true))
    XCTAssertEqual(bus("-M pc-q35-6.0 \(global)=y \(bridge)")?.isStandardHotplug, .known(false))
    let conventional = "-device pci-bridge,id=b,chassis_nr=1"
    XCTAssertEqual(bus("-M pc \(conventional)")?.isStandardHotplug, .known(false))
    XCTAssertEqual(bus("-M pc,acpi=no \(conventional)")?.isStandardHotplug, .known(true))
    XCTAssertEqual(bus("-M pc,acpi=no \(conventional),shpc=off")?.takesHotplug, .known(false))
    XCTAssertEqual(bus("-M virt \(bridge)")?.isStandardHotplug, .known(true))
  }

  /// The slots of their controllers are taken behind those of key=value devices, and before those of JSON.
  func testDisksOfDriveLeaveSlotsToKeyValueDevices() {
    func outcome(_ options: String) -> RealizePrediction.Realize? {
      let machine = Machines.parse("qemu-system-x86_64 -nodefaults -M q35 \(options)").machine
      return Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).predictions().last?.realize
    }
    let disk = "-drive file=/d.img,if=virtio"
    XCTAssertEqual(outcome("\(disk) -device vfio-pci,host=0000:01:00.0,addr=1"), .ok)
    XCTAssertEqual(outcome("-device vfio-pci,host=0000:01:00.0,addr=5.0 \(disk)"), .ok)
    for open in [
      "\(disk) -device '{\"driver\":\"vfio-pci\",\"host\":\"0000:01:00.0\",\"addr\":\"1\"}'",
      "-virtfs local,path=/srv,mount_tag=t,security_model=none -device vfio-pci,host=0000:01:00.0,addr=1",
      "\(disk) -device vfio-pci,host=0000:01:00.0,addr=1 " + String(repeating: "\(disk) ", count: 24)
    ] {
      XCTAssertEqual(outcome(open), .undetermined, open)
    }
  }

  private func libvirt(_ type: String, _ change: (inout HostDevice) -> Void = { _ in }) -> (RealizePrediction?, Facts.Host) {
    var host = Machines.host()
    if var device = host.devices[Machines.address] {
      change(&device)
      host.devices[Machines.address] = device
    }
    var machine = Machines.parse("qemu-system-x86_64 -nodefaults -M \(type) -device vfio-pci,id=a,host=0000:01:00.0").machine
    machine.libvirt = LibvirtDomain(name: "test")
    machine.devices[0].libvirt = LibvirtHostdev(isManaged: false, driverModel: nil, source: Machines.address)
    let location = machine.devices[0].location
    machine.devices[0].properties.append(Property(name: "bus", value: .unknown("an address"), location: location))
    let prepared = host.prepared(by: machine)
    return (Predictor(machine, on: prepared, qemu: .released(11, 1, "11.1.3")).predictions().last, prepared)
  }

  func testLibvirtPutsAnExpressFunctionIntoAnExpressPortWhereThereAreAny() {
    XCTAssertEqual(libvirt("q35").0?.atsInputs.express, .known(true))
    XCTAssertEqual(libvirt("pc").0?.atsInputs.express, .known(false))
  }

  func testLibvirtGivesQEMUTheNodeOfTheDevice() {
    func node(_ access: NodeAccess) -> Known<NodeAccess>? {
      let host = libvirt("q35") { $0.cdev = .known(VFIOCdev(name: "vfio0", node: .known(access))) }.1
      guard case .known(.some(let cdev))? = host.devices[Machines.address]?.cdev else { return nil }
      return cdev.node
    }
    XCTAssertEqual(node(.denied), .known(.accessible))
    XCTAssertEqual(node(.accessible), .known(.accessible))
    XCTAssertEqual(node(.absent), .known(.absent))
  }

  func testANoteSaysThatV3sWarningMisleads() {
    func notes(capability: Bool, express: Bool = true, setting: ATSSetting? = nil, flag: Bool = true) -> [String] {
      let inputs = ATSInputs(
        behaviour: .known(.v3), setting: .known(setting), backend: .known(.iommufd), flagSet: .known(flag),
        standardList: .known(true), express: .known(express), extendedList: .known(true), capability: .known(capability))
      return ATSNotes.notes(inputs, inputs.outcome, host: "0000:01:00.0")
    }
    XCTAssertEqual(notes(capability: true), [])
    XCTAssertEqual(notes(capability: false).first?.contains("there is nothing to mask"), true)
    XCTAssertEqual(notes(capability: true, express: false).first?.contains("on this bus"), true)
    XCTAssertEqual(notes(capability: false, flag: false).first?.contains("was not requested"), true)
    XCTAssertEqual(notes(capability: false, setting: .on, flag: false), [])
  }
}

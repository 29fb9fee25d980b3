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

  /// Observed on 7.2.22: the virtio device behind the function is on its bus.
  func testTheBusOfAVirtioDeviceIsFull() {
    for bus in ["virtio-bus", "pcie.0/r/virtio-bus"] {
      let one = Machines.predict("-device virtio-rng-pci,id=r,addr=5 -device vfio-pci,host=0000:01:00.0,bus=\(bus)").last
      XCTAssertEqual(one?.failure?.text, "Bus '\(bus)' is full")
    }
  }

  /// QEMU takes the lowest free slot, so that one device more can be in the slot behind all others and in none above.
  func testASlotAboveThoseThatQEMUMayChooseIsFree() {
    let place = Location(source: "test", range: 0..<1, path: "-device[0]")
    let request = DeviceRequest(
      form: .keyval, plug: .cold, properties: [Property(name: "driver", value: .string("edu"), location: place)], location: place)
    var bus = GuestBus("b", kind: .bridge, isExpress: false, takesHotplug: .known(true), parent: nil)
    bus.unplacedDeviceCount = 1
    func result(_ slot: Int) -> GuestBus.DevfnResult {
      bus.assignDevfn(to: request, driver: "edu", requested: slot * 8, checksChosen: false)
    }
    guard case .undetermined = result(1) else { return XCTFail("\(result(1))") }
    XCTAssertEqual(result(2), .at(devfn: 16))
  }

  /// The slots of their controllers are taken behind those of key=value devices, and before those of JSON.
  /// The text of a script's variable may be any slot.
  func testAPlaceThatOnlyTheShellKnowsMayBeAnySlot() {
    let start = "qemu-system-x86_64 -M q35 -nodefaults -device pcie-root-port,id=rp,chassis=1,addr=4"
    func isOpen(_ other: String, _ place: String) -> Bool {
      let machine = Machines.parse("\(start) -device edu,\(other) -device vfio-pci,host=0000:01:00.0,\(place)").machine
      return Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).run().predictions.contains { prediction in
        prediction.unknowns.contains { $0.fact.hasPrefix("slot ") }
      }
    }
    XCTAssert(isOpen("addr=$A", "addr=9"))
    XCTAssert(isOpen("bus=$B", "addr=9"))
    XCTAssert(isOpen("bus=$B", "bus=rp"))
    XCTAssertFalse(isOpen("addr=$A", "bus=rp"))
    XCTAssertFalse(isOpen("addr=8", "addr=9"))
  }

  func testDisksOfDriveLeaveSlotsToKeyValueDevices() {
    func outcome(_ options: String) -> RealizePrediction.Realize? {
      let machine = Machines.parse("qemu-system-x86_64 -nodefaults -M q35 \(options)").machine
      return Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).predictions().last?.realize
    }
    let disk = "-drive file=/d.img,if=virtio"
    XCTAssertEqual(outcome("\(disk) -device vfio-pci,host=0000:01:00.0,addr=1"), .ok)
    XCTAssertEqual(outcome("-device vfio-pci,host=0000:01:00.0,addr=5.0 \(disk)"), .ok)
    func json(_ slot: Int) -> String {
      "\(disk) -device '{\"driver\":\"vfio-pci\",\"host\":\"0000:01:00.0\",\"addr\":\"\(slot)\"}'"
    }
    XCTAssertEqual(outcome(json(1)), .fails)
    XCTAssertEqual(outcome(json(2)), .ok)
    XCTAssertEqual(
      outcome("-virtfs local,path=/srv,mount_tag=t,security_model=none -device vfio-pci,host=0000:01:00.0,addr=1"), .undetermined)
    let crowd = "-device vfio-pci,host=0000:01:00.0,addr=1 " + String(repeating: "\(disk) ", count: 30)
    XCTAssertEqual(refusals(crowd), ["PCI: no slot/function available for virtio-blk-pci, all in use or reserved"])
  }

  /// The interface of `virt` is virtio, of the options for one disk too.
  func testDisksOfVirt() {
    func text(_ options: String, _ emulator: String = "aarch64 -M virt") -> String? {
      let json = "-device '{\"driver\":\"vfio-pci\",\"host\":\"0000:01:00.0\",\"addr\":\"1\"}'"
      let machine = Machines.parse("qemu-system-\(emulator) -nodefaults \(options) \(json)").machine
      return Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).predictions().last?.failure?.text
    }
    let taken = "PCI: slot 1 function 0 not available for vfio-pci, in use by virtio-blk-pci,id=(null)"
    for options in ["-drive file=/d.img", "-drive file=/d.img,id=d", "-hda /d.img", "-cdrom /d.iso", "/d.img"] {
      XCTAssertEqual(text(options), taken, options)
      XCTAssertNil(text(options, "x86_64 -M q35"), options)
    }
    for options in ["-drive if=none,file=/d.img", "-drive if=pflash,file=/d.img", "-fda /d.img"] { XCTAssertNil(text(options), options) }
  }

  /// Observed on 7.2.22, 10.0.13 and 11.1.3.
  func testCardsOfAudio() {
    func slot(_ model: String, _ slot: Int, _ machine: String = "q35 -nodefaults") -> String? {
      let options = "-M \(machine) -audio none,model=\(model) -device vfio-pci,host=0000:01:00.0,addr=\(slot)"
      let machine = Machines.parse("qemu-system-x86_64 " + options).machine
      return Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).predictions().last?.failure?.text
    }
    for (model, card) in [("hda", "intel-hda"), ("ac97", "AC97"), ("es1370", "ES1370"), ("virtio", "virtio-sound-pci")] {
      let taken = "function 0 not available for vfio-pci, in use by \(card),id=(null)"
      XCTAssertEqual(slot(model, 1), "PCI: slot 1 \(taken)")
      XCTAssertEqual(slot(model, 2, "pc -nodefaults"), "PCI: slot 2 \(taken)")
      XCTAssertEqual(slot(model, 3, "q35"), "PCI: slot 3 \(taken)")
      XCTAssertEqual(slot(model, 1, "microvm,pcie=on -nodefaults"), "PCI: slot 1 \(taken)")
      XCTAssertNil(slot(model, 2))
    }
    for model in ["sb16", "adlib", "gus", "cs4231a"] { XCTAssertNil(slot(model, 1)) }
    func refused(_ options: String, _ machine: String = "q35", _ major: Int = 11) -> [String] {
      let machine = Machines.parse("qemu-system-x86_64 -nodefaults -M \(machine) \(options)").machine
      let minor = [11: 1, 10: 0, 7: 2][major] ?? 0
      return Predictor(machine, on: Machines.host(), qemu: .released(major, minor, "\(major).\(minor).0")).run().launchFailures
        .map(\.failure.text)
    }
    XCTAssertEqual(refused("-audio none,model=nope"), ["Unknown audio device model `nope'"])
    for major in [7, 10] {
      XCTAssertEqual(refused("-audio none,model=nope", "pc", major), ["Unknown sound card name `nope'"])
      XCTAssertEqual(
        refused("-audio none,model=hda -audio none,model=ac97", "pc", major), ["only one -soundhw option is allowed"])
    }
    XCTAssertEqual(refused("-audio none,model=hda -audio none,model=ac97"), ["only one -audio option is allowed"])
    XCTAssertEqual(refused("-audio none,model=virtio", "q35", 7), ["Unknown sound card name `virtio'"])
    XCTAssertEqual(refused("-audio none", "q35", 7), ["Parameter 'model' is missing"])
    XCTAssertEqual(refused("-audio model=hda"), ["Parameter 'driver' is missing"])
    XCTAssertEqual(refused("-audio none,model=sb16", "microvm,pcie=on"), ["ISA controller does not support DMA"])
    for options in [
      "-audio none", "-audio none,model=$M", "-audio none,model=hda -device hda-micro,audiodev=audiodev0",
      "-audio none,model=hda -audio none,id=b",
    ] {
      XCTAssertEqual(refused(options), [], options)
    }
  }

  func testBusesOfPartsThatAreSwitchedOff() {
    func text(_ machine: String, _ bus: String) -> String? {
      let machine = Machines.parse("qemu-system-x86_64 -nodefaults -M \(machine) -device vfio-pci,host=0000:01:00.0,bus=\(bus)").machine
      return Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).predictions().last?.failure?.text
    }
    XCTAssertEqual(text("q35", "ide.0"), "Device 'vfio-pci' can't go on IDE bus")
    XCTAssertEqual(text("q35,sata=off", "ide.0"), "Bus 'ide.0' not found")
    XCTAssertEqual(text("q35,sata=off", "i2c"), "Device 'vfio-pci' can't go on i2c-bus bus")
    XCTAssertEqual(text("q35,smbus=off", "i2c"), "Bus 'i2c' not found")
  }

  func testABusBehindADeviceWhoseIDOnlyTheShellKnows() {
    func realize(_ device: String, _ bus: String) -> RealizePrediction.Realize? {
      Machines.predict("-device \(device) -device vfio-pci,host=0000:01:00.0,bus=\(bus)").last?.realize
    }
    for device in ["pcie-root-port,id=$RP,chassis=1", "pcie-pci-bridge,id=rp$i", "pxb-pcie,bus_nr=9,id=$RP"] {
      for bus in ["rp1", "rp1/x", "pcie.1"] { XCTAssertEqual(realize(device, bus), .undetermined, "\(device) \(bus)") }
    }
    XCTAssertEqual(realize("e1000e,id=$NIC", "rp1"), .fails)
    XCTAssertEqual(realize("pcie-root-port,id=rp2,chassis=1", "rp1"), .fails)
  }

  func testSRIOVOfAGlobalTakesFunctions() {
    func text(_ global: String) -> String? {
      Machines.predict("\(global) -device nvme,serial=x,addr=4 -device vfio-pci,host=0000:01:00.0,addr=4.2").last?.failure?.text
    }
    XCTAssertEqual(
      text("-global nvme.sriov_max_vfs=2"), "PCI: slot 4 function 2 not available for vfio-pci, in use by nvme,id=(null)")
    XCTAssertEqual(text("-global nvme.sriov_max_vfs=0"), "PCI: single function device can't be populated in function 4.2")
  }

  /// QEMU finds the bus of the newest root complex first.
  func testARootComplexWithTheNameOfAnotherBus() {
    let named = Machines.predict("-device pxb-pcie,id=pcie.0,bus_nr=5 -device vfio-pci,host=0000:01:00.0,bus=pcie.0")
    XCTAssertEqual(named.last?.realize, .undetermined)
    let port = "-device pcie-root-port,id=b,chassis=1 -device pxb-pcie,id=b,bus_nr=5"
    XCTAssertEqual(Machines.predict("\(port) -device vfio-pci,host=0000:01:00.0,bus=b").last?.realize, .undetermined)
  }

  /// A hot plug comes behind the disks too.
  func testADiskOfDriveKeepsItsSlotFromAHotPlug() {
    func plug(_ slot: String) -> String? {
      let machine = Machines.parse("qemu-system-x86_64 -nodefaults -M pc -drive file=/d.img,if=virtio").machine
      let plugs = Machines.parse(
        "{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"vfio-pci\",\"host\":\"0000:01:00.0\",\"addr\":\"\(slot)\"}}").plugs
      return Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).predictions(plugs: plugs).last?.failure?.text
    }
    XCTAssertEqual(plug("2"), "PCI: slot 2 function 0 not available for vfio-pci, in use by virtio-blk-pci,id=(null)")
    XCTAssertNil(plug("3"))
  }

  /// Slots of the cards of `-nic` and `-net`, by the spelling of the option and by the release.
  func testCardsOfOptionsHaveTheSlotsThatQEMUGivesThem() {
    func text(_ option: String, _ slot: String, _ qemu: QEMUProfile = .released(11, 1, "11.1.3")) -> String? {
      Machines.predict("\(option) -device vfio-pci,host=0000:01:00.0,addr=\(slot)", qemu: qemu).last?.failure?.text
    }
    func isTaken(_ slot: Int, by driver: String) -> String {
      "PCI: slot \(slot) function 0 not available for vfio-pci, in use by \(driver),id=(null)"
    }
    for option in ["-net type=nic,model=e1000e", "-net model=e1000e,type=nic", "-nic type=user", "-nic none -nic user"] {
      XCTAssertEqual(text(option, "1"), isTaken(1, by: "e1000e"), option)
    }
    for option in ["-nic type=none", "-net type=user", "-nic user,model=ne2k_isa", "-net nic,model=none", "-nic user,model=usb-net"] {
      XCTAssertNil(text(option, "1"), option)
    }
    let old = QEMUProfile.released(7, 2, "7.2.22")
    XCTAssertEqual(text("-net nic,addr=7", "7", old), isTaken(7, by: "e1000e"))
    XCTAssertNil(text("-net nic,addr=7", "1", old))
    XCTAssertEqual(text("-net nic,addr=7", "1"), isTaken(1, by: "e1000e"))
    XCTAssertNil(text("-net nic,addr=7", "7"))
  }

  /// Virtual functions that an emulated device makes of itself are on the bus, and its slot takes further functions.
  func testVirtualFunctionsOfEmulatedDevicesAreOnTheBus() {
    func text(_ options: String, _ address: String, _ qemu: QEMUProfile = .released(11, 1, "11.1.3")) -> String? {
      Machines.predict("\(options) -device vfio-pci,host=0000:01:00.0,addr=\(address)", qemu: qemu).last?.failure?.text
    }
    let single = "PCI: single function device can't be populated in function "
    for card in ["-device igb,addr=5", "-device igb,addr=5,multifunction=off", "-device e1000e,addr=1 -device igb,addr=5"] {
      XCTAssertNil(text(card, "5.1"), card)
      XCTAssertEqual(text(card, "15"), "PCI: slot 21 function 0 not available for vfio-pci, in use by igbvf,id=(null)", card)
      XCTAssertEqual(text(card, "15.1"), single + "15.1", card)
      XCTAssertNil(text(card, "17"), card)
    }
    XCTAssertNil(text("-nic user,model=igb", "1.1"))
    XCTAssertNotNil(text("-nic user,model=igb", "11"))
    let disk = "-device nvme-subsys,id=s -device nvme,serial=x,subsys=s,addr=6,sriov_max_vfs="
    XCTAssertEqual(text(disk + "10", "7"), "PCI: slot 7 function 0 not available for vfio-pci, in use by nvme,id=(null)")
    XCTAssertNil(text(disk + "1", "6.2"))
    XCTAssertEqual(text(disk + "0", "6.2"), single + "6.2")
    // 7.2 makes them when the guest asks for them.
    XCTAssertNil(text(disk + "10", "7", .released(7, 2, "7.2.22")))
    // The functions of virtio are devices of their own, made before the physical one.
    let pair = "-device virtio-net-pci,sriov-pf=pf,addr=8.1 -device virtio-net-pci,id=pf,addr=8"
    XCTAssertNil(text(pair, "8.2"))
    XCTAssertEqual(refusals("-device igb,addr=14"), ["VF addr overflows"])
    XCTAssertEqual(refusals("-device igb,addr=f"), ["VF addr overflows"])
    XCTAssertEqual(
      refusals("-device e1000e,addr=15 -device igb,addr=5"),
      ["PCI: slot 21 function 0 not available for igbvf, in use by e1000e,id=(null)"])
    // In a root complex virtio is not Express.
    XCTAssertEqual(refusals(pair), ["PCI Express is required for SR-IOV VF", "attaching user-created SR-IOV VF unsupported"])
    let behind = "-device virtio-net-pci,sriov-pf=pf,bus=rp,addr=0.1 -device virtio-net-pci,id=pf,bus=rp"
    XCTAssertEqual(refusals("-device pcie-root-port,id=rp,chassis=1 " + behind), [])
  }

  private func refusals(_ options: String) -> [String] {
    let machine = Machines.parse("qemu-system-x86_64 -nodefaults -M q35 \(options)").machine
    return Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).run().launchFailures.map(\.failure.text)
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

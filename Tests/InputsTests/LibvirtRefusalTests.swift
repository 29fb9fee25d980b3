import Facts
import Syntax
import XCTest

@testable import Inputs

/// Refusals of PCI addresses, controllers and host devices, with libvirt's messages. The texts are those of libvirt's own tests
/// (tests/qemuxmlconfdata/*.err of 11.3) where these have a case.
final class LibvirtRefusalTests: XCTestCase {
  private func refusals(_ devices: String, machine: String = "pc-q35-9.2", arch: String = "x86_64", cells: Int = 0) -> [String] {
    let list = (0..<cells).map { "<cell id='\($0)' cpus='\($0)' memory='1' unit='GiB'/>" }.joined()
    let numa = cells > 0 ? "<cpu><numa>\(list)</numa></cpu>" : ""
    let text = """
      <domain type='kvm'><name>vm</name><memory unit='GiB'>8</memory><vcpu>8</vcpu>\(numa)
      <os><type arch='\(arch)' machine='\(machine)'>hvm</type></os><devices>\(devices)</devices></domain>
      """
    return ParsedInput.parse(SourceText(name: "t", bytes: Array(text.utf8))).machine.libvirt?.refusals.map(\.text) ?? []
  }

  private func controller(_ index: Int, _ model: String, _ inside: String = "") -> String {
    "<controller type='pci' index='\(index)' model='\(model)'>\(inside)</controller>"
  }

  private func address(_ bus: Int, _ slot: Int, function: Int = 0, domain: Int = 0) -> String {
    "<address type='pci' domain='\(domain)' bus='\(bus)' slot='\(slot)' function='\(function)'/>"
  }

  private func hostdev(_ address: String, source: Int = 1) -> String {
    "<hostdev mode='subsystem' type='pci'><source><address bus='\(source)'/></source>\(address)</hostdev>"
  }

  private func unpluggable(_ place: String, _ bus: Int, _ kind: String) -> String {
    "The device at PCI address \(place) cannot be plugged into the PCI controller with index='\(bus)'. It requires a controller that "
      + "accepts a \(kind)."
  }

  func testAttributesOfIOMMUs() {
    func refusals(_ model: String, _ attribute: String) -> [String] {
      self.refusals("<iommu model='\(model)'><driver \(attribute)/></iommu>", machine: "virt", arch: "aarch64")
    }
    for name in ["accel", "ats", "ril", "cmdqv"] {
      let text = "Invalid value for attribute '\(name)' in element 'driver': 'yes'."
      XCTAssertEqual(refusals("smmuv3", "pciBus='0' \(name)='yes'"), [text])
      XCTAssertEqual(refusals("smmuv3", "pciBus='0' \(name)='on'"), [])
    }
    let text = "Invalid value for attribute 'aw_bits' in element 'driver': 'x'. Expected non-negative integer value"
    XCTAssertEqual(refusals("intel", "aw_bits='x'"), [text])
    XCTAssertEqual(refusals("intel", "aw_bits='48'"), [])
  }

  func testNumbersOfSMMUs() {
    func problems(_ attributes: String) -> [String] {
      let text = """
        <domain type='kvm'><name>vm</name><memory unit='GiB'>8</memory><vcpu>8</vcpu><os><type arch='aarch64' machine='virt'>hvm</type></os>
        <devices><controller type='pci' index='1' model='pcie-expander-bus'/><iommu model='smmuv3'><driver \(attributes)/></iommu></devices>
        </domain>
        """
      return ParsedInput.parse(SourceText(name: "t", bytes: Array(text.utf8))).problems.map(\.message)
    }
    for bus in ["7", "x", "-1", "256"] {
      XCTAssertEqual(problems("pciBus='\(bus)'"), ["`pciBus` is `\(bus)`, which is not the index of a controller"])
    }
    XCTAssertEqual(problems("pciBus='0'") + problems("pciBus='1' ssidsize='20' oas='48'"), [])
    for name in ["ssidsize", "oas"] {
      XCTAssertEqual(problems("pciBus='1' \(name)='x'"), ["`\(name)` is `x`, which is not a number"])
    }
  }

  func testAnAddressOnABusThatDoesNotTakeTheDeviceIsRefused() {
    let port = controller(1, "pcie-root-port")
    for (devices, text) in [
      (port + controller(2, "pcie-root-port", address(1, 0)), unpluggable("0000:01:00.0", 1, "pcie-root-port")),
      (port + controller(2, "dmi-to-pci-bridge", address(1, 0)), unpluggable("0000:01:00.0", 1, "dmi-to-pci-bridge")),
      (port + controller(2, "pcie-expander-bus", address(1, 0)), unpluggable("0000:01:00.0", 1, "pcie-expander-bus")),
      (controller(1, "pcie-to-pci-bridge", address(0, 3)), unpluggable("0000:00:03.0", 0, "pcie-to-pci-bridge")),
      (controller(1, "pcie-switch-downstream-port", address(0, 3)), unpluggable("0000:00:03.0", 0, "pcie-switch-downstream-port")),
      (controller(1, "pcie-expander-bus") + hostdev(address(1, 0)), unpluggable("0000:01:00.0", 1, "PCI Express device")),
      (
        controller(1, "pcie-expander-bus") + controller(2, "pci-bridge", address(1, 1)),
        unpluggable("0000:01:01.0", 1, "standard PCI device")
      ),
      // The gap below the highest controller is filled with ports.
      (controller(3, "pcie-root-port") + controller(4, "pcie-root-port", address(2, 0)), unpluggable("0000:02:00.0", 2, "pcie-root-port"))
    ] {
      XCTAssertEqual(refusals(devices), [text], devices)
    }
    let expander = controller(1, "pci-bridge", address(0, 4)) + controller(2, "pci-expander-bus", address(1, 1))
    XCTAssertEqual(refusals(expander, machine: "pc-i440fx-9.2"), [unpluggable("0000:01:01.0", 1, "pci-expander-bus")])
  }

  func testAddressesThatLibvirtAcceptsAreNotRefused() {
    for devices in [
      controller(1, "pcie-root-port", address(0, 2)) + hostdev(address(1, 0)),
      controller(1, "pcie-root-port") + controller(2, "pcie-to-pci-bridge", address(1, 0)) + hostdev(address(2, 1)),
      controller(1, "pcie-root-port") + controller(2, "pcie-switch-upstream-port", address(1, 0))
        + controller(3, "pcie-switch-downstream-port", address(2, 5)) + hostdev(address(3, 0)),
      controller(1, "pcie-expander-bus", address(0, 5)) + controller(2, "pcie-root-port", address(1, 0)) + hostdev(address(2, 0)),
      // A bridge goes wherever a device may go.
      controller(1, "pci-bridge", address(0, 5)) + hostdev(address(0, 6)), hostdev(address(7, 0)),
      controller(1, "pcie-root-port") + hostdev(address(1, 0)) + hostdev(address(1, 0, function: 1), source: 2),
      "<serial type='pty'>\(address(0, 4))</serial><console type='pty'>\(address(0, 4))</console>" + hostdev("")
    ] {
      XCTAssertEqual(refusals(devices), [], devices)
    }
    let devices = "<controller type='ide' index='0'>\(address(0, 1, function: 1))</controller>"
      + "<controller type='usb' index='0'>\(address(0, 1, function: 2))</controller>" + hostdev(address(0, 5))
    XCTAssertEqual(refusals(devices, machine: "pc"), [])
  }

  func testSlotsDomainsAndSecondDevicesAreRefused() {
    let port = controller(1, "pcie-root-port")
    XCTAssertEqual(refusals(port + hostdev(address(1, 1))), ["Invalid PCI address 0000:01:01.0. slot must be <= 0"])
    XCTAssertEqual(refusals(hostdev(address(0, 0, domain: 1))), ["Invalid PCI address 0001:00:00.0. Only PCI domain 0 is available"])
    let bridge = controller(1, "pci-bridge")
    XCTAssertEqual(
      refusals(bridge + hostdev(address(1, 0)), machine: "pc"), ["Invalid PCI address 0000:01:00.0. slot must be >= 1"])
    XCTAssertEqual(
      refusals("<sound model='ich9'>\(address(0, 0x1b))</sound>" + hostdev(address(0, 0x1b))),
      ["Attempted double use of PCI Address 0000:00:1b.0"])
  }

  func testControllersAreRefused() {
    func node(_ node: Int) -> String { "<target busNr='200'><node>\(node)</node></target>" }
    let name = "and modelName"
    for (devices, text) in [
      (
        controller(1, "pcie-expander-bus", node(2)),
        "pcie-expander-bus with index 1 is configured for a NUMA node (2) not present in the domain's <cpu><numa> array (2)"
      ),
      (controller(1, "pcie-root-port") + controller(1, "pcie-root-port"), "Multiple 'pci' controllers with index '1'"),
      (controller(256, "pcie-root-port"), "PCI controller index 256 too high, maximum is 255"),
      (controller(1, "pcie-root-port", "<target chassis='256'/>"), "PCI controller chassis '256' out of range - must be 0-255"),
      (controller(1, "pcie-root-port", "<target port='0x100'/>"), "PCI controller port '256' out of range - must be 0-255"),
      (controller(1, "pci-bridge", "<target chassisNr='0'/>"), "PCI controller chassisNr '0' out of range - must be 1-255"),
      (controller(1, "pcie-expander-bus", "<target busNr='255'/>"), "PCI controller busNr '255' out of range - must be 1-254"),
      (
        controller(1, "pcie-root-port", "<target chassisNr='1'/>"),
        "Option 'chassisNr' is not valid for PCI controller with index '1', model 'pcie-root-port' \(name) 'pcie-root-port'"
      ),
      (
        controller(1, "pci-bridge", "<target hotplug='off'/>"),
        "Option 'hotplug' is not valid for PCI controller with index '1', model 'pci-bridge' \(name) 'pci-bridge'"
      ),
      (
        controller(1, "pcie-root-port", "<target><node>1</node></target>"),
        "Option 'numaNode' is not valid for PCI controller with index '1', model 'pcie-root-port' \(name) 'pcie-root-port'"
      ),
      (
        controller(0, "pcie-root", "<target index='0'/>"),
        "Option 'targetIndex' is not valid for PCI controller with index '0', model 'pcie-root' \(name) 'none'"
      )
    ] {
      XCTAssertEqual(refusals(devices, cells: 2), [text], devices)
    }
    XCTAssertEqual(refusals(controller(1, "pcie-expander-bus", node(1)), cells: 2), [])
    let root = controller(0, "pci-root", "<target index='0'/>") + controller(1, "pci-root", "<target index='0'/>")
    XCTAssertEqual(
      refusals(root, machine: "pseries", arch: "ppc64"),
      ["Only the PCI controller with index 0 can have target index 0, and vice versa"])
  }

  /// The texts are those of libvirt 9.0.
  func testAMachineWithoutPCIAndANegativeIndexAreRefused() {
    let none = "No PCI buses available"
    XCTAssertEqual(refusals(hostdev(""), machine: "isapc"), [none])
    let network = "<interface type='hostdev'><source><address type='pci' bus='1'/></source></interface>"
    XCTAssertEqual(refusals(network, machine: "isapc"), [none])
    XCTAssertEqual(refusals(hostdev("<address type='unassigned'/>"), machine: "isapc"), [])
    XCTAssertEqual(refusals("", machine: "isapc"), [])
    XCTAssertEqual(refusals(hostdev(""), machine: "pc-i440fx-9.2"), [])
    let negative = "Invalid value for attribute 'index' in element 'controller': '-1'. Expected non-negative value"
    XCTAssertEqual(refusals(controller(-1, "pcie-root-port") + hostdev("")), [negative])
    XCTAssertEqual(refusals("<controller type='usb' index='-1'/>" + hostdev("")), [negative])
    XCTAssertEqual(refusals("<controller type='usb' index='-0'/>" + hostdev("")), [])
  }

  func testIdsOfZPCIAreRefused() {
    func hostdev(_ zpci: String, _ source: Int = 1) -> String {
      self.hostdev("<address type='pci'>\(zpci)</address>", source: source)
    }
    func on390(_ devices: String) -> [String] { refusals(devices, machine: "s390-ccw-virtio", arch: "s390x") }
    let zero = "Invalid PCI address uid='0x0000', must be > 0x0000 and <= 0xffff"
    XCTAssertEqual(on390(hostdev("<zpci uid='0x0000' fid='0x00000000'/>")), [zero])
    XCTAssertEqual(on390(hostdev("<zpci uid='0x10000'/>")), [zero.replacing("0x0000',", with: "0x10000',")])
    XCTAssertEqual(on390(hostdev("<zpci/>") + hostdev("<zpci uid='1' fid='0'/>", 2)), [])
    XCTAssertEqual(
      on390(hostdev("<zpci uid='0x1234' fid='1'/>") + hostdev("<zpci uid='0x1234' fid='2'/>", 2)), ["zPCI uid 11064 is already reserved"])
    XCTAssertEqual(
      on390(hostdev("<zpci uid='1' fid='9'/>") + hostdev("<zpci uid='2' fid='9'/>", 2)), ["zPCI fid 11 is already reserved"])
    XCTAssertEqual(refusals(hostdev("<zpci uid='1'/>")), ["This QEMU binary doesn't support zPCI"])
    XCTAssertEqual(refusals(hostdev("<zpci/>")), [])
  }

  func testAMediatedDeviceDoesNotBoot() {
    func device(_ model: String) -> String {
      "<hostdev mode='subsystem' type='mdev' model='\(model)'><source><address uuid='53764d0e-85a0-42b4-af5c-2046b460b1dc'/></source>"
        + "<boot order='1'/></hostdev>"
    }
    XCTAssertEqual(
      refusals(device("vfio-pci")), ["booting from assigned devices is not supported by mediated devices of model vfio-pci"])
  }
}

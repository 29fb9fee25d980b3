import Facts
import Support
import Syntax
import XCTest

@testable import Inputs

/// Refusals of a domain's parts and of host devices' options. The texts are those of libvirt 9.0; where it is installed with a QEMU
/// it is asked.
final class LibvirtDomainRefusalTests: XCTestCase {
  private typealias Domain = LibvirtTestDomain

  private static func controller(_ index: Int, _ model: String, _ inside: String = "") -> String {
    "<controller type='pci' index='\(index)'\(model.isEmpty ? "" : " model='\(model)'")>\(inside)</controller>"
  }

  private static func at(_ slot: Int, _ function: Int) -> String {
    "<address type='pci' domain='0' bus='0' slot='\(slot)' function='\(function)'/>"
  }

  private static func numa(_ cells: String...) -> String {
    "<cpu><numa>" + cells.enumerated().map { "<cell id='\($0)' cpus='\($1)' memory='512' unit='MiB'/>" }.joined() + "</numa></cpu>"
  }

  private static let disk = "<disk type='file' device='disk'><source file='/a'/><target dev='vda' bus='virtio'/><boot order='1'/></disk>"
  private static let cdrom = "<disk type='file' device='cdrom'><target dev='hda' bus='ide'/></disk>"

  private static func hyperV(_ vendor: String) -> String {
    "<features><hyperv><vendor_id state='on' value='\(vendor)'/></hyperv></features>"
  }

  private static func topology(_ cores: String) -> String { "<cpu><topology sockets='1' cores='\(cores)' threads='1'/></cpu>" }

  private static func video(_ type: String) -> String { "<video><model type='\(type)' primary='yes'/></video>" }

  private static let order = "Invalid value for attribute 'order' in element 'boot': "
  private static let double = "Attempted double use of PCI Address 0000:00:01."
  private static func slot(_ model: String) -> String {
    "a PCI slot is needed to connect a PCI controller model='\(model)', but none is available, and it cannot be automatically added"
  }
  private static func ports(_ count: Int) -> String { (1...count).map { controller($0, "pcie-root-port") }.joined() }
  private static func behind(_ bus: String) -> String {
    "PCI controller at index 1 (0x01) has bus='\(bus)', but index must be larger than bus"
  }
  private static let noPort = "Cannot automatically add a new PCI bus for a device with connect flags 2000"
  private static let noMemory = "Memory size must be specified via <memory> or in the <numa> configuration"
  private static let noIDE = "IDE controllers are unsupported for this QEMU binary or machine type"

  private static let refusedDevices: [(Domain, String)] = [
    (Domain(inside: "<boot order='1'/>", devices: disk), "boot order '1' used for more than one device"),
    (Domain(inside: "<boot order=' 01'/>", devices: disk), "boot order '1' used for more than one device"),
    (Domain(inside: "<boot order='0'/>"), order + "Zero is not permitted"),
    (Domain(inside: "<boot order='x'/>"), order + "'x'. Expected non-negative integer value"),
    (Domain(inside: "<boot order='-1'/>"), order + "'-1'. Expected non-negative integer value"),
    (Domain(inside: "<boot/>"), "Missing required attribute 'order' in element 'boot'"),
    (Domain(inside: "<acpi index='0'/>"), "Invalid value for attribute 'index' in element 'acpi': Zero is not permitted"),
    (Domain(inside: "<rom enabled='no' file='/x'/>"), "ROM tuning is not supported when ROM is disabled"),
    (Domain(inside: "<rom bar='maybe'/>"), "Invalid value for attribute 'bar' in element 'rom': 'maybe'."),
    (Domain(inside: "<address bus='1'/>"), "No type specified for device address"),
    (Domain(inside: "<teaming type='transient'/>"), "missing required persistent attribute in hostdev teaming element"),
    (Domain(inside: "<teaming type='persistent'/>"), "teaming hostdev devices must have type='transient'"),
    (Domain(attributes: "model='vfio-pci'"), "'model' attribute in <hostdev> is only supported when type='pci'"),
    (Domain(source: "<source startupPolicy='optional'>"), "Setting startupPolicy is only allowed for USB devices"),
    (
      Domain(source: "<source writeFiltering='no'>"),
      "Write filtering of PCI device configuration space is not supported by qemu"
    ),
    (Domain(machine: "pc", inside: at(1, 2)), double + "2"),
    (Domain(machine: "pc", inside: at(1, 3)), double + "3"),
    (Domain(machine: "pc", devices: controller(1, "pcie-root-port")), slot("pcie-root-port")),
    (Domain(machine: "pc", devices: controller(1, "dmi-to-pci-bridge")), slot("dmi-to-pci-bridge")),
    (Domain(machine: "pc", devices: controller(1, "pcie-switch-upstream-port")), slot("pcie-root-port")),
    (Domain(devices: controller(1, "pcie-switch-downstream-port")), slot("pcie-switch-downstream-port")),
    (Domain(devices: ports(250)), slot("pcie-root-port")),
    (Domain(devices: (1...31).map { controller($0, "dmi-to-pci-bridge") }.joined()), slot("dmi-to-pci-bridge")),
    (Domain(devices: controller(1, "pcie-to-pci-bridge")), noPort),
    (
      Domain(inside: "<address type='pci' bus='1'/>", devices: controller(1, "pcie-root-port") + controller(2, "pcie-to-pci-bridge")),
      noPort
    ),
    (Domain(devices: controller(1, "pci-bridge")), behind("0x01")),
    (Domain(machine: "pc", devices: controller(1, "pci-bridge", at(3, 0).replacing("bus='0'", with: "bus='1'"))), behind("0x01")),
    (Domain(machine: "pc", devices: controller(1, "pci-bridge", at(3, 0).replacing("bus='0'", with: "bus='2'"))), slot("pci-bridge")),
    (Domain(devices: controller(1, "")), "PCI controller model was not set correctly"),
    (Domain(devices: controller(1, "pcie-foo")), "Unknown model type 'pcie-foo'"),
    (Domain(devices: "<controller index='1' model='pcie-root-port'/>"), "Unknown model type 'pcie-root-port'"),
    (Domain(devices: "<controller type='pcie' index='1'/>"), "Invalid value for attribute 'type' in element 'controller': 'pcie'."),
    (
      Domain(devices: controller(1, "pcie-root-port", "<model name='foo'/>")),
      "Invalid value for attribute 'name' in element 'model': 'foo'."
    ),
    (
      Domain(devices: controller(1, "pcie-root-port", "<model name='pci-bridge'/>")),
      "Option 'modelName' has invalid value for PCI controller with index '1', model 'pcie-root-port' and modelName 'pci-bridge'"
    ),
    (Domain(machine: "microvm"), "No PCI buses available"),
    (Domain(devices: "<iommu model='vtd'/>"), "Invalid value for attribute 'model' in element 'iommu': 'vtd'."),
    (Domain(devices: "<interface type='user'><mac address='zz'/></interface>"), "unable to parse mac address 'zz'"),
    (
      Domain(devices: "<interface type='user'><mac address='01:00:5e:00:00:01'/></interface>"),
      "expected unicast mac address, found multicast '01:00:5e:00:00:01'"
    ),
    (
      Domain(devices: "<interface type='hostdev'><source><address bus='1'/></source></interface>"), "missing source address type"
    )
  ]

  private static let refusedDomains: [(Domain, String)] = [
    (Domain(start: "<domain type=''>"), "missing domain type attribute"),
    (Domain(start: "<domain type='qemu' xmlns='urn:x'>"), "missing name information"),
    (Domain(name: "<name></name>"), "missing name information"),
    (Domain(name: "<name>a/b</name>"), "name a/b cannot contain '/'"),
    (Domain(system: "<os><type arch='x86_64' machine='q35'></type></os>"), "an os <type> must be specified"),
    (Domain(system: "<os><type arch='amd64' machine='q35'>hvm</type></os>"), "Unknown architecture amd64"),
    (Domain(head: "<iothreads>x</iothreads>"), "invalid iothreads count 'x'"),
    (Domain(memory: "<memory>0</memory>"), noMemory),
    (Domain(memory: "<memory unit='zB'>1</memory>"), "unknown suffix 'zB'"),
    (Domain(memory: "<memory>1GiB</memory>"), "Invalid value '1GiB' for element or attribute './memory[1]'"),
    (Domain(head: numa("0-2")), "Number of CPUs in <numa> exceeds the <vcpu> count"),
    (Domain(vcpu: "", head: numa("0", "1")), "Number of CPUs in <numa> exceeds the <vcpu> count"),
    (Domain(head: numa("4")), "CPU IDs in <numa> exceed the <vcpu> count"),
    (Domain(vcpu: "<vcpu>x</vcpu>"), "maximum vcpus count must be an integer"),
    (Domain(head: topology("4")), "CPU topology doesn't match maximum vcpu count"),
    (Domain(head: "<cpu><topology sockets='1' cores='2'/></cpu>"), "Missing required attribute 'threads' in element 'topology'"),
    (Domain(head: hyperV("1234567890123")), "HyperV vendor_id value must not be more than 12 characters."),
    (
      Domain(head: "<features><kvm><hidden state='yes'/></kvm></features>"),
      "Invalid value for attribute 'state' in element 'hidden': 'yes'."
    ),
    (Domain(devices: cdrom), noIDE), (Domain(devices: "<controller type='ide' index='0'/>"), noIDE),
    (Domain(devices: cdrom.replacing(" bus='ide'", with: "")), noIDE),
    (Domain(devices: "<graphics type='vnc'/>" + video("vga") + video("qxl")), "Only one primary video device is supported"),
    (
      Domain(devices: "<memballoon model='virtio'/><memballoon model='none'/>"), "only a single memory balloon device is supported"
    )
  ]

  private static func processor(_ attributes: String, _ inside: String = "") -> Domain {
    Domain(head: "<cpu \(attributes)>\(inside)</cpu>")
  }

  private static let refusedParts: [(Domain, String)] = [
    (
      Domain(head: "<maxMemory slots='2'/>"), "both maximum memory size and memory slot count must be specified"
    ),
    (Domain(head: "<maxMemory slots='x' unit='GiB'>8</maxMemory>"), "Failed to parse memory slot count"),
    (
      Domain(devices: "<memory model='dimm'><target><size>524288</size></target></memory>"),
      "cannot use/hotplug a memory device when domain 'maxMemory' is not defined"
    ),
    (
      Domain(head: "<maxMemory slots='2' unit='KiB'>1</maxMemory>"),
      "maximum memory size must be equal or greater than the actual memory size"
    ),
    (Domain(head: "<currentMemory>x</currentMemory>"), "Invalid value 'x' for element or attribute './currentMemory[1]'"),
    (Domain(vcpu: "<vcpu current='4'>2</vcpu>"), "maximum vCPU count must not be less than current vCPU count"),
    (Domain(vcpu: "<vcpu cpuset='0-a'>2</vcpu>"), "Failed to parse bitmap '0-a'"),
    (Domain(head: "<on_crash>stop</on_crash>"), "unknown on_crash action: stop"),
    (Domain(head: "<memoryBacking><access mode='share'/></memoryBacking>"), "unknown memoryBacking/access/mode 'share'"),
    (Domain(head: "<clock offset='gmt'/>"), "unknown clock offset 'gmt'"),
    (
      Domain(head: "<clock offset='utc'><timer name='rtc'/><timer name='tsc' present='on'/></clock>"),
      "Invalid value for attribute 'present' in element 'timer': 'on'."
    ),
    (processor("mode='host'"), "Invalid mode attribute 'host'"),
    (processor("mode='host-passthrough' check='no'"), "Invalid value for attribute 'check' in element 'cpu': 'no'."),
    (processor("mode='host-passthrough'", "<feature policy='off' name='svm'/>"), "Invalid CPU feature policy"),
    (processor("mode='host-passthrough'", "<maxphysaddr/>"), "Missing required attribute 'mode' in element 'maxphysaddr'"),
    (Domain(head: "<features><vmport state='no'/></features>"), "Invalid value for attribute 'state' in element 'vmport': 'no'."),
    (Domain(head: "<features><hyperv><relaxed/></hyperv></features>"), "Missing required attribute 'state' in element 'relaxed'"),
    (
      Domain(system: "<os firmware='uefi'><type arch='x86_64' machine='q35'>hvm</type></os>"), "unknown firmware value uefi"
    ),
    (Domain(system: "<os><type arch='x86_64' machine='q35'>kvm</type></os>"), "unknown OS type 'kvm'")
  ]

  private static let refused = refusedDevices + refusedDomains + refusedParts

  private static let accepted: [Domain] = [
    Domain(), Domain(memory: "", head: numa("0-1")), Domain(head: numa("0-2,^2")), Domain(head: topology("2")),
    Domain(vcpu: "", head: topology("1")), Domain(head: hyperV("123456789012")), Domain(machine: "pc", devices: cdrom),
    Domain(machine: "pc", inside: at(1, 2), devices: "<controller type='usb' index='0' model='qemu-xhci'/>"),
    Domain(inside: "<boot order='+2'/>", devices: disk), Domain(inside: "<rom enabled='no'/>"), Domain(inside: "<teaming/>"),
    Domain(inside: at(0, 1)), Domain(devices: controller(1, "pcie-root-port", "<model name='ioh3420'/>")),
    Domain(devices: controller(1, "pcie-switch-upstream-port") + controller(2, "pcie-switch-downstream-port")),
    Domain(devices: controller(1, "pcie-root-port", "<boot order='1'/>") + disk),
    Domain(devices: ports(230)), Domain(devices: controller(1, "pcie-to-pci-bridge") + controller(2, "pcie-root-port")),
    Domain(devices: controller(1, "dmi-to-pci-bridge") + controller(2, "pci-bridge")),
    Domain(machine: "pc", devices: controller(3, "pci-bridge")), Domain(machine: "pc", devices: controller(1, "pci-bridge")),
    Domain(name: "<name>vm</name><metadata><x:a xmlns:x='urn:x'><hostdev/></x:a></metadata>"),
    Domain(vcpu: "<vcpu placement='static' cpuset=' 0-3, ^2' current='1'>2</vcpu>"),
    Domain(memory: "", head: numa("0-1") + "<maxMemory slots='16' unit='TiB'>1</maxMemory>"),
    Domain(head: "<on_crash/><on_reboot>restart</on_reboot><clock/>"),
    Domain(head: "<features><apic/><kvm><hidden state='on'/></kvm><hyperv><stimer state='off'/></hyperv><smm/></features>"),
    Domain(head: "<cpu mode='maximum' migratable='off'><feature name='svm'/></cpu>")
  ]

  /// Examples in reports and in books are often no more than the part that they are about.
  func testAnExcerptIsNotRefused() {
    for domain in [Domain(start: "<domain>"), Domain(name: ""), Domain(system: ""), Domain(memory: "")] {
      XCTAssertEqual(domain.refusals, [], domain.text)
    }
  }

  func testPartsOfADomainAreRefusedWithLibvirtsMessages() {
    for (domain, text) in LibvirtDomainRefusalTests.refused { XCTAssertEqual(domain.refusals, [text], domain.text) }
    for domain in LibvirtDomainRefusalTests.accepted { XCTAssertEqual(domain.refusals, [], domain.text) }
  }

  func testTheInstalledLibvirtRefusesTheSame() throws {
    try LibvirtTestDomain.compare(refused: LibvirtDomainRefusalTests.refused, accepted: LibvirtDomainRefusalTests.accepted)
  }

  /// libvirt adds a port for the bridge of a conventional device, and refuses the address then; a template may make any address.
  func testWhereTheBusesAreNotKnownTheControllersAreNotRefused() {
    let sound = "<sound model='ich6'><address type='pci' domain='0' bus='2' slot='0' function='0'/></sound>"
    let template = "<address type='pci' domain='0' bus='{{ bus }}' slot='1' function='0'/>"
    for devices in [sound, LibvirtDomainRefusalTests.controller(1, "pci-bridge", template)] {
      XCTAssertEqual(Domain(devices: devices).refusals, [], devices)
    }
  }

  /// q35 has a slot for the bridge; on `virt` it takes the last one, and the port that the host device needs has none.
  func testTheBridgeOfVirtHasNoSlotOfItsOwn() {
    func refusals(_ arch: String, _ machine: String, _ slots: [Int]) -> [String] {
      let sounds = slots.map { "<sound model='ich6'>\(LibvirtDomainRefusalTests.at($0, 0))</sound>" }.joined()
      let system = "<os><type arch='\(arch)' machine='\(machine)'>hvm</type></os>"
      return Domain(system: system, devices: sounds + LibvirtDomainRefusalTests.controller(1, "dmi-to-pci-bridge")).refusals
    }
    let slots = Array(1...29)
    XCTAssertEqual(refusals("aarch64", "virt", slots + [31]), [LibvirtDomainRefusalTests.slot("pcie-root-port")])
    XCTAssertEqual(refusals("aarch64", "virt", slots), [])
    XCTAssertEqual(refusals("x86_64", "q35", Array(1...28)), [])
  }

  /// A device may be on a bus that only libvirt declares.
  func testControllersBetweenOthersAreAdded() {
    for (machine, model) in [("pc", "pci-bridge"), ("q35", "pcie-root-port")] {
      let text = Domain(machine: machine, inside: "<address type='pci' bus='1' slot='0x\(machine == "pc" ? 1 : 0)'/>",
        devices: LibvirtDomainRefusalTests.controller(3, model)).text
      let devices = ParsedInput.parse(SourceText(name: "t", bytes: Array(text.utf8))).machine.devices
      XCTAssertEqual(devices.filter { $0.driver == model }.compactMap { $0.value("id")?.string }.sorted(), ["pci.1", "pci.2", "pci.3"])
    }
  }

  func testAnElementThatMeansHostdevIsNotIgnored() {
    for name in ["hotsdev", "hostdv", "hostdevs", "Hostdev", "HOSTDEV", "ohstdev", "x:hostdev"] {
      let text = Domain().text.replacing("hostdev", with: name)
      let parts = ParsedInput.parse(SourceText(name: "t", bytes: Array(text.utf8)), extent: .passthrough).machine.unreadParts
      XCTAssertEqual(parts.first?.what, "`<\(name)>`", text)
    }
    let text = Domain(attributes: "mode='subsytem'").text
    let problems = ParsedInput.parse(SourceText(name: "t", bytes: Array(text.utf8))).problems.map(\.message)
    XCTAssertEqual(
      problems, ["`<hostdev>` has the mode `subsytem`: libvirt refuses it with `unknown hostdev mode 'subsytem'`"])
  }

  /// A device that replaces a `<source>` is not one that libvirt binds.
  func testAnOverrideOfTheHostDeviceIsNotManaged() throws {
    func devices(_ properties: String) -> MachineConfig {
      let text = Domain(inside: "<alias name='ua-g'/>").text
        .replacing("type='qemu'", with: "type='qemu' xmlns:qemu='\(LibvirtReader.qemuNamespace)'")
        .replacing(
          "</domain>",
          with: "<qemu:override><qemu:device alias='ua-g'><qemu:frontend>\(properties)</qemu:frontend></qemu:device>"
            + "</qemu:override></domain>")
      return ParsedInput.parse(SourceText(name: "t", bytes: Array(text.utf8))).machine
    }
    let source = try XCTUnwrap(PCIAddress("0000:0a:00.0"))
    let other = devices("<qemu:property name='host' type='string' value='0000:0e:00.0'/>")
    XCTAssertNil(try XCTUnwrap(other.devices.first(where: \.isVFIO)).libvirt)
    XCTAssertEqual(other.libvirt?.unassigned[source]?.isManaged, true)
    let same = devices("<qemu:property name='host' type='string' value='0a:00.0'/><qemu:property name='x-vga' type='bool' value='true'/>")
    XCTAssertEqual(same.devices.first(where: \.isVFIO)?.libvirt?.source, source)
    let twice = devices(
      "<qemu:property name='rombar' type='unsigned' value='1'/><qemu:property name='display' type='string' value='off'/>"
        + "<qemu:property name='rombar' type='unsigned' value='0'/>")
    let properties = try XCTUnwrap(twice.devices.first(where: \.isVFIO)).properties
    XCTAssertEqual(properties.suffix(2).map(\.name), ["display", "rombar"])
    XCTAssertEqual(properties.last?.value, .integer(0))
  }
}

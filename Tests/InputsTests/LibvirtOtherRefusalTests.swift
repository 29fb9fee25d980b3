import XCTest

@testable import Inputs

/// Refusals of disks, of USB, and of what is left of a display. The texts are those of libvirt 9.0; where it is installed with a QEMU it
/// is asked.
final class LibvirtOtherRefusalTests: XCTestCase {
  private typealias Domain = LibvirtTestDomain

  private static func disk(
    _ target: String = "dev='sda' bus='sata'", device: String = "disk", type: String = "file", driver: String = "",
    source: String = "<source file='/a.img'/>", more: String = ""
  ) -> Domain {
    let driver = driver.isEmpty ? "" : "<driver name='qemu' \(driver)/>"
    return Domain(
      devices: "<disk type='\(type)' device='\(device)'>\(driver)\(source)<target \(target)/>\(more)</disk>")
  }
  private static let vda = "dev='vda' bus='virtio'"
  private static let block = "<source dev='/dev/sdb'/>"
  private static func drive(_ bus: Int, _ target: Int = 0) -> String {
    "<address type='drive' controller='0' bus='\(bus)' target='\(target)' unit='0'/>"
  }
  private static let pci = "<address type='pci' domain='0' bus='0' slot='5' function='0'/>"

  private static let disks: [(Domain, String)] = [
    (disk("dev='vdb1' bus='virtio'"), "invalid disk target 'vdb1', partitions can't appear in disk targets"),
    (disk("bus='virtio'"), "missing target information for device /a.img"),
    (disk("dev='disk0' bus='sata'"), "Unknown disk name 'disk0' and no address specified"),
    (disk(source: block), "missing source information for device sda"),
    (disk(type: "block"), "missing source information for device sda"),
    (disk("dev='sda' bus='scsi'", device: "lun"), "disk device='lun' is only valid for block type disk source"),
    (disk(device: "lun", type: "block", source: block), "disk device='lun' is not supported for bus='sata'"),
    (
      disk("dev='sda' bus='scsi'", device: "lun", type: "block", driver: "type='qcow2'", source: block),
      "disk device 'lun' must use 'raw' format"
    ),
    (disk(device: "floppy"), "Invalid bus type 'sata' for floppy disk"),
    (disk("dev='fda' bus='fdc'"), "Invalid bus type 'fdc' for disk"),
    (disk(vda, device: "cdrom"), "disk type of 'vda' does not support ejectable media"),
    (disk(more: pci), "Invalid address type 'pci' for the disk 'sda' with the bus type 'sata'"),
    (disk("dev='sda' bus='usb'", more: pci), "unexpected address type for usb disk"),
    (disk(vda, more: drive(0)), "virtio disk cannot have an address of type 'drive'"),
    (disk(more: drive(1)), "bus must be 0 for sata controller"), (disk(more: drive(0, 1)), "target must be 0 for sata controller"),
    (disk("dev='sda' bus='scsi'", more: drive(1)), "SCSI controller only supports 1 bus"),
    (disk(more: "<readonly/>"), "readonly sata disks are not supported"),
    (disk(driver: "type='raw' io='native'"), "io='native' needs either no disk cache or directsync cache mode"),
    (disk(driver: "type='qcow2'", more: "<shareable/>"), "shared access for disk 'sda' requires use of supported storage format"),
    (disk(driver: "type='raw' queues='4'"), "queues attribute in disk driver element is only supported by virtio-blk"),
    (disk(driver: "type='cow'"), "'cow' storage format is not supported"),
    (disk(driver: "type='iso'"), "storage format 'iso' is not directly supported by QEMU, use 'raw' instead"),
    (disk(driver: "type='dir'"), "'directory' storage format is not directly supported by QEMU, use 'dir' disk type instead"),
    (disk(driver: "type='vhdx'"), "unknown driver format value 'vhdx'"),
    (disk(driver: "cache='on'"), "Invalid value for attribute 'cache' in element 'driver': 'on'."),
    (disk("dev='sda' bus='ahci'"), "Invalid value for attribute 'bus' in element 'target': 'ahci'.")
  ]

  private static func tablet(_ address: String, _ more: String = "") -> Domain {
    Domain(devices: "\(more)<input type='tablet' bus='usb'><address type='usb' \(address)/></input>")
  }
  private static let xhci = "<controller type='usb' index='0' model='qemu-xhci'/>"
  private static let none = "<controller type='usb' index='0' model='none'/>"
  private static let hub = "<hub type='usb'><address type='usb' bus='0' port='1'/></hub>"
  private static func keyboard(_ inside: String) -> String {
    "<hostdev mode='subsystem' type='usb' managed='yes'><source>\(inside)</source></hostdev>"
  }
  private static let ids = keyboard("<vendor id='0x046d'/><product id='0xc31c'/>")

  private static let buses: [(Domain, String)] = [
    (tablet("bus='1' port='1'"), "Missing USB bus 1"),
    (tablet("bus='1'"), "USB bus 1 requested but no controller with that index is present"),
    (tablet("bus='0' port='9'", xhci), "requested USB port 9 not present on USB bus 0"),
    (tablet("bus='0' port='5.1'", xhci), "port 5 out of range in USB address bus: 0 port: 5.1"),
    (tablet("bus='0' port='2.1'", hub), "there is no hub at port 2 in USB address bus: 0 port: 2.1"),
    (tablet("bus='0' port='1.9'", hub), "requested USB port 1.9 not present on USB bus 0"),
    (tablet("bus='0' port='1'", hub), "Duplicate USB address bus 0 port 1"),
    (Domain(devices: hub + hub), "Duplicate USB hub on bus 0 port 1"),
    (tablet("bus='0' port='x'"), "Cannot parse <address> 'port' attribute"),
    (Domain(devices: ids + ids), "Hostdev already exists in the domain configuration"),
    (Domain(devices: keyboard("<vendor id='0x046d'/>")), "missing product"),
    (Domain(devices: none + xhci), "Can't add another USB controller: USB is disabled for this domain"),
    (Domain(devices: none + "<input type='tablet' bus='usb'/>"), "Can't add USB input device. USB bus is disabled"),
    (Domain(devices: none + "<hub type='usb'/>"), "Can't add USB hub: USB is disabled for this domain"),
    (Domain(devices: none + ids), "Can't add host USB device: USB is disabled in this host")
  ]

  private static func folder(_ inside: String, _ driver: String = "path", head: String = "", _ attributes: String = "") -> Domain {
    Domain(head: head, devices: "<filesystem type='mount' \(attributes)><driver type='\(driver)'/>\(inside)</filesystem>")
  }
  private static let socket = "<source socket='/run/a'/><target dir='a'/>"
  private static let shared = "<memoryBacking><access mode='shared'/></memoryBacking>"
  private static let agent = "<channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel>"
  private static func network(_ type: String, _ inside: String) -> Domain {
    Domain(devices: "<interface type='\(type)'>\(inside)<model type='virtio'/></interface>")
  }

  private static func video(_ type: String, _ attributes: String = "") -> String {
    "<video><model type='\(type)' \(attributes)/></video>"
  }

  private static let others: [(Domain, String)] = [
    (Domain(devices: agent), "chardev 'spicevmc' not supported without spice graphics"),
    (Domain(devices: "<redirdev bus='usb' type='spicevmc'/>"), "chardev 'spicevmc' not supported without spice graphics"),
    (Domain(devices: "<audio id='1' type='spice'/>"), "Spice audio is not supported without spice graphics"),
    (Domain(devices: "<serial type='unix'/>"), "Missing source path attribute for char device"),
    (Domain(devices: "<serial type='tcp'><source mode='bind' service='1'/></serial>"), "Missing source host attribute for char device"),
    (Domain(devices: "<serial type='tcp'><source mode='bind' host='a'/></serial>"), "Missing source service attribute for char device"),
    (folder(socket, "virtiofs"), "'virtiofs' requires shared memory"),
    (
      folder(socket, "virtiofs", head: "<memoryBacking><source type='memfd'/></memoryBacking>"), "'virtiofs' requires shared memory"
    ),
    (folder("<source dir='/a'/>"), "missing target information for device /a"),
    (folder("<target dir='a'/>"), "missing source information for device a"),
    (network("bridge", ""), "interface type='bridge' requires a 'source' element"),
    (network("network", "<source/>"), "Missing required attribute 'network' in element 'source'"),
    (network("user", "<driver rx_queue_size='300'/>"), "rx_queue_size has to be a power of two"),
    (Domain(devices: "<input type='tablet' bus='ps2'/>"), "ps2 bus does not support tablet input device"),
    (Domain(devices: "<input type='evdev'><source evdev='/dev/input/event1'/></input>"), "Missing evdev path for input device"),
    (
      Domain(devices: "<graphics type='vnc' listen='1.2.3.4'><listen type='address' address='5.6.7.8'/></graphics>"),
      "graphics 'listen' attribute '1.2.3.4' must match 'address' attribute of first listen element (found '5.6.7.8')"
    ),
    (Domain(devices: "<video><model type='vga' heads='2'/></video>"), "video type 'vga' doesn't support multiple 'heads'"),
    (
      Domain(devices: video("vga", "primary='yes'") + video("virtio", "primary='yes'")),
      "Only one primary video device is supported"
    ),
    (
      Domain(devices: video("virtio") + video("none")),
      "a 'none' video type must be the only video device defined for the domain"
    ),
    (Domain(devices: video("virtio") + video("vga")), "video type 'vga' is only valid as primary video device"),
    (Domain(devices: "<sound model='hda'/>"), "Invalid value for attribute 'model' in element 'sound': 'hda'."),
    (Domain(devices: "<vsock/><vsock/>"), "only a single vsock device is supported")
  ]

  private static func sound(_ bus: Int, _ slot: Int, _ controllers: String) -> Domain {
    Domain(devices: "\(controllers)<sound model='ich6'><address type='pci' bus='\(bus)' slot='\(slot)'/></sound>")
  }
  private static func balloon(_ bus: Int, _ slot: Int) -> Domain {
    Domain(devices: "<memballoon model='virtio'><address type='pci' bus='\(bus)' slot='\(slot)'/></memballoon>")
  }
  private static func onBoard(
    _ type: String, _ slot: Int, _ function: Int, index: Int = 0, machine: String = "q35", _ attributes: String = ""
  ) -> Domain {
    let address = "<address type='pci' bus='0' slot='\(slot)' function='\(function)'/>"
    return Domain(machine: machine, devices: "<controller type='\(type)' index='\(index)'\(attributes)>\(address)</controller>")
  }
  private static let bridge = "<controller type='pci' index='1' model='pci-bridge'/>"
  private static let bridges = "<controller type='pci' index='1' model='dmi-to-pci-bridge'/>"

  private static let places: [(Domain, String)] = [
    (sound(2, 1, bridge), "PCI controller at index 1 (0x01) has bus='0x01', but index must be larger than bus"),
    (sound(2, 0, bridges), "Invalid PCI address 0000:02:00.0. slot must be >= 1"),
    (balloon(2, 1), "Invalid PCI address 0000:02:01.0. slot must be <= 0"),
    (balloon(0, 31), "Attempted double use of PCI Address 0000:00:1f.0"),
    (onBoard("sata", 31, 2, index: 1), "Attempted double use of PCI Address 0000:00:1f.2"),
    (onBoard("sata", 5, 0), "Primary SATA controller must have PCI address 0:0:1f.2"),
    (onBoard("ide", 5, 1, machine: "pc"), "Primary IDE controller must have PCI address 0:0:1.1"),
    (
      onBoard("usb", 5, 0, machine: "pc", " model='piix3-uhci'"),
      "PIIX3 USB controller at index 0 must have PCI address 0:0:1.2"
    ),
    (onBoard("scsi", 1, 0, machine: "pc", " model='virtio-scsi'"), "Attempted double use of PCI Address 0000:00:01.0")
  ]

  private static let refused = disks + buses + others + places

  /// Domains for which libvirt needs a device of the host.
  private static let acceptedElsewhere: [Domain] = [
    Domain(devices: ids + keyboard("<vendor id='0x046d'/><product id='0xc31d'/>")), network("user", "<driver rx_queue_size='512'/>")
  ]

  private static let accepted: [Domain] = [
    disk("dev='sda' bus='scsi'", device: "lun", type: "block", driver: "type='raw'", source: block), disk(more: drive(0)),
    disk(driver: "type='qcow2' cache='none' io='native' discard='unmap'"), disk(vda, more: "<readonly/>"), disk(more: "<shareable/>"),
    disk(device: "cdrom", source: "", more: "<readonly/>"), disk("dev='fda' bus='fdc'", device: "floppy"),
    tablet("bus='0' port='1.8'", hub), tablet("bus='0' port='4'", xhci), tablet("bus='0'", xhci),
    folder(socket, "virtiofs", head: shared), folder("<source dir='/a'/><target dir='a'/>", "path", "accessmode='mapped'"),
    Domain(devices: "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel><serial type='pty'/>"),
    Domain(devices: "<graphics type='vnc' listen='1.2.3.4'><listen type='address' address='1.2.3.4'/></graphics>"),
    sound(2, 1, bridges), sound(1, 1, ""), balloon(2, 0), onBoard("sata", 31, 2), onBoard("ide", 1, 1, machine: "pc"),
    onBoard("usb", 1, 2, machine: "pc", " model='piix3-uhci'"), onBoard("scsi", 31, 4, " model='virtio-scsi'"),
    // libvirt copies the source of the serial port, and looks at no more than a display's own attributes.
    Domain(devices: "<serial type='file'><source path='/tmp/a'/></serial><console type='file'><target type='serial'/></console>"),
    Domain(devices: "<graphics type='vnc' port='0'><listen type='none'/></graphics>"),
    Domain(devices: "<graphics type='vnc'><gl enable='on'/><image compression='no'/></graphics>"),
    Domain(head: "<memoryBacking><source type=''/></memoryBacking>"),
    Domain(system: "<os><type arch='x86_64' machine='q35'>hvm</type><smbios mode='none'/></os>")
  ]

  func testOtherPartsAreRefusedWithLibvirtsMessages() {
    for (domain, text) in LibvirtOtherRefusalTests.refused { XCTAssertEqual(domain.refusals, [text], domain.text) }
    for domain in LibvirtOtherRefusalTests.accepted + LibvirtOtherRefusalTests.acceptedElsewhere {
      XCTAssertEqual(domain.refusals, [], domain.text)
    }
  }

  func testTheInstalledLibvirtAnswersTheSame() throws {
    try LibvirtTestDomain.compare(refused: LibvirtOtherRefusalTests.refused, accepted: LibvirtOtherRefusalTests.accepted)
  }

  /// Two places that a template fills in with the same name get different texts.
  func testPlaceholdersAreNoDuplicates() {
    func disk(_ name: String, _ driver: String = "") -> String {
      "<disk type='file' device='disk'><driver name='qemu' \(driver)/><source file='/a'/><target dev='\(name)' bus='virtio'/></disk>"
    }
    let keyboard = LibvirtOtherRefusalTests.keyboard("<vendor id='${vendor}'/><product id='${product}'/>")
    let texts = [
      disk("{{ item.dev }}") + disk("{{ item.dev }}"), disk("%s") + disk("%s"), disk("vda", "io='native' cache='{{ cache }}'"),
      keyboard + keyboard, "<graphics type='vnc' passwd='{{ password }}'/>"
    ]
    for text in texts { XCTAssertEqual(Domain(devices: text).refusals, [], text) }
  }

  /// An excerpt has no display, controllers and hubs of its own.
  func testExcerptsAreNotRefusedForWhatTheyLack() {
    let text = LibvirtOtherRefusalTests.agent + "<input type='tablet' bus='usb'><address type='usb' bus='1' port='2.1'/></input>"
    XCTAssertEqual(Domain(name: "", memory: "", devices: text).refusals, [])
  }

  /// Words that libvirt has had since 12.
  func testTheSMMUsOwnValuesAreAccepted() {
    let driver = "<driver accel='on' ats='auto' ril='auto' cmdqv='auto'/>"
    let text = "<domain type='kvm'><devices><iommu model='smmuv3'>\(driver)</iommu></devices></domain>"
    XCTAssertFalse(LibvirtTestDomain.refusals(of: text).contains { $0.contains("'auto'") })
  }

  /// A console by SPICE, and what a template fills in.
  func testPartsOfSPICEStayWithItsDisplay() {
    let agent = LibvirtOtherRefusalTests.agent
    XCTAssertEqual(Domain(devices: "<graphics type='spice'/>" + agent).refusals, [])
    XCTAssertEqual(Domain(devices: "<graphics type='{{ display }}'/>" + agent).refusals, [])
  }
}

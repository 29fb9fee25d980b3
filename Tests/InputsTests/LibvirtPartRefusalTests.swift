import Facts
import Support
import Syntax
import XCTest

@testable import Inputs

/// Refusals of memory, processors, firmware and of devices that are not passed through. The texts are those of libvirt 9.0; where it
/// is installed with a QEMU it is asked.
final class LibvirtPartRefusalTests: XCTestCase {
  private typealias Domain = LibvirtTestDomain

  private static let cells = "<cpu><numa><cell id='0' cpus='0' memory='524288'/><cell id='1' cpus='1' memory='524288'/></numa></cpu>"
  private static let hotplug = "<maxMemory slots='1' unit='GiB'>4</maxMemory>" + cells

  private static func backing(_ inside: String) -> Domain { Domain(head: "<memoryBacking>\(inside)</memoryBacking>") }
  private static func pages(_ inside: String, cells: String = cells) -> Domain {
    Domain(head: "<memoryBacking><hugepages>\(inside)</hugepages></memoryBacking>\(cells)")
  }
  private static func module(_ model: String = "dimm", _ target: String = "<node>0</node>") -> Domain {
    Domain(head: hotplug, devices: dimm(model, target))
  }
  private static func dimm(_ model: String = "dimm", _ target: String = "<node>0</node>") -> String {
    "<memory model='\(model)'><target><size>524288</size>\(target)</target></memory>"
  }
  private static func policy(_ inside: String, cells: String = cells, vcpu: String = "<vcpu>2</vcpu>") -> Domain {
    Domain(vcpu: vcpu, head: "<numatune>\(inside)</numatune>\(cells)")
  }
  private static func node(_ cell: Int, _ mode: String = "strict") -> String {
    "<memnode cellid='\(cell)' mode='\(mode)' nodeset='0'/>"
  }

  private static let unset = "nodeset for NUMA memory tuning must be set if 'placement' is 'static'"

  private static let memory: [(Domain, String)] = [
    (pages("<page size='2' unit='M'/><page size='1' unit='G'/>"), "two master hugepages detected: 1048576 and 2048"),
    (
      pages("<page size='2' unit='M' nodeset='0'/><page size='1' unit='G' nodeset='0-1'/>"),
      "nodeset attribute of hugepages of sizes 1048576 and 2048 intersect"
    ),
    (pages("<page size='2' unit='M' nodeset='0-4'/>"), "hugepages: node 2 not found"),
    (pages("<page size='2' unit='M' nodeset='1'/>", cells: ""), "hugepages: node 1 not found"),
    (pages("<page size='0'/>"), "hugepage size can't be zero"),
    (backing("<hugepages/><allocation mode='ondemand'/>"), "hugepages are not allowed with memory allocation ondemand"),
    (backing("<hugepages/><source type='anonymous'/>"), "hugepages are not allowed with anonymous memory source"),
    (
      module("dimm", "<node>2</node>"),
      "can't add memory backend for guest node '2' as the guest has only '2' NUMA nodes configured"
    ),
    (module("dimm", ""), "target NUMA node needs to be specified for memory device"),
    (Domain(head: hotplug, devices: dimm() + dimm()), "failed to find an empty memory slot"),
    (
      Domain(head: "<maxMemory slots='1' unit='GiB'>1</maxMemory>" + cells, devices: dimm()),
      "maximum memory size must be equal or greater than the actual memory size"
    ),
    (
      Domain(memory: "<memory>1024</memory>", head: "<maxMemory slots='1' unit='GiB'>4</maxMemory>", devices: dimm("dimm", "")),
      "Total size of memory devices exceeds the total memory size"
    ),
    (module("nvdimm"), "path is required for model 'nvdimm'"),
    (
      module("virtio-mem", "<node>0</node><block unit='MiB'>2</block><requested>1048576</requested>"),
      "requested size must be smaller than or equal to @size (524288KiB)"
    ),
    (module("virtio-mem", "<node>0</node><block unit='MiB'>3</block><requested>0</requested>"), "block size must be a power of two"),
    (policy("<memory mode='strict'/>"), unset), (policy("<memory placement='static'/>"), unset),
    (policy("<memory placement='here'/>"), "Unsupported NUMA memory placement mode 'here'"),
    (policy("<memory nodeset='0,^0'/>"), "Invalid value of 'nodeset': 0,^0"),
    (policy(node(0), cells: ""), "Element 'memnode' is invalid without any guest NUMA cells"),
    (policy(node(2)), "Argument 'cellid' in memnode element must correspond to existing guest's NUMA cell"),
    (policy(node(1) + node(1)), "Multiple memnode elements with cellid 1"),
    (policy("<memnode cellid='0' mode='strict'/>"), "Missing required nodeset attribute in memnode element"),
    (
      policy("<memory mode='restrictive' nodeset='0'/>" + node(0)),
      "'restrictive' mode is required in memnode element when mode is 'restrictive' in memory element"
    ),
    (
      policy(node(0), vcpu: "<vcpu placement='auto'>2</vcpu>"),
      "Per-node binding is not compatible with automatic NUMA placement."
    )
  ]

  private static func cpu(_ attributes: String, _ inside: String = "") -> Domain { Domain(head: "<cpu \(attributes)>\(inside)</cpu>") }
  private static func numa(_ inside: String) -> Domain { Domain(head: "<cpu><numa>\(inside)</numa></cpu>") }
  private static func cell(_ id: Int, _ cpus: String, _ inside: String = "") -> String {
    "<cell id='\(id)' cpus='\(cpus)' memory='524288'>\(inside)</cell>"
  }
  private static func tuning(_ inside: String, _ more: String = "") -> Domain { Domain(head: "\(more)<cputune>\(inside)</cputune>") }

  private static let processors: [(Domain, String)] = [
    (Domain(vcpu: "<vcpu>0</vcpu>"), "CPU IDs in <numa> exceed the <vcpu> count"),
    (Domain(vcpu: "<vcpu current='0'>2</vcpu>"), "vcpu 0 can't be offline"),
    (Domain(vcpu: "<vcpu>300</vcpu>", machine: "pc"), "Maximum CPUs greater than specified machine type limit 255"),
    (cpu("mode='maximum'", "<cache mode='emulate' level='2'/>"), "CPU cache mode 'emulate' can only be used with level='3'"),
    (cpu("mode='maximum'", "<cache mode='emulate' level='9'/>"), "invalid CPU cache level, must be in range [1,3]"),
    (cpu("mode='maximum'", "<cache mode='passthrough' level='3'/>"), "unsupported CPU cache level for mode 'passthrough'"),
    (cpu("mode='maximum'", "<cache level='3'/>"), "Missing required attribute 'mode' in element 'cache'"),
    (
      cpu("mode='custom'", "<model>qemu64</model><cache mode='passthrough'/>"),
      "CPU cache mode 'passthrough' can only be used with 'host-passthrough' / 'maximum' CPUs"
    ),
    (
      cpu("mode='maximum'", "<maxphysaddr mode='passthrough' bits='42'/>"),
      "CPU maximum physical address bits number specification cannot be used with mode='passthrough'"
    ),
    (
      cpu("mode='maximum'", "<maxphysaddr mode='emulate'/>"),
      "if using CPU maximum physical address mode='emulate', bits= must be specified too"
    ),
    (cpu("mode='maximum'", "<feature name='svm'/><feature name='svm'/>"), "CPU feature 'svm' specified more than once"),
    (
      cpu("mode='host-passthrough'"),
      "CPU mode 'host-passthrough' for x86_64 qemu domain on x86_64 host is not supported by hypervisor"
    ),
    (cpu("mode='custom'", "<feature name='svm'/>"), "Non-empty feature list specified without CPU model"),
    (
      cpu("mode='host-model' migratable='on'"),
      "Attribute migratable is only allowed for 'host-passthrough' / 'maximum' CPU mode"
    ),
    (numa(""), "NUMA topology defined without NUMA cells"),
    (
      numa(cell(0, "0") + cell(2, "1")),
      "Exactly one 'cell' element per guest NUMA cell allowed, non-contiguous ranges or ranges not starting from 0 are not allowed"
    ),
    (numa(cell(0, "0") + cell(0, "1")), "Duplicate NUMA cell info for cell id '0'"),
    (
      Domain(vcpu: "<vcpu>3</vcpu>", head: "<cpu><numa>\(cell(0, "0-1") + cell(1, "1"))</numa></cpu>"),
      "NUMA cells 1 and 0 have overlapping vCPU ids"
    ),
    (numa("<cell id='0' cpus='0'/>"), "missing element or attribute './@memory'"),
    (
      numa(cell(0, "0", "<distances><sibling id='2' value='20'/></distances>") + cell(1, "1")),
      "'sibling_id 2' does not refer to a valid cell within NUMA 'cell id 0'"
    ),
    (tuning("<iothreadpin iothread='1' cpuset='0'/>"), "Cannot find 'iothread' : 1"),
    (tuning("<iothreadsched iothreads='2' scheduler='batch'/>", "<iothreads>1</iothreads>"), "Cannot find 'iothread' : 2"),
    (
      tuning("<vcpusched vcpus='0' scheduler='batch'/><vcpusched vcpus='0-1' scheduler='idle'/>"),
      "'vcpusched' attributes 'vcpus' must not overlap"
    ),
    (tuning("<vcpusched vcpus='0' scheduler='fifo'/>"), "Missing required attribute 'priority' in element 'vcpusched'"),
    (tuning("<vcpusched vcpus='5' scheduler='batch'/>"), "vCPU '5' is not present in domain definition"),
    (tuning("<vcpupin vcpu='0' cpuset='0'/><vcpupin vcpu='0' cpuset='1'/>"), "duplicate vcpupin for vcpu '0'"),
    (tuning("<vcpupin vcpu='0'/>"), "missing cpuset for vcpupin"),
    (tuning("<emulatorpin cpuset='0'/><emulatorpin cpuset='1'/>"), "only one emulatorpin is supported")
  ]

  private static func system(_ inside: String, _ attributes: String = "", machine: String = "q35", acpi: String = "<acpi/>") -> Domain {
    Domain(
      system: "<os\(attributes)><type arch='x86_64' machine='\(machine)'>hvm</type>\(inside)</os>",
      head: "<features>\(acpi)</features>")
  }
  private static func flash(_ attributes: String = "") -> String { "<loader type='pflash' \(attributes)>/usr/share/x.fd</loader>" }
  private static func timer(_ attributes: String, _ inside: String = "") -> Domain {
    Domain(head: "<clock offset='utc'><timer \(attributes)>\(inside)</timer></clock>")
  }
  private static func table(_ block: String, _ name: String, _ value: String) -> Domain {
    Domain(
      head: "<uuid>c7a5fdbd-edaf-9455-926a-d65c16db1809</uuid><sysinfo type='smbios'><\(block)><entry name='\(name)'>\(value)</entry>"
        + "</\(block)></sysinfo>")
  }

  private static let boot: [(Domain, String)] = [
    (system(flash(), acpi: ""), "UEFI requires ACPI on this architecture"),
    (system(flash("secure='yes'"), machine: "pc"), "Secure boot is supported with q35 machine types only"),
    (system(flash("secure='yes'"), acpi: "<acpi/><smm state='off'/>"), "Secure boot requires SMM feature enabled"),
    (system("<loader type='pflash'/>"), "no loader path specified and firmware auto selection disabled"),
    (system("<nvram>/x</nvram>"), "no loader path specified and firmware auto selection disabled"),
    (system(flash("stateless='yes'") + "<nvram>/x</nvram>"), "NVRAM is not permitted when loader is stateless"),
    (system("<loader type='rom' stateless='no'>/x</loader>"), "Only pflash loader type permits NVRAM"),
    (system("<nvram>/x</nvram>", " firmware='bios'"), "firmware type 'bios' does not support nvram"),
    (
      system("<firmware><feature enabled='yes' name='secure-boot'/></firmware>"),
      "cannot use feature-based firmware autoselection when firmware autoselection is disabled"
    ),
    (
      system("<bootmenu enable='yes' timeout='99999'/>"),
      "invalid value for boot menu timeout, must be in range [0,65535]"
    ),
    (system("<bios rebootTimeout='99999'/>"), "invalid value for rebootTimeout, must be in range [-1,65535]"),
    (system("<bios useserial='yes'/>"), "need at least one serial port to use BIOS serial output"),
    (timer("name='rtc' track='boot'"), "unsupported rtc timer track 'boot'"),
    (timer("name='rtc' tickpolicy='merge'"), "unsupported rtc timer tickpolicy 'merge'"),
    (timer("name='pit' tickpolicy='merge'"), "unsupported pit tickpolicy 'merge'"),
    (timer("name='kvmclock' tickpolicy='delay'"), "timer kvmclock doesn't support setting of timer tickpolicy"),
    (
      timer("name='rtc' tickpolicy='delay'", "<catchup threshold='1'/>"),
      "setting of timer catchup policies is only supported with tickpolicy='catchup'"
    ),
    (table("system", "uuid", "c7a5fdbd-edaf-9455-926a-d65c16db1800"), "UUID mismatch between <uuid> and <sysinfo>"),
    (table("system", "uuid", "12"), "malformed <sysinfo> uuid element"),
    (table("bios", "date", "2024-01-01"), "Invalid BIOS 'date' format"), (Domain(head: "<uuid>12</uuid>"), "malformed uuid element"),
    (
      Domain(head: "<on_reboot>preserve</on_reboot>"),
      "qemu driver doesn't support the 'preserve' action for 'on_reboot'/'on_poweroff'"
    ),
    (
      Domain(head: "<on_poweroff>restart</on_poweroff><on_reboot>destroy</on_reboot>"),
      "qemu driver doesn't support 'onReboot' set to 'destroy and 'onPoweroff' set to 'reboot'"
    ),
    (
      Domain(head: "<on_poweroff>coredump-destroy</on_poweroff>"),
      "Lifecycle event 'poweroff' doesn't support 'coredump-destroy' action"
    ),
    (
      system("", acpi: "<acpi/><smm state='on'><tseg unit='KiB'>5</tseg></smm>"), "SMM TSEG size must be divisible by 1 MiB"
    )
  ]

  private static func disk(_ target: String, _ bus: String = "virtio", driver: String = "", _ more: String = "") -> String {
    "<disk type='file' device='disk'>\(driver)<source file='/\(target)'/><target dev='\(target)' bus='\(bus)'/>\(more)</disk>"
  }
  private static let thread = "<driver name='qemu' iothread='1'/>"
  private static func memory(_ inside: String, _ type: String = "plain") -> Domain {
    Domain(devices: "<shmem name='lg'><model type='ivshmem-\(type)'/>\(inside)</shmem>")
  }
  private static let noUSB = "<controller type='usb' model='none'/>"
  private static let vnc = "<graphics type='vnc'/>"
  private static let tpm = "<tpm model='tpm-tis'><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>"
  private static func video(_ type: String, _ inside: String = "") -> String { "<video><model type='\(type)'/>\(inside)</video>" }

  private static let devices: [(Domain, String)] = [
    (Domain(devices: disk("vda") + disk("vda")), "target 'vda' duplicated for disk sources '/vda' and '/vda'"),
    (Domain(devices: disk("vda", driver: thread)), "Disk iothread '1' not defined in iothreadid"),
    (Domain(head: "<iothreads>1</iothreads>", devices: disk("sda", "sata", driver: thread)),
      "IOThreads not available for bus sata target sda"),
    (
      Domain(devices: "<controller type='scsi' model='virtio-scsi'><driver iothread='1'/></controller>"),
      "controller iothread '1' not defined in iothreadid"
    ),
    (Domain(devices: "<controller type='usb' model='qemu-xhci' ports='30'/>"), "'qemu-xhci' controller only supports up to '15' ports"),
    (Domain(devices: noUSB + "<input type='tablet' bus='usb'/>"), "Can't add USB input device. USB bus is disabled"),
    (
      Domain(devices: noUSB + "<controller type='usb' index='1' model='qemu-xhci'/>"),
      "Can't add another USB controller: USB is disabled for this domain"
    ),
    (memory("<size unit='M'>33</size>"), "shmem size must be a power of two"),
    (memory("<size unit='K'>4</size>"), "shmem size must be at least 1 MiB (1024 KiB)"),
    (memory("<msi/>"), "msi option is only supported with a server"),
    (memory("<server path='/x'/>"), "shmem model 'ivshmem-plain' is supported only with server option disabled"),
    (memory("", "doorbell"), "shmem model 'ivshmem-doorbell' is supported only with server option enabled"),
    (memory("<address type='usb'/>"), "only 'pci' addresses are supported for the shared memory device"),
    (Domain(devices: "<tpm model='tpm-crb'/>"), "missing TPM device backend"),
    (Domain(devices: tpm + tpm), "only a single TPM non-proxy device is supported"),
    (Domain(devices: vnc + vnc), "only 1 graphics device of each type (sdl, vnc, spice, headless, dbus) is supported"),
    (Domain(devices: "<graphics type='vnc' port='80'/>"), "vnc port must be in range [5900,65535]"),
    (Domain(devices: "<graphics type='vnc' passwd='123456789'/>"), "VNC password is 9 characters long, only 8 permitted"),
    (Domain(devices: vnc + video("vga") + video("vga")), "video type 'vga' is only valid as primary video device"),
    (Domain(devices: "<input type='evdev' bus='usb'><source dev='/dev/input/event0'/></input>"), "input evdev doesn't support bus element"),
    (Domain(devices: "<iommu model='intel'><address type='pci'/></iommu>"), "iommu model 'intel' can't have address")
  ]

  private static let refused = memory + processors + boot + devices

  private static let accepted: [Domain] = [
    pages("<page size='2' unit='M' nodeset='0'/>", cells: ""),
    pages("<page size='2' unit='M'/><page size='2' unit='M' nodeset='1'/>"),
    Domain(head: hotplug, devices: dimm()), policy("<memory mode='strict' nodeset='0'/>"), policy("<memory/>"),
    policy(node(0) + node(1)), cpu("mode='maximum'", "<cache mode='passthrough'/><maxphysaddr mode='passthrough'/>"),
    cpu("mode='maximum'", "<maxphysaddr mode='emulate' bits='42'/>"),
    cpu("mode='custom'", "<model>qemu64</model><maxphysaddr mode='passthrough'/>"),
    numa(cell(1, "0") + cell(0, "1")),
    tuning("<iothreadpin iothread='1' cpuset='0'/><vcpupin vcpu='0' cpuset='0'/>", "<iothreads>1</iothreads>"),
    tuning("<vcpusched vcpus='0-1' scheduler='fifo' priority='1'/><emulatorpin cpuset='0'/>"),
    tuning("<iothreadpin iothread='7' cpuset='0'/>", "<iothreads>2</iothreads><iothreadids><iothread id='7'/></iothreadids>"),
    timer("name='pit' tickpolicy='delay'"), timer("name='rtc' tickpolicy='catchup'", "<catchup threshold='1'/>"),
    table("system", "uuid", "C7A5FDBD-edaf-9455-926a-d65c16db1809"), table("bios", "date", "04/01/2024"),
    system("<bootmenu enable='yes' timeout='3000'/><bios rebootTimeout='-1'/>"), system("<loader>/usr/share/x.bin</loader>", acpi: ""),
    Domain(head: "<on_crash>preserve</on_crash>"), memory("<size unit='M'>64</size>"),
    Domain(head: "<iothreads>1</iothreads>", devices: disk("vda", driver: thread)), Domain(devices: disk("vda") + disk("sda", "sata")),
    Domain(devices: vnc + video("vga") + video("qxl")), Domain(devices: "<graphics type='vnc' port='-1' autoport='yes'/>"),
    Domain(devices: "<input type='evdev'><source dev='/dev/input/event0' grab='all'/></input>")
  ]

  func testPartsAreRefusedWithLibvirtsMessages() {
    for (domain, text) in LibvirtPartRefusalTests.refused { XCTAssertEqual(domain.refusals, [text], domain.text) }
    for domain in LibvirtPartRefusalTests.accepted { XCTAssertEqual(domain.refusals, [], domain.text) }
  }

  /// libvirt has the attribute since 9.3.
  func testTheLimitOfTheAddressWidthIsOfTheHostsWidth() {
    let text = "attribute 'limit' is only supported for maxphysaddr mode 'passthrough'"
    func refusals(_ width: String) -> [String] { Self.cpu("mode='maximum'", "<maxphysaddr \(width)/>").refusals }
    XCTAssertEqual(refusals("mode='emulate' bits='42' limit='42'"), [text])
    XCTAssertEqual(refusals("mode='passthrough' limit='42'"), [])
  }

  func testTheInstalledLibvirtAnswersTheSame() throws {
    try LibvirtTestDomain.compare(refused: LibvirtPartRefusalTests.refused, accepted: LibvirtPartRefusalTests.accepted)
  }

  /// Newer than the installed one: since 10.10 an IOMMU for many vCPUs, since 11 a NUMA node for hotplug.
  func testWhatNewerLibvirtAddsIsNotRefused() throws {
    XCTAssertEqual(Domain(head: "<maxMemory slots='2' unit='GiB'>8</maxMemory>").refusals, [])
    for given in ["", "<iommu model='intel'/>", "<iommu model='intel'><driver caching_mode='on'/></iommu>"] {
      let domain = Domain(vcpu: "<vcpu>288</vcpu>", devices: given)
      let machine = ParsedInput.parse(SourceText(name: "t", bytes: Array(domain.text.utf8))).machine
      XCTAssertEqual(machine.machine.last { $0.name == "kernel_irqchip" }?.value, .string("split"))
      let units = machine.devices.filter { $0.driver == "intel-iommu" }
      XCTAssertEqual(units.count, 1)
      for name in ["intremap", "eim"] { XCTAssertEqual(units.first?.value(name), .string("on"), given) }
    }
  }

  func testARAMFramebufferHasNoAddress() {
    let address = "<address type='pci' bus='0' slot='5'/>", type = LibvirtPartRefusalTests.self
    XCTAssertEqual(
      Domain(devices: type.vnc + type.video("ramfb", address)).refusals, ["address not supported for video type ramfb"])
    XCTAssertEqual(Domain(devices: type.vnc + type.video("ramfb")).refusals, [])
  }

  func testACPINeedsUEFIOnArm() {
    func refusals(_ firmware: String) -> [String] {
      Domain(
        system: "<os\(firmware)><type arch='aarch64' machine='virt'>hvm</type></os>", head: "<features><acpi/></features>"
      ).refusals
    }
    XCTAssertEqual(refusals(""), ["ACPI requires UEFI on this architecture"])
    XCTAssertEqual(refusals(" firmware='efi'"), [])
  }
}

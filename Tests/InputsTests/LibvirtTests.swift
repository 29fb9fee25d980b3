import Facts
import Glibc
import Support
import XCTest

@testable import Inputs
@testable import Syntax

final class LibvirtTests: XCTestCase {
  private func parse(_ text: String) -> ParsedInput {
    .parse(SourceText(name: "d.xml", bytes: Array(text.utf8)))
  }

  private func read(_ name: String) throws -> (text: String, parsed: ParsedInput) {
    let text = try Fixture.text("inputs/libvirt/\(name)")
    return (text, parse(text))
  }

  func testAMediatedDeviceWithoutAUUIDIsReported() {
    for source in ["", "<source/>", "<source><address/></source>"] {
      for model in ["model='vfio-pci'", "model='vfio-ap'", ""] {
        let text =
          "<domain type='kvm'><devices><hostdev mode='subsystem' type='mdev' \(model)>\(source)</hostdev></devices></domain>"
        XCTAssertEqual(parse(text).problems.map { $0.message.contains("no uuid") }, [true], text)
      }
    }
    let text =
      "<domain type='kvm'><devices><hostdev mode='subsystem' type='mdev' model='vfio-ap'>"
      + "<source><address uuid='83c32df7-d52e-4ec1-9668-1f3c7e4df107'/></source></hostdev></devices></domain>"
    XCTAssertEqual(parse(text).problems, [])
  }

  /// Beside each definition stand the options that it is lowered to; VFIOGATE_RECORD=1 writes them.
  func testDefinitionsAreLoweredToTheOptionsThatStandBesideThem() throws {
    let names = try Fixture.names(in: "inputs/libvirt").filter { $0.hasSuffix(".xml") }
    XCTAssertGreaterThan(names.count, 10)
    for name in names {
      let options = LoweredOptions.text(try read(name).parsed)
      let path = "inputs/libvirt/\(name.dropLast(4)).options"
      if getenv("VFIOGATE_RECORD") != nil { try writeFile(Fixture.path(path), options) }
      XCTAssertEqual(options, try Fixture.text(path), "\(name): VFIOGATE_RECORD=1 writes what it is now")
    }
  }

  func testEveryPlaceIsThatOfTheElementOrAttribute() throws {
    let (text, parsed) = try read("gpu-with-audio.xml")
    let bytes = Array(text.utf8)
    func written(_ location: Location?) -> String? {
      location?.range.map { String(decoding: bytes[$0], as: UTF8.self) }
    }
    let card = try XCTUnwrap(parsed.machine.devices.first { $0.id == "hostdev0" })
    XCTAssertEqual(card.location.path, "/domain/devices/hostdev[1]")
    XCTAssertEqual(written(card.location), "<hostdev mode='subsystem' type='pci' managed='yes'>")
    let host = card.property("host")?.location
    XCTAssertEqual(host?.path, "/domain/devices/hostdev[1]/source/address")
    XCTAssertEqual(written(host), "<address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>")
    XCTAssertEqual(written(card.property("romfile")?.location), "file='/usr/share/vgabios/card&amp;more.rom'")
    XCTAssertEqual(card.property("romfile")?.location.path, "/domain/devices/hostdev[1]/rom/@file")
    XCTAssertEqual(written(card.property("multifunction")?.location), "multifunction='on'")
  }

  private func domain(_ machine: String, _ devices: String) -> MachineConfig {
    parse(
      "<domain type='kvm' id='1'><os><type arch='x' machine='\(machine)'>hvm</type></os><devices>\(devices)</devices></domain>"
    ).machine
  }

  func testTheFirstRootBusHasQEMUsNameAndFurtherOnesThatOfTheirBridge() {
    func bus(_ machine: String, _ index: Int, _ controllers: String) -> PropertyValue? {
      domain(
        machine,
        controllers + "<hostdev mode='subsystem' type='pci'><source><address bus='1'/></source>"
          + "<address type='pci' bus='\(index)' slot='2'/></hostdev>"
      ).devices.first(where: \.isVFIO)?.property("bus")?.value
    }
    let root = "<controller type='pci' index='0' model='pci-root'><alias name='pci'/></controller>"
    XCTAssertEqual(bus("pc-i440fx-9.1", 0, root), .string("pci.0"))
    XCTAssertEqual(bus("g3beige", 0, root), .string("pci"))
    let host = "<controller type='pci' index='0' model='pci-root'><alias name='ua-phb0'/></controller>"
      + "<controller type='pci' index='1' model='pci-root'/><controller type='pci' index='2' model='pci-root'>"
      + "<alias name='ua-phb2'/></controller>"
    XCTAssertEqual((0...2).map { bus("pseries", $0, host) }, ["pci.0", "pci.1.0", "ua-phb2.0"].map { .string($0) })
  }

  func testAnOverrideThatLibvirtRefusesIsAFindingWithWhatItTakes() {
    func override(_ property: String) -> ParsedInput {
      parse(
        "<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><devices>"
          + "<hostdev mode='subsystem' type='pci'><source><address bus='1'/></source></hostdev></devices>"
          + "<qemu:override><qemu:device alias='hostdev0'><qemu:frontend><qemu:property \(property)/></qemu:frontend>"
          + "</qemu:device></qemu:override></domain>")
    }
    for (property, reason) in [
      ("name='x-pci-vendor-id' type='unsigned' value='0x10de'", "`0x10de` is not a decimal number"),
      ("name='x' type='unsigned' value='-1'", "`-1` is not a decimal number"), ("name='x' type='signed'", "it has no `value`"),
      ("name='x' type='bool' value='on'", "`on` is not `true` or `false`"), ("name='x' value='1'", "`type` is ``"),
      ("name='x' type='int' value='1'", "`type` is `int`"), ("name='x' type='remove' value='1'", "`remove` takes no value"),
      ("name='id' type='string' value='a'", "`id` cannot be overridden"),
    ] {
      let problems = override(property).problems
      XCTAssertEqual(problems.count, 1, property)
      XCTAssert(problems.first?.message.hasSuffix(" of `hostdev0`: \(reason)") == true, "\(problems)")
    }
    XCTAssertEqual(override("name='x' type='unsigned' value='0x10de'").problems.first?.fix, "write `4318`")
    for property in [
      "name='x' type='unsigned' value='4318'", "name='x' type='signed' value='-1'", "name='x' type='bool' value='false'",
      "name='host' type='remove'", "name='x' type='string' value=''",
    ] {
      XCTAssertEqual(override(property).problems, [], property)
    }
  }

  func testDevicesOfOtherMachinesAreWhereLibvirtPutsThem() throws {
    let card = "<hostdev mode='subsystem' type='pci'><source><address bus='1'/></source>"
    let power = domain("pseries-9.2", card + "<address type='pci' bus='2' slot='1'/></hostdev>")
    XCTAssertEqual(power.devices.first(where: \.isVFIO)?.string("bus"), "pci.2.0")
    XCTAssertFalse(power.devices.contains { $0.driver == "pci-bridge" }, "its buses are host bridges")
    XCTAssertNil(power.setting("acpi"))
    let main = parse(
      "<domain type='kvm'><os><type arch='s390x' machine='s390-ccw-virtio'>hvm</type></os><devices><rng model='virtio'/>"
        + "<interface type='user'/><interface type='user'><model type='virtio'/><address type='pci' slot='3'/></interface>"
        + "\(card)</hostdev></devices><launchSecurity type='s390-pv'/></domain>"
    ).machine
    XCTAssertEqual(
      main.devices.filter { $0.driver?.hasPrefix("virtio") == true }.compactMap(\.driver),
      ["virtio-rng-ccw", "virtio-net-ccw", "virtio-net-pci", "virtio-balloon-ccw"])
    XCTAssertNil(main.setting("acpi"))
    XCTAssertEqual(main.objects.first?.type, "s390-pv-guest")
    XCTAssertEqual(main.setting("confidential-guest-support"), "lsec0")
    XCTAssertEqual(domain("pc-q35-9.2", card + "</hostdev>").setting("acpi"), "off")
    XCTAssertEqual(domain("virt-9.2", card + "</hostdev>").setting("acpi"), "off")
  }

  func testMediatedDevicesOfEachModelAreLowered() {
    func device(_ attributes: String) -> [String: PropertyValue] {
      let source = "<source><address uuid='83c32df7-d52e-4ec1-9668-1f3c7e4df107'/></source>"
      let machine = domain("q35", "<hostdev mode='subsystem' type='mdev' \(attributes)>\(source)</hostdev>")
      let found = machine.devices.first { $0.driver?.hasPrefix("vfio") == true }
      return Dictionary((found?.properties ?? []).map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    }
    XCTAssertEqual(device("model='vfio-pci'")["display"], .string("off"), "libvirt's default")
    XCTAssertEqual(device("model='vfio-pci' display='on'")["display"], .string("on"))
    XCTAssertEqual(Set(device("model='vfio-ap'").keys), ["driver", "sysfsdev", "id"])
    XCTAssertEqual(device("model='vfio-ccw'")["driver"], .string("vfio-ccw"))
  }

  func testInterruptRemappingSplitsTheControllers() {
    func option(_ features: String, _ iommu: String) -> String? {
      parse("<domain type='kvm'><os><type machine='q35'>hvm</type></os>\(features)<devices>\(iommu)</devices></domain>")
        .machine.setting("kernel_irqchip")
    }
    let remapping = "<iommu model='intel'><driver intremap='on'/></iommu>"
    XCTAssertEqual(option("", remapping), "split")
    XCTAssertEqual(option("<features><ioapic driver='kvm'/></features>", remapping), "on")
    XCTAssertNil(option("", "<iommu model='intel'/>"))
  }

  /// libvirt src/qemu/qemu_postparse.c: qemuDomainNeedsIOMMUWithEIM.
  func testManyProcessorsGetAnIOMMU() {
    func units(_ count: Int, _ machine: String = "q35", _ iommu: String = "") -> [DeviceRequest] {
      parse(
        "<domain type='kvm'><vcpu>\(count)</vcpu><os><type arch='x86_64' machine='\(machine)'>hvm</type></os>"
          + "<devices>\(iommu)</devices></domain>"
      ).machine.devices.filter { $0.driver == "intel-iommu" }
    }
    let added = units(256)
    XCTAssertEqual(added.map { $0.string("intremap") }, ["on"])
    XCTAssertEqual(added.map { $0.string("eim") }, ["on"])
    XCTAssertEqual(added.map(\.location.path), ["/domain/vcpu"])
    XCTAssertEqual(units(255).count, 0)
    XCTAssertEqual(units(256, "pc").count, 0)
    XCTAssertEqual(units(256, "q35", "<iommu model='intel'/>").map(\.location.path), ["/domain/devices/iommu[1]"])
  }

  func testAnInterfaceThatLeavesItsTeamIsAFunctionOfItsNetwork() throws {
    let machine = domain(
      "q35",
      "<interface type='network'><source network='a'/><teaming type='persistent'/><alias name='ua-b'/></interface>"
        + "<interface type='network'><source network='pool'/><teaming type='transient' persistent='ua-b'/></interface>")
    let device = try XCTUnwrap(machine.devices.first(where: \.isVFIO))
    XCTAssertEqual(device.property("host")?.value, .unknown("a function of the network `pool`"))
    XCTAssertEqual(device.string("failover_pair_id"), "ua-b")
    XCTAssertEqual(machine.devices.filter { $0.driver == "virtio-net-pci" }.count, 0, "libvirt's default is another")
  }

  func testWhatLibvirtKeepsToItselfIsAFactOfItsOwn() throws {
    let domain = try XCTUnwrap(try read("gpu-with-audio.xml").parsed.machine.libvirt)
    XCTAssertEqual(domain.name, "win11-gaming")
    XCTAssertEqual(domain.memory, 16 << 30)
    XCTAssertNil(domain.hardLimit)
    let locked = try XCTUnwrap(try read("iommufd.xml").parsed.machine.libvirt)
    XCTAssertEqual(locked.hardLimit, 3 << 30)
    XCTAssertTrue(locked.isLocked)
    let iommufd = try read("iommufd.xml").parsed.machine.devices.filter(\.isVFIO)
    XCTAssertEqual(iommufd.map { $0.libvirt?.source?.description }, ["0000:06:12.6", "0000:06:12.5"])
    XCTAssertEqual(iommufd.map { $0.libvirt?.driverModel }, [nil, "mlx5_vfio_pci"])
    let terse = try read("addresses-left-to-libvirt.xml").parsed.machine
    XCTAssertEqual(terse.libvirt?.unassigned.keys.map(\.description), ["0000:01:00.1"])
    XCTAssertTrue(try XCTUnwrap(terse.devices.first { $0.id == "hostdev0" }).isPlacedByLibvirt)
    XCTAssertEqual(try read("xen.xml").parsed.machine.missingPart, "the domain is one of `xen`, which QEMU does not run")
  }

  func testWhatIsNoDomainIsAProblemWithItsPlace() {
    XCTAssertEqual(
      parse("<!--n--><network><name>a</name></network>").problems.map(\.message),
      ["the document is a `<network>`, and not a libvirt domain or a device of one"])
    XCTAssertEqual(parse("<domain>\n<devices></domain>").problems.map(\.message), ["XML: mismatched tag"])
    XCTAssertEqual(parse("<domain>\n<devices></domain>").problems.map(\.location.range), [20..<21])
    XCTAssertEqual(parse("<interface type='ethernet' name='eth0'/>").problems.count, 1)
    XCTAssertEqual(parse("<domaincheckpoint/>").problems, [])
    XCTAssertEqual(parse("<disk type='file'/>").problems, [])
  }

  func testHostAddressesThatAreNoneAreProblems() {
    func problems(_ address: String) -> [String] {
      parse("<hostdev mode='subsystem' type='pci'><source>\(address)</source></hostdev>").problems.map(\.message)
    }
    XCTAssertEqual(problems("<address bus='0xzz'/>"), ["`bus` of a host device is `0xzz`, which is not a number"])
    XCTAssertEqual(problems("<address slot='32'/>").count, 1)
    XCTAssertEqual(problems("").count, 1)
    XCTAssertEqual(parse("<hostdev mode='subsystem' type='pci'/>").problems.count, 1)
    XCTAssertEqual(problems("<address domain='0' bus='037' slot='0x1F' function='7'/>"), [])
  }

  func testPlaceholdersOfATemplateAreOneProblem() {
    func problems(_ address: String) -> [String] {
      let device = "<hostdev type='pci'><source><address \(address)/></source></hostdev>"
      return parse("<domain type='kvm'><devices>\(device)\(device)</devices></domain>").problems.map(\.message)
    }
    for value in ["{{ bus }}", "${bus}", "0x@BUS@", "%s", "__BUS__", "0xSLOTX"] {
      XCTAssertEqual(
        problems("bus='\(value)'"),
        ["`bus` of a host device is `\(value)`, a place holder: the document is a template, and its host devices are "
          + "not known"])
    }
    XCTAssertEqual(problems("bus='0xzz'").count, 2)
    let device = "<devices><hostdev type='pci'/></devices>"
    XCTAssertEqual(parse("<domain type='{{ type }}'>\(device)</domain>").problems.count, 1)
    XCTAssertEqual(parse("<domain type='{{ type }}'/>").problems, [])
  }

  func testAGuestAddressThatIsNoNumberIsLeftToLibvirt() throws {
    let device = "<hostdev type='pci'><source><address bus='1'/></source>"
      + "<address type='pci' bus='1' slot='{{ slot }}'/></hostdev>"
    let parsed = parse("<domain type='kvm'><devices>\(device)</devices></domain>")
    let request = try XCTUnwrap(parsed.machine.devices.first { $0.driver == "vfio-pci" })
    XCTAssertNil(request.property("addr"))
    XCTAssertEqual(parsed.problems, [])
  }

  func testOptionsThatHaveNothingToDoWithPassthroughAreLibvirtsAffair() {
    func problems(_ devices: String) -> Int {
      let options = "<q:commandline><q:arg value='-device'/><q:arg value='{'/></q:commandline>"
      let name = LibvirtReader.qemuNamespace
      return parse("<domain type='kvm' xmlns:q='\(name)'><devices>\(devices)</devices>\(options)</domain>").problems.count
    }
    XCTAssertEqual(problems(""), 0)
    XCTAssertEqual(problems("<hostdev type='pci'><source><address bus='1'/></source></hostdev>"), 1)
  }

  func testOfASnapshotsTwoDomainsTheOneWithHostDevicesIsJudged() {
    let device = "<devices><hostdev type='pci'><source><address bus='1'/></source></hostdev></devices>"
    func paths(_ domain: String, _ inactive: String) -> [String] {
      let text = "<domainsnapshot><inactiveDomain type='kvm'>\(inactive)</inactiveDomain>"
        + "<domain type='kvm'>\(domain)</domain></domainsnapshot>"
      return parse(text).machine.devices.filter { $0.driver == "vfio-pci" }.map(\.location.path)
    }
    XCTAssertEqual(paths("", device), ["/domainsnapshot/inactiveDomain/devices/hostdev[1]"])
    XCTAssertEqual(paths(device, device), ["/domainsnapshot/domain/devices/hostdev[1]"])
    XCTAssertEqual(paths("", ""), [])
  }

  func testASnapshotsOtherDomainIsReportedWhenItAsksForOtherHostDevices() {
    func hostdev(_ bus: Int, _ more: String = "") -> String {
      "<devices><hostdev type='pci' managed='yes'>\(more)<source><address bus='\(bus)'/></source></hostdev></devices>"
    }
    func unread(_ domain: String, _ inactive: String) -> [UnreadPart] {
      parse(
        "<domainsnapshot><domain type='kvm' id='1'>\(domain)</domain>"
          + "<inactiveDomain type='kvm'>\(inactive)</inactiveDomain></domainsnapshot>"
      ).machine.unreadParts
    }
    XCTAssertEqual(unread(hostdev(1, "<alias name='hostdev0'/><boot order='1'/>"), hostdev(1)), [])
    XCTAssertEqual(unread(hostdev(1), "<devices/>"), [])
    XCTAssertEqual(unread("<devices/>", hostdev(1)), [])
    let iommufd = "<driver iommufd='yes'/>"
    for (one, other) in [(hostdev(1), hostdev(2)), (hostdev(1), hostdev(1, iommufd)), (hostdev(1, iommufd), hostdev(2, iommufd))] {
      let unread = unread(one, other)
      XCTAssertEqual(unread.map(\.location.path), ["/domainsnapshot/inactiveDomain"], other)
      XCTAssertEqual(unread.first?.what, "the host devices of `<inactiveDomain>`", other)
    }
  }

  func testNumbersAreOf64Bits() throws {
    func number(_ text: String) throws -> UInt64? {
      try XMLTree.parse(Array("<a b='\(text)'/>".utf8)).root["b"].flatMap(LibvirtNumber.parse)
    }
    for (text, value) in [
      ("18446744073709551615", UInt64.max), ("18446744073709551616", nil), ("0xffffffffffffffff", .max), ("0x10000000000000000", nil),
      ("01777777777777777777777", .max), ("037", 31), (" 31", 31), ("0x", nil), ("08", nil), ("", nil), ("0", 0),
    ] {
      XCTAssertEqual(try number(text), value, text)
    }
  }

  func testSizesHaveLibvirtsUnits() throws {
    func bytes(_ text: String) throws -> UInt64? { LibvirtNumber.bytes(try XMLTree.parse(Array(text.utf8)).root) }
    XCTAssertEqual(try bytes("<memory>1</memory>"), 1024)
    XCTAssertEqual(try bytes("<memory unit='KB'> 2 </memory>"), 2000)
    XCTAssertEqual(try bytes("<memory unit='g'>1</memory>"), 1 << 30)
    XCTAssertNil(try bytes("<memory unit='GiB'>99999999999999</memory>"))
    XCTAssertNil(try bytes("<memory unit='parsec'>1</memory>"))
  }

  func testAnOverrideThatLibvirtDropsIsSaid() {
    let problems = parse("<domain type='kvm'><qemu:commandline><qemu:arg value='-S'/></qemu:commandline></domain>").problems
    XCTAssertEqual(
      problems.map(\.message),
      ["`<qemu:commandline>` is dropped by libvirt: the prefix `qemu` is not bound to a namespace"])
  }

  func testDirectoriesGiveOnlyWhatIsADomainOrADevice() {
    func recognise(_ text: String) -> InputFormat? { .recognise(Array(text.utf8)) }
    XCTAssertEqual(recognise("\u{feff}<?xml version='1.0'?>\n<!-- > --><domain type='kvm'"), .xml)
    XCTAssertEqual(recognise("<hostdev/>"), .xml)
    for other in ["<network/>", "<pool type='dir'>", "<device>", "<html>", "<!-- never closed", "<"] {
      XCTAssertNil(recognise(other), other)
    }
  }

  func testNoTruncationOrChangeOfADefinitionCrashes() throws {
    var chance = SeededGenerator(seed: 11)
    for name in try Fixture.names(in: "inputs/libvirt").filter({ $0.hasSuffix(".xml") }) {
      let bytes = Array(try read(name).text.utf8)
      for end in stride(from: 0, to: bytes.count, by: bytes.count > 1500 ? 23 : 5) { read(Array(bytes[..<end])) }
      for _ in 0..<150 {
        var changed = bytes
        for _ in 0..<Int.random(in: 1...4, using: &chance) {
          let at = Int.random(in: changed.indices, using: &chance)
          if Bool.random(using: &chance) {
            changed[at] = Array("0127fF'x/-".utf8).randomElement(using: &chance) ?? 0
          } else {
            changed.removeSubrange(at..<min(changed.count, at + Int.random(in: 1...9, using: &chance)))
          }
        }
        read(changed)
      }
    }
  }

  private func read(_ bytes: [UInt8]) {
    let parsed = ParsedInput.parse(SourceText(name: "fuzz", bytes: bytes), as: .xml)
    for request in parsed.machine.devices + parsed.plugs {
      for place in request.properties.map(\.location) + [request.location] {
        XCTAssertLessThanOrEqual(place.range?.upperBound ?? 0, bytes.count)
      }
    }
  }
}

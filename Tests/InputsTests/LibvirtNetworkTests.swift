import Facts
import Syntax
import XCTest

@testable import Inputs

/// Interfaces on networks of libvirt, of which some are pools of VFs.
final class LibvirtNetworkTests: XCTestCase {
  private let pool = "<network><name>vfs</name><forward mode='hostdev' managed='yes'><pf dev='eth3'/></forward></network>"
  private let nat = "<network><name>lan</name><forward mode='nat'/><bridge name='virbr0'/></network>"

  private func description(_ name: String) -> Known<String> {
    switch name {
    case "vfs": return .known(pool)
    case "lan": return .known(nat)
    case "broken": return .known("<network>")
    default: return .unknown("network `\(name)`", "Permission denied")
    }
  }

  /// A guest as `lint` reads it, with its networks looked up.
  private func lowered(_ devices: String, isAlone: Bool = false) -> ParsedInput? {
    let text = isAlone ? devices : "<domain type='kvm'><devices>\(devices)</devices></domain>"
    let source = SourceText(name: "t", bytes: Array(text.utf8))
    var all = ParsedInputs(source, extent: .passthrough)
    return all.next()?.lowered(networks: description)
  }

  private func interface(_ network: String, _ more: String = "") -> String {
    "<interface type='network'><source network='\(network)'/>\(more)</interface>"
  }

  func testAnInterfaceOnAPoolIsAHostDevice() throws {
    let parsed = try XCTUnwrap(lowered(interface("lan") + interface("vfs")))
    let device = try XCTUnwrap(parsed.machine.devices.first(where: \.isVFIO))
    XCTAssertEqual(device.id, "hostdev0")
    XCTAssertEqual(device.property("host")?.value, .unknown("a function of the network `vfs`"))
    XCTAssertEqual(device.libvirt?.isManaged, true)
    XCTAssertEqual(parsed.machine.libvirt?.networks, [])
    XCTAssertEqual(parsed.machine.devices.count { $0.id?.hasPrefix("net") == true }, 1)
  }

  func testAnInterfaceAloneOnAPoolIsAPlug() throws {
    let parsed = try XCTUnwrap(lowered(interface("vfs"), isAlone: true))
    XCTAssertEqual(parsed.plugs.count(where: \.isVFIO), 1)
  }

  func testAnotherNetworkChangesNothing() throws {
    let parsed = try XCTUnwrap(lowered(interface("lan")))
    XCTAssertTrue(parsed.isWithoutPassthrough)
    XCTAssertEqual(parsed.machine.libvirt?.networks, [])
  }

  func testANetworkThatIsNotKnownIsNoted() throws {
    for devices in ["", "<hostdev mode='subsystem' type='pci'><source><address bus='1'/></source></hostdev>"] {
      let parsed = try XCTUnwrap(lowered(interface("other") + interface("broken") + devices))
      XCTAssertEqual(
        parsed.machine.libvirt?.networks.map { $0.unknown?.reason }, ["Permission denied", "its description cannot be parsed"])
      XCTAssertEqual(parsed.machine.devices.count(where: \.isVFIO), devices.isEmpty ? 0 : 1)
    }
  }

  func testARunningGuestShowsWhatItsInterfaceIs() throws {
    let parsed = try XCTUnwrap(lowered(interface("other", "<actual type='bridge'/>")))
    XCTAssertEqual(parsed.machine.libvirt?.networks, [])
  }

  func testOfSeveralDocumentsEachIsReadAgainWhereItIs() throws {
    func guest(_ name: String, _ network: String) -> String {
      "<domain type='kvm'><name>\(name)</name><devices>\(interface(network))</devices></domain>\n"
    }
    let source = SourceText(name: "t", bytes: Array((guest("a", "lan") + guest("b", "vfs") + guest("c", "lan")).utf8))
    let all = Array(ParsedInputs(source, extent: .passthrough)).map { $0.lowered(networks: description) }
    XCTAssertEqual(all.map { $0.machine.devices.count(where: \.isVFIO) }, [0, 1, 0])
    XCTAssertEqual(all[1].machine.libvirt?.name, "b")
    XCTAssertEqual(all[1].firstLine, 2)
  }
}

import Facts
import Syntax
import XCTest

@testable import Inputs

/// The ids that libvirt gives to host devices, as `virsh domxml-to-native` of libvirt 9.0 has them.
final class LibvirtAliasTests: XCTestCase {
  private func ids(_ aliases: [String?], domain: String = "<domain type='kvm'>") -> [String] {
    let devices = aliases.enumerated().map { index, alias in
      "<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='\(index + 1)' slot='0' function='0'/></source>"
        + (alias.map { "<alias name='\($0)'/>" } ?? "") + "</hostdev>"
    }
    let text = domain + "<name>a</name><memory unit='GiB'>1</memory><os><type arch='x86_64' machine='q35'>hvm</type></os><devices>"
      + devices.joined() + "</devices></domain>"
    let parsed = ParsedInput.parse(SourceText(name: "t", bytes: Array(text.utf8)))
    return parsed.machine.devices.filter(\.isVFIO).compactMap(\.id)
  }

  func testAnIDOfTheUsersOwnTakesNoNumber() {
    XCTAssertEqual(ids(["ua-gpu", nil, "ua-nic", nil]), ["ua-gpu", "hostdev0", "ua-nic", "hostdev1"])
    XCTAssertEqual(ids([nil, nil]), ["hostdev0", "hostdev1"])
  }

  func testANumberOfARunningDomainIsTaken() {
    XCTAssertEqual(ids(["hostdev3", nil], domain: "<domain type='kvm' id='1'>"), ["hostdev3", "hostdev4"])
  }
}

import Facts
import Inputs
import Support
import Syntax
import XCTest

@testable import Rehearsal

/// Rehearsals of libvirt domains with the QEMUs of this machine.
final class DomainRehearsalTests: XCTestCase {
  func testADomainIsTriedAsFarAsItSays() throws {
    func domain(_ machine: String, chassis: Int, _ own: String = "") -> MachineConfig {
      let ports = [(1, 1), (2, chassis)].map { index, chassis in
        """
        <controller type='pci' index='\(index)' model='pcie-root-port'><target chassis='\(chassis)' port='0'/>
        <address type='pci' domain='0' bus='0' slot='\(index)' function='0'/></controller>
        """
      }
      let text = """
        <domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>g</name><memory>1048576</memory>
        <os><type arch='x86_64' machine='\(machine)'>hvm</type></os><devices><controller type='pci' index='0' model='pcie-root'/>
        \(ports.joined())<sound model='ac97'><address type='pci' domain='0' bus='0' slot='5' function='0'/></sound>
        <memory model='virtio-mem'><target><size>1048576</size><node>0</node><block>2048</block><requested>0</requested></target>
        <address type='pci' domain='0' bus='0' slot='6' function='0'/></memory><hostdev mode='subsystem' type='pci'><driver name='vfio'/>
        <source><address domain='0' bus='1' slot='0' function='0'/></source><address type='pci' domain='0' bus='2' slot='0' function='0'/>
        </hostdev></devices><qemu:commandline>\(own)</qemu:commandline></domain>
        """
      return ParsedInput.parse(SourceText(name: "text", bytes: Array(text.utf8)), as: .xml).machine
    }
    let global = "<qemu:arg value='-global'/><qemu:arg value='vfio-pci.ramfb=x'/>"
    let directory = try TemporaryDirectory()
    let all = try InstalledQEMU.all(in: directory)
    if all.isEmpty { throw XCTSkip("SKIPPED: no QEMU is installed, so nothing was rehearsed") }
    for program in all {
      let qemu = QEMURehearsal(program: program, qemu: program)
      XCTAssertEqual(try qemu.run(domain("q35", chassis: 2)).value.outcome, .started, program)
      guard case .refused(let clash, let place, _) = try qemu.run(domain("q35", chassis: 1)).value.outcome else {
        return XCTFail("\(program) takes two ports with one chassis and slot")
      }
      XCTAssertEqual([clash, place.path], ["Can't add chassis slot, error -16", "/domain/devices/controller[3]"])
      guard case .refused(let text, _, _) = try qemu.run(domain("pc-q35-99.0", chassis: 2)).value.outcome else {
        return XCTFail("\(program) has the machine type")
      }
      XCTAssert(text.hasPrefix("unsupported machine type"), text)
      guard case .refused(let wrong, _, _) = try qemu.run(domain("q35", chassis: 2, global)).value.outcome else {
        return XCTFail("\(program) takes the property")
      }
      XCTAssert(wrong.contains("ramfb"), wrong)
    }
  }
}

import Facts
import Support
import XCTest

@testable import Inputs
@testable import Syntax

final class DomainWithoutPassthroughTests: XCTestCase {
  private func parse(_ text: String, _ extent: ParsedInput.Extent = .passthrough) -> ParsedInput {
    .parse(SourceText(name: "d.xml", bytes: Array(text.utf8)), extent: extent)
  }

  /// Whether a rule could report something, or a prediction exist.
  private func says(_ parsed: ParsedInput) -> Bool {
    !parsed.problems.isEmpty || !parsed.allowances.isEmpty || !parsed.plugs.isEmpty
      || parsed.machine.devices.contains(where: \.isVFIO)
      || parsed.machine.libvirt.map { $0.hasOwnOptions || !$0.nonQEMUDevices.isEmpty } != false
  }

  /// Every document of the fixtures, and every one that lacks a few of its lines.
  func testOfWhatIsPlainLoweringWouldHaveSaidNothing() throws {
    let names = try Fixture.names(in: "inputs/libvirt").filter { $0.hasSuffix(".xml") }
    XCTAssertGreaterThan(names.count, 10)
    for name in names {
      let lines = try Fixture.text("inputs/libvirt/\(name)").split(separator: "\n", omittingEmptySubsequences: false)
      for first in lines.indices {
        for count in [0, 1, 2, 5, 12] where first + count <= lines.count {
          let text = (lines[..<first] + lines[(first + count)...]).joined(separator: "\n")
          guard parse(text).isWithoutPassthrough else { continue }
          XCTAssertFalse(says(parse(text, .all)), "\(name) without \(count) lines from \(first)")
        }
      }
    }
  }

  /// libvirt adds the devices of every `<devices>`.
  func testASecondListOfDevicesIsReported() throws {
    let device = """
      <hostdev mode='subsystem' type='pci'><source>
        <address domain='0' bus='1' slot='0' function='0'/>
      </source></hostdev>
      """
    for inner in [device, "<disk/>"] {
      for type in ["kvm", "xen"] {
        let text = "<domain type='\(type)'><name>a</name><devices/><devices>\(inner)</devices></domain>"
        let parsed = parse(text)
        XCTAssertFalse(parsed.isWithoutPassthrough, text)
        let problem = try XCTUnwrap(parsed.problems.first, text)
        XCTAssertTrue(problem.message.contains("second `<devices>`"), problem.message)
        XCTAssertEqual(problem.location.path, "/domain/devices[2]")
      }
    }
  }

  func testADomainWithoutPassthroughIsPlain() throws {
    // It has a USB device, which vfio has nothing to do with.
    XCTAssertTrue(parse(try Fixture.text("inputs/libvirt/no-passthrough.xml")).isWithoutPassthrough)
    XCTAssertTrue(parse("<domain type='kvm'><name>a</name></domain>").isWithoutPassthrough)
  }

  func testWhateverMayAskForADeviceIsLowered() {
    for text in [
      "<domain><devices><hostdev/></devices></domain>", "<domain><devices><hostdev type='mdev'/></devices></domain>",
      "<domain><!-- vfiogate: allow=x y --></domain>",
      "<domain><devices><interface type='h&#111;stdev'/></devices></domain>", "<domain><devices><iommu/></devices></domain>",
      "<domain xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'><q:commandline/></domain>",
      "<domain><qemu:commandline/></domain>", "<disk/>", "<domstatus><domain/></domstatus>",
      "<domain><devices><interface type='network'><actual type='hostdev'/></interface></devices></domain>",
    ] {
      XCTAssertFalse(parse(text).isWithoutPassthrough, text)
    }
  }

  /// A program of the user's own may start QEMU with further options.
  func testAnEmulatorThatIsNotQEMUIsNotRead() {
    func unread(_ emulator: String, type: String = "kvm") -> [String] {
      let text = "<domain type='\(type)'><name>vm</name><os><type arch='x86_64' machine='q35'>hvm</type></os>"
        + "<devices><emulator>\(emulator)</emulator></devices></domain>"
      return ParsedInput.parse(SourceText(name: "t", bytes: Array(text.utf8)), extent: .passthrough).machine.unreadParts.map(\.what)
    }
    for emulator in [
      "/usr/bin/qemu-system-x86_64", "/usr/libexec/qemu-kvm", "/usr/bin/kvm", "/usr/bin/kvm-spice", "/opt/qemu-9.2/qemu-system-x86_64-gpu",
      "/nix/store/x/bin/.qemu-system-x86_64-wrapped", ""
    ] {
      XCTAssertEqual(unread(emulator), [], emulator)
    }
    for emulator in ["/usr/local/bin/gpu-wrapper.sh", "/usr/local/bin/qemu-gpu.sh", "/root/start-vm", "/root/qemu-kvm.py"] {
      XCTAssertEqual(unread(emulator), ["the emulator `\(emulator)`"])
    }
    XCTAssertEqual(unread("/usr/lib/xen/bin/dm", type: "xen"), [])
  }

  func testWhatIsNotWellFormedIsReported() {
    for text in [
      "<domain><name></domain>", "<!DOCTYPE domain [ ]><domain/>", "<domain/><domain/>",
      String(repeating: "<domain>", count: 300) + String(repeating: "</domain>", count: 300),
    ] {
      XCTAssertFalse(parse(text).isWithoutPassthrough, text)
      XCTAssertFalse(parse(text).problems.isEmpty, text)
    }
  }
}

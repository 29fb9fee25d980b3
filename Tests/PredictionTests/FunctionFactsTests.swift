import Facts
import Host
import Inputs
import Prediction
import Support
import Syntax
import XCTest

/// Checks that rest on facts of the function which no recorded row varies.
final class FunctionFactsTests: XCTestCase {
  /// The failure or the missing fact of a plug into a root port.
  private func plug(_ properties: String, _ change: (inout Facts.Host) -> Void) -> String? {
    var host = Machines.host()
    change(&host)
    let machine = Machines.parse("qemu-system-x86_64 -M q35 -nodefaults -device pcie-root-port,id=rp,chassis=1").machine
    let text = "{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"vfio-pci\",\"host\":\"0000:01:00.0\",\"bus\":\"rp\"\(properties)}}"
    let plugs = ParsedInput.parse(SourceText(name: "qmp", bytes: Array(text.utf8)), as: .qmp).plugs
    let one = Predictor(machine, on: host, qemu: .released(11, 1, "11.1.3")).predictions(plugs: plugs).last
    return one?.failure?.text ?? one?.unknowns.first?.fact
  }

  private func graphics(_ register: UInt32, _ config: [String: String]) -> (inout Facts.Host) -> Void {
    { host in
      var bytes = (0..<4096).map { Machines.config().byte($0).display ?? 0 }
      for byte in 0..<4 { bytes[0xfc + byte] = UInt8(register >> (8 * UInt32(byte)) & 0xff) }
      host.devices[Machines.address]?.vendor = .known(0x8086)
      host.devices[Machines.address]?.classCode = .known(0x030000)
      host.devices[Machines.address]?.config = .known(ConfigSpace(bytes, size: .known(4096)))
      host.kernelConfig = .known(config)
    }
  }

  func testIntelGraphicsWithAnOpRegionAreNotPlugged() {
    let text = "vfio 0000:01:00.0: IGD device detected, but OpRegion is not supported on hotplugged device."
    let option = ["CONFIG_VFIO_PCI_IGD": "y"]
    XCTAssertEqual(plug("", graphics(0x7000_0000, option)), text)
    XCTAssertNil(plug(",\"x-igd-opregion\":false", graphics(0x7000_0000, option)))
    XCTAssertNil(plug("", graphics(0, option)))
    XCTAssertNil(plug("", graphics(.max, option)))
    XCTAssertNil(plug("", graphics(0x7000_0000, ["CONFIG_VFIO_PCI_IGD": "n"])))
    XCTAssertEqual(plug("", graphics(0x7000_0000, [:])), "CONFIG_VFIO_PCI_IGD")
  }

  func testAVGARegionNeedsTheClassAndTheKernelsOption() {
    let text = "vfio 0000:01:00.0: failed getting region info for VGA region index 8: Invalid argument"
    func x(_ code: UInt32, _ config: [String: String]) -> String? {
      plug(",\"x-vga\":true") {
        $0.devices[Machines.address]?.classCode = .known(code)
        $0.kernelConfig = .known(config)
      }
    }
    XCTAssertEqual(x(0x030200, ["CONFIG_VFIO_PCI_VGA": "y"]), text)
    XCTAssertEqual(x(0x030000, ["CONFIG_VFIO_PCI_VGA": "n"]), text)
    XCTAssertNil(x(0x030000, ["CONFIG_VFIO_PCI_VGA": "y"]))
    XCTAssertEqual(x(0x030000, [:]), "CONFIG_VFIO_PCI_VGA")
  }

  /// The registers of a virtual function are zero; QEMU 11.1.3 refused the first of these on Linux 7.3.4.
  func testABAROfAVirtualFunctionHasTheTypeThatItsPhysicalFunctionGives() throws {
    var host = try HostRecording.load(Fixture.path("hosts/recorded-q35-vtd-device-tlb.host"))
    func relocate(_ address: String, _ bar: String) -> (failures: [String], missing: [String]) {
      let machine = Machines.parse(
        "qemu-system-x86_64 -M q35 -nodefaults -device vfio-pci,host=\(address),x-msix-relocation=\(bar)").machine
      let one = Predictor(machine, on: host, qemu: .released(11, 1, "11.1.3")).predictions().last
      return (one?.failures.map(\.text).filter { $0.contains("MSI-X") } ?? [], one?.unknowns.map(\.fact) ?? [])
    }
    let refused = "vfio 0000:03:10.0: Invalid MSI-X relocation BAR "
    XCTAssertEqual(relocate("03:10.0", "bar4").failures, [refused + "4, consumed by 64-bit BAR 3"])
    XCTAssertEqual(relocate("03:10.0", "bar1").failures, [refused + "1, consumed by 64-bit BAR 0"])
    XCTAssertEqual(relocate("03:10.0", "bar2").failures, [])
    let (physical, plain) = try (XCTUnwrap(PCIAddress("0000:03:00.0")), XCTUnwrap(PCIAddress("0000:02:00.0")))
    host.devices[physical]?.config = .unknown("config space", "not read")
    XCTAssertEqual(relocate("03:10.0", "bar4").failures, [])
    XCTAssertNotEqual(relocate("03:10.0", "bar4").missing, [])

    // The upper half of an address that looks like the type of a 64-bit BAR.
    var bytes = (0..<4096).map { host.devices[plain]?.config.display?.byte($0).display ?? 0 }
    bytes.replaceSubrange(0x10..<0x18, with: [4, 0, 0, 0, 4, 0, 0, 0])
    host.devices[plain]?.config = .known(ConfigSpace(bytes, size: .known(4096)))
    host.devices[plain]?.regionSizes = .known([0x20000, 0, 0, 0x4000, 0, 0, 0])
    XCTAssertEqual(relocate("02:00.0", "bar1").failures, ["vfio 0000:02:00.0: Invalid MSI-X relocation BAR 1, consumed by 64-bit BAR 0"])
    XCTAssertEqual(relocate("02:00.0", "bar2").failures, [])
  }
}

import Facts
import Inputs
import Prediction
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
}

import Facts
import Host
import Inputs
import Prediction
import Support
import Syntax
import XCTest

/// Checks that rest on facts of the function which no recorded row varies.
final class FunctionFactsTests: XCTestCase {
  private let old = QEMUProfile.released(7, 2, "7.2.22")

  /// The failure or the missing fact of a plug into a root port.
  private func plug(
    _ properties: String, qemu: QEMUProfile = .released(11, 1, "11.1.3"), _ change: (inout Facts.Host) -> Void
  ) -> String? {
    var host = Machines.host()
    change(&host)
    let machine = Machines.parse("qemu-system-x86_64 -M q35 -nodefaults -device pcie-root-port,id=rp,chassis=1").machine
    let text = "{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"vfio-pci\",\"host\":\"0000:01:00.0\",\"bus\":\"rp\"\(properties)}}"
    let plugs = ParsedInput.parse(SourceText(name: "qmp", bytes: Array(text.utf8)), as: .qmp).plugs
    let one = Predictor(machine, on: host, qemu: qemu).predictions(plugs: plugs).last
    return one?.failure?.text ?? one?.unknowns.first?.fact
  }

  private func graphics(_ register: UInt32, _ options: [String: String]) -> (inout Facts.Host) -> Void {
    { host in
      let config = Machines.config()
      var bytes = (0..<4096).map { config.byte($0).display ?? 0 }
      for byte in 0..<4 { bytes[0xfc + byte] = UInt8(register >> (8 * UInt32(byte)) & 0xff) }
      host.devices[Machines.address]?.vendor = .known(0x8086)
      host.devices[Machines.address]?.classCode = .known(0x030000)
      host.devices[Machines.address]?.config = .known(ConfigSpace(bytes, size: .known(4096)))
      host.kernelConfig = .known(options)
    }
  }

  /// QEMU 11.1 warns of a hot plug, and continues; 7.2 was asked for the region, and refuses.
  func testIntelGraphicsMayHaveAnOpRegion() {
    let there = ["CONFIG_VFIO_PCI_IGD": "y"], on = ",\"x-igd-opregion\":true", start = "vfio 0000:01:00.0: "
    XCTAssertNil(plug("", graphics(0x7000_0000, there)))
    XCTAssertNil(plug(on, graphics(0x7000_0000, there)))
    XCTAssertEqual(
      plug(on, qemu: old, graphics(0x7000_0000, there)), start + "cannot support IGD OpRegion feature on hotplugged device")
    XCTAssertNil(plug("", qemu: old, graphics(0x7000_0000, there)))
    func cold(_ change: (inout Facts.Host) -> Void) -> String? {
      var host = Machines.host()
      change(&host)
      let machine = Machines.parse("qemu-system-x86_64 -M q35 -nodefaults -device vfio-pci,host=01:00.0,x-igd-opregion=on").machine
      let one = Predictor(machine, on: host, qemu: old).predictions().last
      return one?.failure?.text ?? one?.unknowns.first?.fact
    }
    let refused = start + "does not support requested IGD OpRegion feature: No such device"
    XCTAssertNil(cold(graphics(0x7000_0000, there)))
    for register in [0, UInt32.max] { XCTAssertEqual(cold(graphics(register, there)), refused) }
    XCTAssertEqual(cold(graphics(0x7000_0000, ["CONFIG_VFIO_PCI_IGD": "n"])), refused)
    XCTAssertEqual(cold(graphics(0x7000_0000, [:])), "CONFIG_VFIO_PCI_IGD")
    for (vendor, code) in [(0x8086, 0x020000), (0x10de, 0x030000)] as [(UInt16, UInt32)] {
      XCTAssertEqual(
        cold { host in
          graphics(0x7000_0000, there)(&host)
          host.devices[Machines.address]?.vendor = .known(vendor)
          host.devices[Machines.address]?.classCode = .known(code)
        }, refused)
    }
  }

  /// QEMU 11.1 checks what it is asked to do where there is an OpRegion (observed on 11.1.3).
  func testOptionsOfIntelGraphicsNeedTheirPlace() {
    func cold(_ options: String, _ machine: String = "q35", id: UInt16 = 0x3e92, code: UInt32 = 0x030000, register: UInt32 = 1) -> String? {
      var host = Machines.host()
      graphics(register, ["CONFIG_VFIO_PCI_IGD": "y"])(&host)
      host.devices[Machines.address]?.device = .known(id)
      host.devices[Machines.address]?.classCode = .known(code)
      let command = "qemu-system-x86_64 -M \(machine) -nodefaults -device vfio-pci,host=01:00.0,\(options)"
      let one = Predictor(Machines.parse(command).machine, on: host, qemu: .released(11, 1, "11.1.3")).predictions().last
      return one?.failure?.text ?? one?.unknowns.first?.fact
    }
    func refused(_ device: String) -> String {
      "vfio 0000:01:00.0: Machine is not i440fx, assigned BDF is not 00:02.0, or device \(device) doesn't support legacy mode"
    }
    let mode = "x-igd-legacy-mode=on"
    XCTAssertEqual(cold(mode), refused("3e92 (gen 9)"))
    XCTAssertEqual(cold(mode + ",addr=2", "pc", id: 0x9a49), refused("9a49 (gen 12)"))
    XCTAssertEqual(cold(mode + ",addr=3", "pc", id: 0x0152), refused("0152 (gen 6)"))
    XCTAssertEqual(cold(mode + ",addr=2,x-pci-class-code=0x038000", "pc", id: 0x1a84), refused("1a84 (gen 9)"))
    XCTAssertEqual(cold(mode, code: 0x038000), "OpRegion of 0000:01:00.0")
    XCTAssertEqual(cold(mode + ",addr=2,x-pci-device-id=0x1234", "pc"), refused("1234 (gen -1)"))
    XCTAssertEqual(cold(mode + ",addr=2", "pc"), "legacy mode of 0000:01:00.0")
    XCTAssertEqual(cold("x-igd-lpc=on"), "vfio 0000:01:00.0: Cannot create LPC bridge due to existing device at 1f.0")
    XCTAssertEqual(cold("x-igd-lpc=on,addr=3", "pc"), "LPC bridge of 0000:01:00.0")
    for options in [mode, "x-igd-lpc=on", "x-igd-gms=0x41"] {
      XCTAssertNil(cold(options, register: 0))
      XCTAssertNil(cold(options, code: 0x020000))
      XCTAssertNil(cold(options + ",x-pci-class-code=0x020000"))
      XCTAssertNil(cold(options + ",x-pci-vendor-id=0x1234"))
    }
    XCTAssertNil(cold("x-igd-legacy-mode=off,x-igd-lpc=off,x-igd-gms=0x40"))
    // QEMU chooses the legacy mode itself there, and continues without it.
    XCTAssertNil(cold("x-igd-lpc=on,addr=2", "pc"))
    XCTAssertNil(plug(",\"x-igd-lpc\":true,\"x-igd-gms\":153", graphics(1, ["CONFIG_VFIO_PCI_IGD": "y"])))
  }

  /// Each ends QEMU 11.1.3 with SIGSEGV; the text is on its standard error.
  func testAWrongSizeOfStolenMemoryCrashes() {
    func text(_ id: String, _ size: String, _ machine: String = "q35") -> String? {
      var host = Machines.host()
      graphics(1, ["CONFIG_VFIO_PCI_IGD": "y"])(&host)
      let device = "-device vfio-pci,host=01:00.0,addr=2,x-pci-device-id=\(id),x-igd-gms=\(size)"
      let machine = Machines.parse("qemu-system-x86_64 -M \(machine) -nodefaults \(device)").machine
      let one = Predictor(machine, on: host, qemu: .released(11, 1, "11.1.3")).predictions().last
      if let failure = one?.failure { XCTAssertEqual(failure.signal, "SIGSEGV") }
      return one?.failure?.text ?? one?.unknowns.first?.fact
    }
    let start = "Parameter 'x-igd-gms' expects "
    for (id, size, expected) in [
      ("0x1234", "1", "x-igd-gms is not supported on this device"), ("0x1234", "0", nil),
      ("0x0152", "0x11", start + "0~0x10"), ("0x0152", "0x10", nil), ("0x0412", "0x11", start + "0~0x10"),
      ("0x1612", "0xf0", start + "0~0x40"), ("0x1612", "0x41", start + "0~0x40"), ("0x1612", "0x40", nil),
      ("0x9a49", "0x41", start + "0~0x40 or 0xf0~0xfe"), ("0x9a49", "0xef", start + "0~0x40 or 0xf0~0xfe"),
      ("0x9a49", "0xff", start + "0~0x40 or 0xf0~0xfe"), ("0x9a49", "0x40", nil), ("0x9a49", "0xf0", nil), ("0x9a49", "0xfe", nil),
    ] as [(String, String, String?)] {
      XCTAssertEqual(text(id, size), expected, "\(id) \(size)")
    }
    // In the legacy mode, which QEMU chooses itself, it may have ended the quirk before.
    XCTAssertEqual(text("0x1612", "0x41", "pc"), "legacy mode of 0000:01:00.0")
    XCTAssertNil(text("0x1612", "0x40", "pc"))
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

import Facts
import Syntax
import XCTest

@testable import Inputs

/// The slots of Proxmox's disks, controllers and ports, with which a device of `args:` may clash (PVE/QemuServer/PCI.pm:
/// get_pci_addr_map).
final class ProxmoxStorageTests: XCTestCase {
  /// Devices as `DRIVER BUS ADDRESS`, those of every machine left out.
  private func places(_ text: String) throws -> [String] {
    let source = SourceText(name: "100.conf", bytes: Array(("memory: 512\nballoon: 0\nvga: none\n" + text).utf8))
    let machine = try XCTUnwrap(ParsedInput.parse(source).proxmox).lowered(isArm: nil) { _ in .known([]) }.machine
    let board = ["pci.0", "pci.1", "pci.2", "uhci"]
    return machine.devices.filter { !board.contains($0.id ?? "") }.map { device in
      ["driver", "id", "bus", "addr"].map { device.string($0) ?? "?" }.joined(separator: " ")
    }
  }

  func testDisksAndControllersHaveTheSlotsOfProxmox() throws {
    XCTAssertEqual(try places("virtio0: a\nvirtio7: b\n"), ["virtio-blk-pci virtio0 pci.0 0xa", "virtio-blk-pci virtio7 pci.2 0x2"])
    XCTAssertEqual(try places("sata0: a\nsata3: b\n"), ["ahci ahci0 pci.0 0x7"])
    XCTAssertEqual(try places("scsi0: a\nscsi6: b\nscsi7: c\n"), ["lsi scsihw0 pci.0 0x5", "lsi scsihw1 pci.0 0x6"])
    XCTAssertEqual(try places("scsihw: virtio-scsi-pci\nscsi0: a\nscsi30: b\n"), ["virtio-scsi-pci scsihw0 pci.0 0x5"])
    XCTAssertEqual(
      try places("scsihw: virtio-scsi-single\nscsi0: a\nscsi2: b\n"),
      ["pci-bridge pci.3 pci.0 0x5", "virtio-scsi-pci virtioscsi0 pci.3 0x1", "virtio-scsi-pci virtioscsi2 pci.3 0x3"])
    XCTAssertEqual(try places("ide2: none,media=cdrom\nefidisk0: a\nscsihw: other\nscsi0: a\n"), [])
  }

  func testTheGuestAgentHasASlot() throws {
    for text in ["agent: 1", "agent: enabled=1,fstrim_cloned_disks=1"] {
      XCTAssertEqual(try places(text), ["virtio-serial qga0 pci.0 0x8"], text)
    }
    for text in ["agent: 0", "agent: 1,type=isa"] { XCTAssertEqual(try places(text), [], text) }
  }

  func testControllersOfUSBDependOnTheSystemAndTheMachine() throws {
    let old = [
      "ich9-usb-ehci1 ehci pci.0 1d.7", "ich9-usb-uhci1 uhci-1 pci.0 1d.0", "ich9-usb-uhci2 uhci-2 pci.0 1d.1",
      "ich9-usb-uhci3 uhci-3 pci.0 1d.2"
    ]
    XCTAssertEqual(try places("ostype: l26\nusb0: host=1-2\n"), ["qemu-xhci xhci pci.1 0x1b"])
    XCTAssertEqual(try places("ostype: win7\nusb0: host=1-2\n"), old)
    XCTAssertEqual(try places("ostype: l26\nmachine: pc-i440fx-7.0\nusb0: host=1-2\n"), old)
    XCTAssertEqual(try places("machine: pc-i440fx-10.0+pve1\nostype: win11\nusb0: host=1-2\n"), ["qemu-xhci xhci pci.1 0x1b"])
    XCTAssertEqual(try places("usb0: host=1-2,usb3=1\n"), ["nec-usb-xhci xhci pci.1 0x1b"])
    XCTAssertEqual(try places("ostype: l26\nusbx: a\n"), [])
  }

  func testOtherCardsHaveTheSlotsOfProxmox() throws {
    let others = "watchdog: action=reset\nrng0: source=/dev/urandom\naudio0: device=AC97,driver=none\nivshmem: size=32\n"
    XCTAssertEqual(
      try places(others),
      ["i6300esb ? pci.0 0x4", "virtio-rng-pci ? pci.1 0x1d", "AC97 audiodev0 pci.2 0xc", "ivshmem-plain ? pci.2 0xb"])
    XCTAssertEqual(try places("watchdog: model=ib700\n"), [])
    XCTAssertEqual(
      try places("scsi0: a\nscsi14: b\nscsi30: c\n"),
      ["lsi scsihw0 pci.0 0x5", "pci-bridge pci.4 pci.1 0x1c", "lsi scsihw2 pci.4 0x1", "lsi scsihw4 pci.4 0x3"])
    XCTAssertEqual(
      try places("ostype: win10\nvga: qxl2\n"), ["qxl-vga vga pci.0 0x2", "virtio-serial spice pci.0 0x9", "qxl vga1 pci.0 0x18"])
    XCTAssertEqual(try places("vga: virtio\n"), ["virtio-vga vga pci.0 0x2", "virtio-serial spice pci.0 0x9"])
  }

  /// Another function may be beside a controller that is said to have several.
  func testTheControllerOfSATAIsOneOfSeveralFunctions() throws {
    let source = SourceText(name: "100.conf", bytes: Array("memory: 512\nsata0: a\n".utf8))
    let machine = try XCTUnwrap(ParsedInput.parse(source).proxmox).lowered(isArm: nil) { _ in .known([]) }.machine
    XCTAssertEqual(machine.devices.first { $0.id == "ahci0" }?.string("multifunction"), "on")
  }
}

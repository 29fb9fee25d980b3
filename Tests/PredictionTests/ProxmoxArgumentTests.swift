import Facts
import Inputs
import Syntax
import XCTest

@testable import Prediction

/// `args:` of Proxmox's machines, which Proxmox appends to its own options, and confidential guests.
final class ProxmoxArgumentTests: XCTestCase {
  private func lowered(_ text: String) throws -> ParsedInput {
    let source = SourceText(name: "100.conf", bytes: Array("machine: q35\nhostpci0: 01:00.0,pcie=1\n\(text)\n".utf8))
    return try XCTUnwrap(ParsedInput.parse(source).proxmox).lowered(isArm: nil) { .known([$0]) }
  }

  func testSetChangesDevicesThatAreNotLowered() throws {
    let disks = "scsi1: a:1\nsata0: a:2\nide2: none,media=cdrom\nusb0: host=1234:5678\naudio0: device=ich9-intel-hda"
    for id in ["scsi1", "sata0", "ide2", "usb0", "tablet", "audiodev0-codec0"] {
      let parsed = try lowered("\(disks)\nargs: -set device.\(id).serial=a")
      XCTAssertEqual(parsed.machine.sets.map(\.id), [], id)
      XCTAssertEqual(parsed.problems.map(\.message), [], id)
    }
    for (id, more) in [("scsi2", ""), ("tablet", "tablet: 0"), ("tablet", "vga: qxl"), ("tablet", "vga: serial0"), ("rng0", "rng0: a")] {
      let parsed = try lowered("\(disks)\n\(more)\nargs: -set device.\(id).serial=a")
      XCTAssertEqual(parsed.machine.sets.map(\.id), [id], more)
    }
    XCTAssertEqual(try lowered("vga: qxl\ntablet: 1\nargs: -set device.tablet.port=1").machine.sets.map(\.id), [])
  }

  func testSetChangesOptionsThatAreNotLowered() throws {
    for name in ["netdev.net0.vhost=off", "chardev.qmp.path=/a", "mon.a.b=c"] {
      XCTAssertEqual(try lowered("net0: virtio,bridge=vmbr0\nargs: -set \(name)").problems.map(\.message), [], name)
    }
    XCTAssertEqual(try lowered("args: -set nothing.a.b=c").problems.count, 1)
  }

  /// Proxmox makes the channels of its USB devices for SPICE.
  func testAChannelOfProxmoxExists() throws {
    let machine = try lowered("vga: qxl\nusb0: spice\nargs: -device usb-redir,chardev=usbredirchardev0").machine
    XCTAssertEqual(
      Predictor(machine, on: Machines.host(), qemu: .released(11, 1, "11.1.3")).run().launchFailures.map(\.failure.text), [])
  }

  /// The name of Proxmox's QEMU chooses KVM, and no `-accel`.
  func testTheAcceleratorOfArgumentsIsNoSecondOne() throws {
    for text in ["args: -machine accel=kvm,kernel_irqchip=on", "args: -accel kvm", "kvm: 0\nargs: -machine accel=tcg"] {
      let machine = try lowered(text).machine
      XCTAssertFalse(machine.options.contains { $0.name == "accel" } && machine.machine.contains { $0.name == "accel" }, text)
    }
    XCTAssertEqual(try lowered("").machine.usesKVM, .known(true))
    XCTAssertEqual(try lowered("kvm: 0").machine.usesKVM, .known(false))
    XCTAssertEqual(try lowered("args: -machine accel=tcg").machine.usesKVM, .known(false))
  }

  func testTheProcessorIsChecked() throws {
    let qemu = QEMUProfile.released(11, 1, "11.1.3")
    for machine in [try lowered("args: -cpu none").machine, Machines.parse("kvm -cpu none").machine] {
      XCTAssertEqual(machine.processorRefusal(qemu)?.failure.text, "unable to find CPU model 'none'")
    }
    let texts = Predictor(Machines.parse("kvm -M pc-q35-99.0").machine, on: Machines.host(), qemu: qemu).run().launchFailures
    XCTAssertEqual(texts.map(\.failure.text), ["unsupported machine type: \"pc-q35-99.0\""])
  }

  func testAConfidentialGuestHasItsObject() throws {
    let qemu = QEMUProfile.released(11, 1, "11.1.3")
    for (text, type) in [
      ("amd-sev: std", "sev-guest"), ("amd-sev: type=es,no-debug=1", "sev-guest"), ("amd-sev: type=snp", "sev-snp-guest"),
      ("intel-tdx: type=tdx", "tdx-guest")
    ] {
      let parsed = try lowered("bios: ovmf\n\(text)")
      XCTAssertEqual(parsed.problems.map(\.message), [], text)
      let object = try XCTUnwrap(parsed.machine.objects.last, text)
      XCTAssertEqual(object.type, type)
      XCTAssertEqual(parsed.machine.machine.last { $0.name == "confidential-guest-support" }?.value.string, object.id)
      XCTAssertNil(parsed.machine.textRefusal(object, qemu), text)
      let name = type == "tdx-guest" ? "Intel TDX" : "AMD SEV"
      XCTAssertEqual(try lowered(text).problems.map(\.message), [
        "Proxmox refuses to start the machine: To use \(name), you need to change the BIOS to OVMF."
      ])
    }
  }
}

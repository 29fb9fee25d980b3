import Facts
import Prediction

extension Rule {
  static let optionROM = Rule(
    name: "option-rom",
    severity: .warning,
    summary: "the guest gets the BIOS shadow copy of the ROM, modified during the host's boot",
    why: """
      A graphics card that a legacy BIOS initialized does not expose its own ROM but the shadow copy in memory at \
      0xc0000, which its code modifies when it runs. QEMU warns `Device option ROM contents are probably invalid`, and \
      the guest's firmware runs the copy or shows nothing.
      """,
    fix: "pass the card's original ROM with `romfile=FILE`, or none with `rombar=0`",
    example: "-device vfio-pci,host=0000:01:00.0   (boot_vga is 1, and its ROM is at 0xc0000)",
    references: ["QEMU hw/vfio/pci.c: vfio_pci_load_rom", "linux arch/x86/pci/fixup.c: pci_fixup_video"],
    needsRealize: true, check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  if let file = context.request.property("romfile"), file.value != .string("") { return }
  switch context.request.value("rombar") {
  case .string("0"), .string("off"), .integer(0), .bool(false): return
  default: break
  }
  let device = try context.device()
  if case .known(let code) = device.classCode, code >> 16 != 0x03 { return }
  if device.bootVGA == .known(false) { return }
  guard try device.hasShadowROM.value else { return }
  runner.report(
    "the host booted from \(context.name), so its ROM is the BIOS shadow copy at 0xc0000, modified during boot", at: context.hostLocation,
    fix: context.isLibvirtElement ? "pass the card's original ROM with `<rom file='FILE'/>`, or none with `<rom bar='off'/>`"
      : !context.isProxmoxKey ? nil
      : "pass the card's original ROM with `romfile=FILE`, a file below /usr/share/kvm, or none with `rombar=0`",
    evidence: ["ROM of \(device.address): 0xc0000"])
}

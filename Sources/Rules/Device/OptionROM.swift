import Facts
import Prediction

extension Rule {
  static let optionROM = Rule(
    name: "option-rom",
    severity: .warning,
    summary: "the ROM that the guest gets is the copy that the host's firmware has used",
    why: """
      A graphics card that the host booted with by its legacy BIOS shows no ROM of its own, but the copy in \
      memory at 0xc0000, which the card's code has changed while it ran. QEMU says `Device option ROM contents \
      are probably invalid`, and the guest's firmware runs it all the same, or shows nothing.
      """,
    fix: "give the card's own ROM as `romfile=FILE`, or none with `rombar=0`",
    example: "-device vfio-pci,host=0000:01:00.0   (boot_vga is 1, and its ROM is at 0xc0000)",
    references: ["QEMU hw/vfio/pci.c: vfio_pci_load_rom", "linux arch/x86/pci/fixup.c: pci_fixup_video"],
    check: .device(check))
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
    "\(context.name) was booted with by the host, and its ROM is the used copy at 0xc0000", at: context.hostLocation,
    evidence: ["ROM of \(device.address): 0xc0000"])
}

import Facts
import Prediction

extension Rule {
  static let bootVGAFb = Rule(
    name: "boot-vga-fb",
    severity: .warning,
    summary: "the host's boot framebuffer is in a BAR of the device",
    why: """
      The firmware's framebuffer is in the graphics card's memory. While the kernel's efifb, simpledrm or sysfb claims \
      it, vfio cannot map that BAR: `BAR 0: can't reserve [mem …]` in the kernel's log, no picture from the guest, and \
      only a warning from QEMU.
      """,
    fix: "boot the host from a different graphics card, or without the framebuffer: `video=efifb:off`, and "
      + "`initcall_blacklist=sysfb_init` since Linux 5.15",
    example: "-device vfio-pci,host=0000:01:00.0   (boot_vga is 1, and /proc/iomem has BOOTFB in its BAR 0)",
    references: [
      "linux drivers/firmware/sysfb.c", "linux drivers/vfio/pci/vfio_pci_core.c: vfio_pci_core_mmap",
      "https://github.com/siderolabs/talos/issues/14356",
    ],
    needsRealize: true, check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  let device = try context.device()
  // Base class 03: display controllers (PCI Code and ID Assignment 1.16 §1.4).
  if case .known(let code) = device.classCode, code >> 16 != 0x03 { return }
  if device.bootVGA == .known(false) { return }
  guard let name = try device.bootFramebuffer.value else { return }
  let isBoot = device.bootVGA == .known(true) ? "is the host's boot graphics card, and " : ""
  runner.report(
    "\(context.name) \(isBoot)has the host's framebuffer `\(name)` in one of its BARs, which vfio then cannot map",
    at: context.hostLocation, evidence: ["/proc/iomem: \(name) in a BAR of \(device.address)"])
}

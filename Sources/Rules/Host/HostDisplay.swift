import Facts
import Prediction

extension Rule {
  static let hostDisplay = Rule(
    name: "host-display",
    severity: .warning,
    summary: "the host displays on the device",
    why: """
      The firmware booted with this graphics card, and a driver of the host has it. Binding it to vfio-pci takes the \
      host's display: the screen freezes or goes black, and a desktop that runs on it ends. Some drivers cannot be \
      unbound while they display, and hang. With `managed='yes'` libvirt does so when the guest starts, and so does Proxmox.
      """,
    fix: "let the firmware boot with a different graphics card, or make sure that the host is reached without a display, as by ssh",
    example: "<hostdev mode='subsystem' type='pci' managed='yes'> of the card whose boot_vga is 1, and whose driver is amdgpu",
    references: [
      "linux Documentation/ABI/testing/sysfs-bus-pci: boot_vga", "linux drivers/pci/vgaarb.c: vga_default_device",
    ],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  for address in try context.takenFunctions() {
    guard let device = try context.target.hostNow.device(at: address).value else { continue }
    // Base class 03: display controllers (PCI Code and ID Assignment 1.16 §1.4).
    if case .known(let code) = device.classCode, code >> 16 != 0x03 { continue }
    if device.bootVGA == .known(false) { continue }
    guard let driver = try device.driver.value, !VFIODriver.leavesDMA(driver), try !VFIODriver.isVFIO(device) else { continue }
    guard try device.bootVGA.value == true else { continue }
    runner.report(
      "the host displays on \(context.name(ofTaken: address)), its boot graphics card, with `\(driver)`: \(context.taker)",
      at: context.hostLocation, evidence: ["boot_vga of \(address): 1", "driver of \(address): \(driver)"])
  }
}

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
      unbound while they display, and hang. With `managed='yes'` libvirt does so when the guest starts.
      """,
    fix: "let the firmware boot with a different graphics card, or make sure that the host is reached without a display, as by ssh",
    example: "<hostdev mode='subsystem' type='pci' managed='yes'> of the card whose boot_vga is 1, and whose driver is amdgpu",
    references: [
      "linux Documentation/ABI/testing/sysfs-bus-pci: boot_vga", "linux drivers/pci/vgaarb.c: vga_default_device",
    ],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let address = context.prediction.host, let device = try context.target.hostNow.device(at: address).value else { return }
  // Base class 03: display controllers (PCI Code and ID Assignment 1.16 §1.4).
  if case .known(let code) = device.classCode, code >> 16 != 0x03 { return }
  if device.bootVGA == .known(false) { return }
  guard let driver = try device.driver.value, !VFIODriver.leavesDMA(driver), try !VFIODriver.isVFIO(device) else { return }
  guard try device.bootVGA.value == true else { return }
  let who = context.request.libvirt?.isManaged == true && context.target.machine.libvirt != nil
    ? "libvirt takes it from the host when the guest starts" : "binding it to vfio-pci takes it from the host"
  runner.report(
    "the host displays on \(context.name), its boot graphics card, with `\(driver)`: \(who)", at: context.hostLocation,
    evidence: ["boot_vga of \(address): 1", "driver of \(address): \(driver)"])
}

import Facts
import Prediction

extension Rule {
  static let deviceGone0xFF = Rule(
    name: "device-gone-0xff",
    severity: .error,
    summary: "the device does not respond: its config space reads all ones",
    why: """
      A function that was removed, is in D3cold or hung after a reset answers every read with ones. sysfs still lists \
      it. A guest that gets it sees a device of unknown type, and the host may stall on the next reset.
      """,
    fix: "remove the device and rescan the bus, or power the host off: many devices recover only then",
    example: "-device vfio-pci,host=0000:03:00.0   (of which lspci says `Unknown header type 7f`)",
    references: ["PCI 3.0 §6.1", "linux drivers/pci/pci.c: pci_dev_wait"],
    isRecheckedAtStart: true,
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  let device = try context.device()
  guard try device.config.value.isDead.value else { return }
  let folder = "/sys/bus/pci/devices/\(device.address)"
  runner.report(
    "\(context.name) does not respond: its config space reads all ones", at: context.request.location(of: "host"),
    fix: "`echo 1 > \(folder)/remove; echo 1 > /sys/bus/pci/rescan`, and power the host off if it does not come back",
    evidence: ["config space at 0x00 and 0x04: ff"])
}

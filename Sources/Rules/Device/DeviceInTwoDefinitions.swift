import Facts
import Prediction

extension Rule {
  static let deviceInTwoDefinitions = Rule(
    name: "device-in-two-definitions",
    severity: .error,
    summary: "two definitions assign the same host device",
    why: """
      A function has one owner at a time. Of two guests with the same function, the one that starts later fails: \
      `Device or resource busy` from QEMU, `is in use by driver QEMU, domain …` from libvirt. Definitions that are \
      linted together are assumed to run at the same time.
      """,
    fix: "assign the device in one of the definitions, or make sure that they never run at the same time",
    example: "a.args: -device vfio-pci,host=0000:01:00.0; b.args: -device vfio-pci,host=01:00.0",
    references: ["linux drivers/vfio/group.c: vfio_group_fops_open", "linux drivers/vfio/device_cdev.c"],
    acrossDefinitions: check, check: .comparison)
}

private func check(_ own: DefinitionClaims, _ others: OtherDefinitions, _ runner: inout RuleRunner) {
  for device in own.devices {
    guard let address = device.host else {
      // It may be any function that another definition asks for.
      if !others.isEmpty {
        runner.cannotDetermine(
          Unknown("host device of \(device.name)", reason: "the request does not say which device it is"), of: device.label,
          at: device.location)
      }
      continue
    }
    guard let other = others.device(at: address) else { continue }
    runner.report(
      "\(device.name) is also assigned in `\(other.source)`, to \(other.name)", at: device.location, of: device.label,
      evidence: ["both are \(address)"]
        + (own.domain == nil ? [] : other.domain.map {
          ["libvirt: PCI device \(address) is in use by driver QEMU, domain \($0)"]
        } ?? []))
  }
}

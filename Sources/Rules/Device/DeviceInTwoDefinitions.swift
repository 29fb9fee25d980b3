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
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  if context.target.others.isEmpty { return }
  guard let address = context.prediction.host else {
    throw Unknown("host device of \(context.name)", reason: "the request does not say which device it is")
  }
  guard let other = context.target.others.device(at: address) else { return try context.needsOtherDevices() }
  runner.report(
    "\(context.name) is also assigned in `\(other.source)`, to \(other.name)", at: context.hostLocation,
    evidence: ["both are \(address)"])
}

extension DeviceContext {
  /// - Throws: a device of another definition that cannot be resolved, which may be this one.
  func needsOtherDevices() throws(Unknown) {
    if let one = target.others.unresolved {
      throw Unknown("host device of \(one.name) in \(one.source)", reason: "the request does not say which device it is")
    }
  }
}

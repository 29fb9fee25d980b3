import Facts
import Prediction

extension Rule {
  static let hpNoFreePort = Rule(
    name: "hp-no-free-port",
    severity: .error,
    summary: "a hot plug into a machine without a free port",
    why: """
      A port has one slot, and ports cannot be added to the root complex of a running machine. If all are in use, or \
      the machine has none, no device can be plugged until one is unplugged or the machine is restarted.
      """,
    fix: "start the machine with another `pcie-root-port`, or unplug a device first",
    example: #"{"execute":"device_add","arguments":{"driver":"vfio-pci","id":"gpu","host":"0000:01:00.0","bus":"rp0"}}"#,
    references: ["QEMU docs/pcie.txt, sections 2 and 5"],
    explains: [.busNotHotpluggable, .slotTaken, .noSlot, .functionZeroTaken],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let failure = try context.slotFailure(), failure.cause != .notMultifunction, !context.hasFreeSlot,
    failure.cause != .functionZeroTaken || !context.comesAfterFunctionZero
  else { return }
  let guest = context.prediction.guest
  for bus in guest.buses.values.sorted(by: { $0.name < $1.name }) { _ = try bus.takesHotplug.value }
  let ports = guest.buses.values.filter(\.isPort).count
  let what = ports == 0 ? "the machine has no port" : ports == 1 ? "its one port is not" : "none of its \(ports) ports is"
  runner.report(
    "\(context.name) has no free slot: \(what)\(ports == 0 ? " that supports hot plug" : " free for a hot plug")",
    at: context.slotLocation, fix: context.useNewPort)
}

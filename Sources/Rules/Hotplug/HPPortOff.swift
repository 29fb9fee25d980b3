import Facts
import Prediction

extension Rule {
  static let hpPortOff = Rule(
    name: "hp-port-off",
    severity: .error,
    summary: "a hot plug into a port with `hotplug=off`",
    why: """
      A port created with `hotplug=off` has no hotplug controller, and cannot get one while the machine runs: QEMU \
      refuses the device.
      """,
    fix: "name a port without `hotplug=off`: `bus=ID`",
    example: #"{"execute":"device_add","arguments":{"driver":"vfio-pci","id":"gpu","host":"0000:01:00.0","bus":"rp0"}}"#,
    references: ["QEMU hw/pci/pcie.c: pcie_cap_slot_pre_plug_cb", "QEMU hw/pci-bridge/pcie_root_port.c"],
    explains: [.busNotHotpluggable],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  if context.request.plug == .hot, let bus = try context.prediction.bus, bus.isPort {
    _ = try bus.takesHotplug.value
  }
  guard let bus = try context.refusedBus(.busNotHotpluggable), bus.isPort, context.hasFreeSlot else { return }
  runner.report(
    "\(context.name) is plugged into `\(bus.name)`, a port with `hotplug=off`; free: \(context.freeSlots)",
    at: context.request.property("bus")?.location, fix: context.useFreeSlot)
}

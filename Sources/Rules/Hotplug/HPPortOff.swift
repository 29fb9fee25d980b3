import Facts
import Prediction

extension Rule {
  static let hpPortOff = Rule(
    name: "hp-port-off",
    severity: .error,
    summary: "a hot plug into a port with `hotplug=off`",
    why: """
      A port that was made with `hotplug=off` has no hotplug controller, and cannot be given one while \
      the machine runs: QEMU refuses the device.
      """,
    fix: "name a port without `hotplug=off`: `bus=ID`",
    example: #"{"execute":"device_add","arguments":{"driver":"vfio-pci","id":"gpu","host":"0000:01:00.0","bus":"rp0"}}"#,
    references: ["QEMU hw/pci/pcie.c: pcie_cap_slot_pre_plug_cb", "QEMU hw/pci-bridge/pcie_root_port.c"],
    check: .device(judge))
}

private func judge(_ subject: DeviceContext, _ judgement: inout Judgement) throws(Unknown) {
  if subject.request.plug == .hot, let bus = try subject.prediction.bus, bus.isPort {
    _ = try bus.takesHotplug.value
  }
  guard let bus = try subject.refusedBus(.busNotHotpluggable), bus.isPort, subject.hasFreePlace else { return }
  judgement.report(
    "\(subject.name) is plugged into `\(bus.name)`, a port with `hotplug=off`; free: \(subject.freePlaces)",
    at: subject.request.property("bus")?.location, fix: subject.elsewhere)
}

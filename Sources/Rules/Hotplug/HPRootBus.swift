import Facts
import Prediction

extension Rule {
  static let hpRootBus = Rule(
    name: "hp-root-bus",
    severity: .error,
    summary: "a hot plug into a root complex",
    why: """
      A root complex has no hotplug controller on q35, virt and below `pxb-pcie`: QEMU refuses every \
      `device_add` there, and one that names no bus goes there. i440fx is the exception: ACPI plugs into \
      its `pci.0`.
      """,
    fix: "name a free port: `bus=ID`",
    example: #"{"execute":"device_add","arguments":{"driver":"vfio-pci","id":"gpu","host":"0000:01:00.0"}}"#,
    references: ["QEMU system/qdev-monitor.c: qdev_device_add_from_qdict", "QEMU docs/pcie.txt, section 5"],
    check: .device(judge))
}

private func judge(_ subject: DeviceContext, _ judgement: inout Judgement) throws(Unknown) {
  guard let bus = try subject.refusedBus(.busNotHotpluggable), bus.kind == .root, subject.hasFreePlace else { return }
  let how = subject.request.bus == nil ? "names no bus and goes to the root bus" : "is plugged into the root bus"
  judgement.report(
    "\(subject.name) \(how) `\(bus.name)`, which takes no hot plug; free: \(subject.freePlaces)",
    at: subject.request.property("bus")?.location, fix: subject.elsewhere)
}

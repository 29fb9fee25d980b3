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
    explains: [.busNotHotpluggable],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let bus = try context.refusedBus(.busNotHotpluggable), bus.kind == .root, context.hasFreePlace else { return }
  let how = context.request.bus == nil ? "names no bus and goes to the root bus" : "is plugged into the root bus"
  runner.report(
    "\(context.name) \(how) `\(bus.name)`, which takes no hot plug; free: \(context.freePlaces)",
    at: context.request.property("bus")?.location, fix: context.elsewhere)
}

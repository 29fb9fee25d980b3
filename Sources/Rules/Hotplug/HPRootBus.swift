import Facts
import Prediction

extension Rule {
  static let hpRootBus = Rule(
    name: "hp-root-bus",
    severity: .error,
    summary: "a hot plug into a root complex",
    why: """
      On q35 and virt, and below `pxb-pcie`, a root complex has no hotplug controller: QEMU refuses every `device_add` \
      to it, including those that name no bus. i440fx is the exception: its `pci.0` supports hot plug through ACPI.
      """,
    fix: "name a free port: `bus=ID`",
    example: #"{"execute":"device_add","arguments":{"driver":"vfio-pci","id":"gpu","host":"0000:01:00.0"}}"#,
    references: ["QEMU system/qdev-monitor.c: qdev_device_add_from_qdict", "QEMU docs/pcie.txt, section 5"],
    explains: [.busNotHotpluggable],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let bus = try context.refusedBus(.busNotHotpluggable), bus.kind == .root, context.hasFreeSlot else { return }
  let how = context.request.bus == nil ? "names no bus and goes to the root bus" : "is plugged into the root bus"
  runner.report(
    "\(context.name) \(how) `\(bus.name)`, which does not support hot plug; free: \(context.freeSlots)",
    at: context.request.property("bus")?.location, fix: context.useFreeSlot)
}

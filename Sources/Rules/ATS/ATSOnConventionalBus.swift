import Facts
import Prediction

extension Rule {
  static let atsOnConventionalBus = Rule(
    name: "ats-on-conventional-bus",
    severity: .warning,
    summary: "`ats=on` without PCI Express config space to show it in",
    why: """
      ATS is an extended capability. On a conventional guest bus, and for a device that is not PCI Express, QEMU shows \
      the guest 256 bytes of config space and silently drops every extended capability.
      """,
    fix: "put the device on an Express port of a q35 machine: `-device pcie-root-port,id=rp0`, and `bus=rp0` for the device",
    example: "-machine pc -device vfio-pci,host=0000:01:00.0,ats=on",
    references: ["QEMU docs/pcie.txt", "QEMU hw/vfio/pci.c: vfio_add_ext_cap"],
    needsRealize: true, check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard try context.asksForATS(), !context.isRefusedATS, try !context.atsInputs.express.value else { return }
  let isConventional = try? context.device().config.value.isExtendedSize == .known(false)
  if isConventional == true {
    runner.report(
      "\(context.name) sets `ats=on` and is not a PCI Express device: QEMU silently drops the capability",
      at: context.atsLocation, fix: "remove `ats=on`: the device does not support ATS",
      evidence: ["config space: 256 bytes"])
    return
  }
  let bus = context.request.bus.map { "`\($0)`" } ?? "the machine's root bus"
  runner.report(
    "\(context.name) sets `ats=on` on \(bus), which is conventional: QEMU silently drops the capability",
    at: context.request.property("bus")?.location ?? context.atsLocation, fix: context.useExpressPort)
}

import Facts
import Prediction

extension Rule {
  static let atsOnNoCap = Rule(
    name: "ats-on-no-cap",
    severity: .warning,
    summary: "`ats=on` for a device without an ATS capability",
    why: """
      QEMU passes the device's capability through and cannot create one. The guest starts without ATS. The only sign \
      is a warning on QEMU's standard error, which names no device and which management software rarely shows. CUDA \
      and shared virtual memory then fail inside the guest.
      """,
    fix: "remove `ats=on`: the device does not support ATS",
    example: "-device vfio-pci,host=0000:02:00.0,ats=on   (and 0000:02:00.0 has no capability 0x000F)",
    references: ["QEMU hw/vfio/pci.c: vfio_add_ext_cap", "PCIe 6.0 §10.5.1"],
    needsRealize: true, check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard try context.asksForATS(), !context.isRefusedATS, context.atsInputs.express != .known(false),
    try !context.atsInputs.capability.value
  else { return }
  let isSilent = context.atsInputs.standardList == .known(false)
  runner.report(
    "\(context.name) sets `ats=on` and has no ATS capability: QEMU "
      + (isSilent ? "prints nothing" : "only warns on its standard error") + ", and the guest sees no ATS",
    at: context.atsLocation, evidence: ["extended capabilities: no 0x000F"])
}

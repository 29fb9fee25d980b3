import Facts
import Prediction

extension Rule {
  static let atsPropUnsupportedByQEMU = Rule(
    name: "ats-prop-unsupported-by-qemu",
    severity: .error,
    summary: "`ats` for a QEMU that does not have it",
    why: """
      vfio-pci has `ats` since QEMU 11.1, and in builds that carry the patch. Any other refuses the \
      device, and shows the guest the ATS capability as the device has it.
      """,
    fix: "take `ats` out, or use QEMU 11.1 or newer",
    example: "qemu-system-x86_64 -device vfio-pci,host=0000:01:00.0,ats=off   (of QEMU 10.0)",
    references: ["QEMU hw/vfio/pci.c: vfio_pci_class_init", "QEMU docs/interop/qemu-qmp-ref: device-list-properties"],
    explains: [.noATSProperty],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  let property = context.request.property("ats")
  // A hot plug goes on without a -global that it cannot apply.
  let global = context.request.plug == .cold ? context.request.atsGlobal(in: context.target.machine) : nil
  guard property != nil || global != nil, try context.question.behaviour.value == .none else { return }
  let qemu = context.target.qemu.name
  if let property {
    runner.report(
      "\(context.name) gives `ats`, which \(qemu) does not have: it fails with `Property "
        + "'\(context.request.driver ?? "vfio-pci").ats' not found`", at: property.location)
  }
  if let global {
    runner.report(
      "`-global \(global.driver).ats` reaches \(context.name), and \(qemu) does not have `ats`: it cannot apply it "
        + "and stops", at: global.location)
  }
}

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
    check: .device(judge))
}

private func judge(_ subject: DeviceContext, _ judgement: inout Judgement) throws(Unknown) {
  let property = subject.request.property("ats")
  // A hot plug goes on without a -global that it cannot apply.
  let global = subject.request.plug == .cold ? subject.request.atsGlobal(in: subject.definition.machine) : nil
  guard property != nil || global != nil, try subject.question.behaviour.value == .none else { return }
  let qemu = subject.definition.qemu.name
  if let property {
    judgement.report(
      "\(subject.name) gives `ats`, which \(qemu) does not have: it fails with `Property "
        + "'\(subject.request.driver ?? "vfio-pci").ats' not found`", at: property.location)
  }
  if let global {
    judgement.report(
      "`-global \(global.driver).ats` reaches \(subject.name), and \(qemu) does not have `ats`: it cannot apply it "
        + "and stops", at: global.location)
  }
}

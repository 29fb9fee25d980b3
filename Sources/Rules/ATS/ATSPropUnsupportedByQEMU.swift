import Facts
import Prediction

extension Rule {
  static let atsPropUnsupportedByQEMU = Rule(
    name: "ats-prop-unsupported-by-qemu",
    severity: .error,
    summary: "`ats` for a QEMU without that property",
    why: """
      vfio-pci has `ats` since QEMU 11.1, and in builds that carry the patch. Any other QEMU refuses the device; \
      without `ats` it shows the guest the capability as the device has it.
      """,
    fix: "remove `ats`, or use QEMU 11.1 or newer",
    example: "qemu-system-x86_64 -device vfio-pci,host=0000:01:00.0,ats=off   (of QEMU 10.0)",
    references: ["QEMU hw/vfio/pci.c: vfio_pci_class_init", "QEMU docs/interop/qemu-qmp-ref: device-list-properties"],
    explains: [.noATSProperty],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  let property = context.request.property("ats")
  // A hot plug ignores a -global that it cannot apply.
  let global = context.request.plug == .cold ? context.request.atsGlobal(in: context.target.machine, of: context.target.qemu) : nil
  guard property != nil || global != nil, try context.atsInputs.behaviour.value == .none else { return }
  let qemu = context.target.qemu.name
  if let property {
    runner.report(
      "\(context.name) sets `ats`, which \(qemu) does not have: it fails with `Property "
        + "'\(context.request.driver ?? "vfio-pci").ats' not found`", at: property.location)
  }
  if let global {
    runner.report(
      "`-global \(global.driver).ats` applies to \(context.name), and \(qemu) does not have `ats`: it exits", at: global.location)
  }
}

import Facts
import Prediction

extension Rule {
  /// A rule that the proxy refuses without reading the host.
  public static let sriovPFOnVFIO = Rule(
    name: "sriov-pf-on-vfio",
    severity: .error,
    summary: "`sriov-pf` on a vfio device, which crashes QEMU",
    why: """
      `sriov-pf` makes an emulated device a VF of an emulated PF. For a vfio device there is none, also with an empty value: \
      QEMU crashes with SIGSEGV when it registers the first BAR.
      """,
    fix: "remove `sriov-pf`",
    example: "-device vfio-pci,host=0000:01:00.0,sriov-pf=",
    references: ["QEMU hw/pci/pci.c: pci_bar_address (observed on 11.1.3)"],
    explains: [.virtualFunctionWithoutPhysical], crashesGuest: true,
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) {
  // Older ones do not have the property.
  if target.qemu.isBefore(10, 1) { return }
  let globals = target.machine.globals
  for request in target.checkedRequests where request.isVFIO {
    guard request.has("sriov-pf") || globals.contains(where: { $0.property == "sriov-pf" && $0.applies(to: request, in: target.qemu) })
    else { continue }
    runner.report(
      "\(request.plainName) has `sriov-pf`: QEMU crashes with SIGSEGV when it attaches the device"
        + (request.plug == .hot ? ", and the guest with it" : ""),
      at: request.location(of: "sriov-pf"), about: request)
  }
}

import Facts
import Prediction

extension Rule {
  /// Also refused by the proxy, before the request reaches QEMU.
  public static let fdWithoutID = Rule(
    name: "fd-without-id",
    severity: .error,
    summary: "`fd=` without an id, which crashes QEMU",
    why: """
      While QEMU sets the property it looks the descriptor up by the device's id, and without one it compares against \
      a null pointer: it crashes with SIGSEGV, at launch as well as on `device_add` to a running guest. An id of JSON \
      type number, null or bool counts as missing.
      """,
    fix: "give the device an id",
    example: #"{"execute":"device_add","arguments":{"driver":"vfio-pci","bus":"rp1","iommufd":"iommufd0","fd":"gpu"}}"#,
    references: ["QEMU migration/cpr.c: cpr_get_fd_param (observed on 11.1.3)"],
    explains: [.descriptorWithoutID], crashesGuest: true,
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let property = context.request.property("fd") else { return }
  switch QEMUCrash.descriptorWithoutID(context.request, in: context.target.qemu) {
  case .always, .ifDescriptorExists:
    runner.report(
      "\(context.name) has the descriptor `\(property.value.string ?? "")` and no id: QEMU crashes with SIGSEGV"
        + (context.request.plug == .hot ? ", and the guest with it" : ""),
      at: property.location, fix: "give the device an id, as a string")
  case .undetermined(let unknown): throw unknown
  case .never, .withOtherQEMU: break
  }
}

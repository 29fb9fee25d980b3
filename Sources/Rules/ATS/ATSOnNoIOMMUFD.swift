import Facts
import Prediction

extension Rule {
  static let atsOnNoIOMMUFD = Rule(
    name: "ats-on-no-iommufd",
    severity: .warning,
    summary: "`ats=on` with the legacy backend, where nobody checks it",
    why: """
      Only the iommufd backend can ask the kernel whether the IOMMU serves ATS for the device. With the \
      legacy container QEMU passes the capability on unchecked. A guest that switches ATS on where the \
      host's IOMMU does not serve it gets translation requests that fail, and devices that stall.
      """,
    fix: "add `-object iommufd,id=iommufd0` and give the device `iommufd=iommufd0`",
    example: "-device vfio-pci,host=0000:01:00.0,ats=on",
    references: ["QEMU hw/vfio/pci.c: vfio_pci_ats_requested_and_supported", "QEMU docs/devel/vfio-iommufd.rst"],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard try context.asksForATS(), try context.backend() == .legacy else { return }
  // Nothing is passed on; other rules say so.
  if context.question.capability == .known(false) || context.question.express == .known(false) { return }
  let isUnsupported = context.question.flagSet == .known(true)
  runner.report(
    "\(context.name) asks for `ats=on` through the legacy backend, where QEMU does not ask the kernel"
      + (isUnsupported ? ": it reports ATS as unsupported for the device" : ""),
    at: context.atsLocation, evidence: isUnsupported ? ["kernel's ATS flag: not supported"] : [])
}

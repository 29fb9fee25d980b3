import Facts
import Prediction

extension Rule {
  static let atsOnNoIOMMUFD = Rule(
    name: "ats-on-no-iommufd",
    severity: .warning,
    summary: "`ats=on` with the legacy backend, where it is not checked",
    why: """
      Only the iommufd backend can query the kernel whether the IOMMU serves ATS for the device. With the legacy \
      container QEMU passes the capability through unchecked. If the guest enables ATS where the host's IOMMU does not \
      serve it, translation requests fail and the device stalls.
      """,
    fix: "add `-object iommufd,id=iommufd0` and give the device `iommufd=iommufd0`",
    example: "-device vfio-pci,host=0000:01:00.0,ats=on",
    references: ["QEMU hw/vfio/pci.c: vfio_pci_ats_requested_and_supported", "QEMU docs/devel/vfio-iommufd.rst"],
    needsRealize: true, check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard try context.asksForATS(), try context.backend() == .legacy else { return }
  // QEMU passes no capability through; ats-on-no-cap and ats-on-conventional-bus report it.
  if context.atsInputs.capability == .known(false) || context.atsInputs.express == .known(false) { return }
  let isUnsupported = context.atsInputs.flagSet == .known(true)
  runner.report(
    "\(context.name) sets `ats=on` with the legacy backend, where QEMU does not query the kernel"
      + (isUnsupported ? ", which reports ATS as unsupported for the device" : ""),
    at: context.atsLocation, fix: context.fix(isUnsupported), evidence: isUnsupported ? ["kernel's ATS flag: not supported"] : [])
}

extension DeviceContext {
  /// iommufd, where the kernel, QEMU and the device accept it; QEMU refuses `ats=on` then if ATS is unsupported.
  fileprivate func fix(_ isUnsupported: Bool) -> String {
    if isUnsupported { return "remove `ats=on`: the kernel reports ATS as unsupported" }
    let other = "remove `ats=on`, or use a kernel and a QEMU with iommufd"
    guard atsInputs.behaviour.display != nil, let useIOMMUFD else { return other }
    // An older kernel has no answer, with iommufd either (`ats-auto-old-kernel`).
    if KernelATS.hasFlag(host) == .known(false) { return "remove `ats=on`, or run Linux 7.1 or newer on the host, and then \(useIOMMUFD)" }
    return useIOMMUFD
  }
}

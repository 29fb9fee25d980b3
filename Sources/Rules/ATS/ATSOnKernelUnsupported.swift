import Facts
import Prediction

extension Rule {
  static let atsOnKernelUnsupported = Rule(
    name: "ats-on-kernel-unsupported",
    severity: .error,
    summary: "`ats=on` for a device whose ATS the kernel reports as unsupported",
    why: """
      With the iommufd backend QEMU queries the kernel, and realize fails if `ats=on` is set and the kernel reports \
      ATS as unsupported. The check comes before QEMU inspects the bus and the capability, so it fails even where the \
      guest would not have seen ATS. A guest that starts under Linux 7.0 may not start under 7.1, which added the \
      flag.
      """,
    fix: "set `ats=auto`, or make the IOMMU serve ATS for the device",
    example: "-object iommufd,id=iommufd0 -device vfio-pci,host=0000:01:00.0,iommufd=iommufd0,ats=on",
    references: [
      "QEMU hw/vfio/pci.c: vfio_pci_ats_requested_and_supported",
      "linux include/uapi/linux/iommufd.h: IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED",
    ],
    explains: [.atsNotSupported],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard try context.asksForATS(), try context.backend() == .iommufd,
    try context.device().config.value.hasStandardList.value, try context.atsInputs.flagSet.value
  else { return }
  let hasNone = context.atsInputs.capability == .known(false)
  runner.report(
    "\(context.name) sets `ats=on`" + (hasNone ? " and has no ATS capability" : "")
      + ", and the kernel reports ATS as unsupported for it: QEMU fails with `\(ATSText.notSupported.rawValue)`",
    at: context.atsLocation, fix: hasNone ? "remove `ats=on`: the device does not support ATS" : nil,
    evidence: ["kernel's ATS flag: not supported" + (try context.flagEvidence().map { ": \($0)" } ?? "")])
}

extension DeviceContext {
  /// The fact that shows the kernel's flag of the device; nil when it is unknown.
  func flagEvidence() throws(Unknown) -> String? { KernelATS.evidence(try device(), on: host) }
}

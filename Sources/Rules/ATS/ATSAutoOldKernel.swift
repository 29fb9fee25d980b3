import Facts
import Prediction

extension Rule {
  static let atsAutoOldKernel = Rule(
    name: "ats-auto-old-kernel",
    severity: .warning,
    summary: "the guest sees ATS because the host kernel is too old to report it as unsupported",
    why: """
      The flag with which the kernel reports ATS as unsupported was added in Linux 7.1. An older kernel never sets it, \
      QEMU treats that as support, and the guest sees ATS whether or not the IOMMU serves it.
      """,
    fix: "set `ats=off` unless the guest needs ATS, or run Linux 7.1 or newer on the host",
    example: "-object iommufd,id=iommufd0 -device vfio-pci,host=0000:28:00.0,iommufd=iommufd0   (on Linux 6.12)",
    references: [
      "linux include/uapi/linux/iommufd.h: IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED",
      "linux commit a82efb8747d1 (iommu: Add device ATS supported capability)",
    ],
    needsRealize: true, check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  let inputs = context.atsInputs
  guard try inputs.setting.value != .off, try context.backend() == .iommufd,
    try inputs.behaviour.value != .none, context.guestSees != .known(false),
    try !KernelATS.hasFlag(context.host).value, try context.guestSees.value
  else { return }
  let release = context.host.kernelRelease.display ?? ""
  runner.report(
    "the guest sees ATS on \(context.name) because Linux \(release) cannot report it as unsupported",
    at: context.atsLocation,
    fix: !context.canHideATS ? "run Linux 7.1 or newer on the host"
      : context.hideATSInDomain.map { "unless the guest needs ATS, \($0), or run Linux 7.1 or newer on the host" },
    evidence: ["kernel release: \(release), older than 7.1"])
}

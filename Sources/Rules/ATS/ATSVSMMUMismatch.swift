import Facts
import Prediction

extension Rule {
  static let atsVSMMUMismatch = Rule(
    name: "ats-vsmmu-mismatch",
    severity: .warning,
    summary: "the device and the guest's IOMMU disagree about ATS",
    why: """
      ATS needs a device that requests translations and an IOMMU that answers. QEMU does not relate the device's `ats` \
      to the vIOMMU's setting (`intel-iommu,device-iotlb=`, `arm-smmuv3,ats=`), and machine types up to virt-11.0 \
      disable it for arm-smmuv3 while vfio-pci stays at auto. The guest then runs without ATS, and no message says \
      why.
      """,
    fix: "enable ATS in both, or disable it in both",
    example: "-device intel-iommu,caching-mode=on,device-iotlb=off -device vfio-pci,host=0000:01:00.0,ats=on",
    references: [
      "QEMU hw/i386/intel_iommu.c: device-iotlb", "QEMU hw/arm/smmuv3.c: ats", "PCIe 6.0 §10.1",
    ],
    needsRealize: true, check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  // Without the capability there is no mismatch; ats-on-kernel-unsupported reports a refused device.
  if context.atsInputs.capability == .known(false) || context.isRefusedATS { return }
  guard let iommu = try context.guestIOMMU() else { return }
  let evidence = iommu.location.map { ["the guest's IOMMU: \($0.path)"] } ?? []
  if try context.guestSees.value {
    if try iommu.offersATS.value { return }
    runner.report(
      "the guest sees ATS on \(context.name), and the guest's `\(iommu.driver)` does not offer it",
      at: context.atsLocation, fix: fix(iommu, context), evidence: evidence)
  } else if try iommu.offersATS.value, try context.atsInputs.capability.value {
    runner.report(
      "the guest's `\(iommu.driver)` offers ATS, and QEMU hides the capability of \(context.name)",
      at: context.atsLocation, fix: context.canHideATS ? nil : "show the guest the device's ATS: remove `ats=off`", evidence: evidence)
  }
}

private func fix(_ iommu: GuestIOMMU, _ context: DeviceContext) -> String {
  let orHide = context.canHideATS ? ", or \(context.hideATSInDomain ?? "set `ats=off` for the device")" : ""
  switch iommu.driver {
  case "intel-iommu", "amd-iommu": return context.set("device-iotlb", "on", of: iommu.unit) + orHide
  case "arm-smmuv3": return "use `arm-smmuv3` with `accel=on,ats=on`" + orHide
  default:
    return context.canHideATS ? context.hideATSInDomain ?? "set `ats=off` for the device: `\(iommu.driver)` cannot offer ATS"
      : "use a different guest IOMMU: `\(iommu.driver)` cannot offer ATS"
  }
}

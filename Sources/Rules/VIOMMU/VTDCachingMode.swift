import Facts
import Prediction

extension Rule {
  static let vtdCachingMode = Rule(
    name: "vtd-caching-mode",
    severity: .error,
    summary: "a vfio device behind `intel-iommu` without `caching-mode=on`",
    why: """
      QEMU learns of the guest's mappings from its invalidations, and a guest invalidates what it maps \
      anew only when the IOMMU says that it caches absent entries. Without caching-mode QEMU refuses the \
      device. First-stage translation (`fsts=on`, with iommufd) leaves the mappings to the hardware and \
      does without.
      """,
    fix: "add `caching-mode=on` to `intel-iommu`",
    example: "-device intel-iommu -device vfio-pci,host=0000:01:00.0",
    references: ["QEMU hw/i386/intel_iommu.c: vtd_dev_set_iommu_device", "VT-d 4.1 §6.1"],
    check: .device(judge))
}

private func judge(_ subject: DeviceContext, _ judgement: inout Judgement) throws(Unknown) {
  guard let unit = try subject.guestIOMMU("intel-iommu"), try subject.setting("caching-mode", of: unit) != "on"
  else { return }
  if try subject.definition.machine.firstStage(of: unit), try subject.backend() == .iommufd { return }
  judgement.report(
    "\(subject.name) is behind `intel-iommu` without `caching-mode=on`: QEMU refuses it",
    evidence: ["the guest's IOMMU: \(unit.location.path)"])
}

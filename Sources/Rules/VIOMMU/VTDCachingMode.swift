import Facts
import Prediction

extension Rule {
  static let vtdCachingMode = Rule(
    name: "vtd-caching-mode",
    severity: .error,
    summary: "a vfio device behind `intel-iommu` without `caching-mode=on`",
    why: """
      QEMU learns the guest's mappings from invalidations, and a guest invalidates new mappings only if the IOMMU \
      reports that it caches absent entries. Without `caching-mode=on` QEMU refuses the device. First-stage \
      translation (`fsts=on`, with iommufd) leaves the mappings to the hardware and does not need it.
      """,
    fix: "add `caching-mode=on` to `intel-iommu`",
    example: "-device intel-iommu -device vfio-pci,host=0000:01:00.0",
    references: ["QEMU hw/i386/intel_iommu.c: vtd_dev_set_iommu_device", "VT-d 4.1 §6.1"],
    explains: [.cachingModeOff],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let unit = try context.guestIOMMU("intel-iommu"), try context.prediction.failure(.cachingModeOff) != nil
  else { return }
  // The advice of vtd-fsts-needs-iommufd makes it needless.
  if let other = try? context.prediction.failure(.firstStageWithoutIOMMUFD), other.cause == .firstStageWithoutIOMMUFD { return }
  runner.report(
    "\(context.name) is behind `intel-iommu` without `caching-mode=on`: QEMU refuses it",
    fix: context.set("caching-mode", "on", of: unit),
    evidence: ["the guest's IOMMU: \(unit.location.path)"])
}

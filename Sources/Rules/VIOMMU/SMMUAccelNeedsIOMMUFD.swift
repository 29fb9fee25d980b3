import Facts
import Prediction

extension Rule {
  static let smmuAccelNeedsIOMMUFD = Rule(
    name: "smmu-accel-needs-iommufd",
    severity: .error,
    summary: "a vfio device without iommufd behind `arm-smmuv3` with `accel=on`",
    why: """
      An accelerated SMMU passes the guest's stream table entries to the host's SMMU, which only iommufd supports. \
      QEMU refuses a device with the legacy backend behind it, and libvirt does not check that.
      """,
    fix: "set `iommufd=` for the device",
    example: "-device arm-smmuv3,primary-bus=pcie.0,accel=on -device vfio-pci,host=0000:01:00.0",
    references: ["QEMU hw/arm/smmuv3-accel.c: smmuv3_accel_supports_as"],
    explains: [.smmuRefuses],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let unit = try context.guestIOMMU("arm-smmuv3"), try context.prediction.failure(.smmuRefuses) != nil
  else { return }
  runner.report(
    "\(context.name) uses the legacy backend behind \(unit.plainName), an `arm-smmuv3` with `accel=on`: QEMU refuses it",
    fix: context.useIOMMUFD ?? "use a kernel and a QEMU with iommufd, or remove the `arm-smmuv3`",
    evidence: ["the guest's IOMMU: \(unit.location.path)"])
}

import Facts
import Prediction

extension Rule {
  static let smmuAccelSpansHostSMMUs = Rule(
    name: "smmu-accel-spans-host-smmus",
    severity: .error,
    summary: "devices of different host SMMUs, or iommufd objects, behind one `arm-smmuv3` with `accel=on`",
    why: """
      An accelerated SMMU is a part of one host SMMU and an object of one iommufd: those of its first device. QEMU starts with a \
      device of another one behind it, but the kernel refuses to attach it to the guest's tables (EINVAL, or ENOENT for another \
      iommufd: `error attach`, and `Failed to attach GBPA hwpt`), and its DMA fails once the guest uses it.
      """,
    fix: "give each host SMMU its own `pxb-pcie` and `arm-smmuv3`, and all devices one iommufd object",
    example: "-device arm-smmuv3,primary-bus=pcie.1,accel=on   (with two GPUs of a GB200 behind it)",
    references: [
      "linux drivers/iommu/iommufd/viommu.c: iommufd_vdevice_alloc_ioctl",
      "linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3-iommufd.c: arm_smmu_attach_dev_nested",
    ],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let unit = try context.guestIOMMU("arm-smmuv3"), try context.setting("accel", of: unit) == "on" else { return }
  let target = context.target
  // The others belong to the host's SMMU of the first, or are reported themselves.
  guard let other = target.firstBehind[unit.location], other.request.location != context.request.location else { return }
  if let theirs = other.request.string("iommufd"), let object = context.request.string("iommufd"), theirs != object {
    return runner.report(
      "\(context.name) is behind \(unit.plainName), an `arm-smmuv3` with `accel=on`, together with \(other.name), and they use "
        + "different iommufd objects",
      at: context.request.location(of: "iommufd"), fix: "use `iommufd=\(theirs)` for \(context.name)",
      evidence: ["\(other.name): \(theirs)", "\(context.name): \(object)"])
  }
  guard let address = other.host else { throw other.missingHost }
  guard let first = try target.host.device(at: address).value, let its = try target.host.iommu(of: first),
    let mine = try context.hostIOMMU(), its.name != mine.name
  else { return }
  runner.report(
    "\(context.name) is behind \(unit.plainName), an `arm-smmuv3` with `accel=on`, together with \(other.name), and different "
      + "SMMUs of the host serve them",
    at: context.request.location(of: "bus"), evidence: ["\(other.name): \(its.name)", "\(context.name): \(mine.name)"])
}

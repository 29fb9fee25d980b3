import Facts
import Prediction

extension Rule {
  static let hostNotReady = Rule(
    name: "host-not-ready",
    severity: .error,
    summary: "the host assigns no device: it has no VFIO, no IOMMU, or interrupts that are not isolated",
    why: """
      A device is assigned by VFIO, behind an IOMMU, and with its interrupts remapped. Without one of them QEMU refuses \
      every host device, with messages that name a missing file. `vfiogate ready` reports the same of the host alone.
      """,
    fix: "enable the IOMMU and interrupt remapping in the firmware, and use a kernel with CONFIG_VFIO_PCI",
    example: "-device vfio-pci,host=0000:01:00.0   (on a host whose IOMMU is off)",
    references: [
      "linux Documentation/driver-api/vfio.rst", "linux drivers/iommu/iommu.c: iommu_group_has_isolated_msi",
    ],
    explains: [.noGroup, .unsafeInterrupts, .notBound, .groupNodeMissing, .containerDenied, .noCdev, .iommufdMissing],
    check: .target(check))
}

/// Reports the host once for all devices.
private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  let host = target.hostNow
  let needsHost = target.contexts.contains { context in
    // A passed descriptor is that of an assigned device, and a device that the host does not have fails for that.
    if context.request.has("fd"), context.request.libvirt == nil { return false }
    if let address = context.prediction.host, case .known(nil) = host.device(at: address) { return false }
    return true
  }
  guard needsHost, let obstacle = try host.obstacle.value else { return }
  // libvirt-refuses reports what libvirt checks itself.
  if target.machine.libvirt != nil, (try? host.supportsPassthrough()) == false { return }
  runner.report(
    "the host assigns no device: \(obstacle.message)", fix: obstacle.fix, evidence: obstacle.evidence)
}

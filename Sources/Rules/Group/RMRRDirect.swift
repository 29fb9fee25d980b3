import Facts
import Prediction

extension Rule {
  static let rmrrDirect = Rule(
    name: "rmrr-direct",
    severity: .error,
    summary: "the IOMMU group has a firmware-reserved direct mapping (RMRR), so the kernel refuses to assign it",
    why: """
      The firmware's tables (RMRR in VT-d, IVMD on AMD, RMR on Arm) declare that the device does DMA to host memory \
      used by the firmware. Assigning the device would remove that mapping, so the kernel refuses: `Device is \
      ineligible for IOMMU domain attach due to platform RMRR requirement`, or `Firmware has requested this device \
      have a 1:1 IOMMU mapping`. QEMU only prints `Failed to set iommu for container`. Regions of type \
      `direct-relaxable` (USB, graphics) are harmless.
      """,
    fix: "disable in the firmware the function that uses the device, such as remote management over a network card "
      + "or a RAID controller's agent",
    example: "-device vfio-pci,host=0000:05:00.0   (and its group has a reserved region of type direct)",
    references: [
      "linux Documentation/ABI/testing/sysfs-kernel-iommu_groups", "linux drivers/iommu/iommu.c: require_direct",
      "https://github.com/harvester/harvester/issues/7340",
    ],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  // not-endpoint reports a bridge, which no group would help.
  guard try context.device().isEndpoint != .known(false), let group = try context.group() else { return }
  let direct = try group.reservedRegions.value.filter { $0.split(separator: " ").last == "direct" }
  guard let first = direct.first else { return }
  let bounds = first.split(separator: " ").prefix(2).joined(separator: " to ")
  runner.report(
    "\(context.name) is in IOMMU group \(group.number), where the firmware reserves a direct mapping of \(bounds): "
      + "the kernel refuses to assign it", at: context.hostLocation,
    evidence: direct.map { "reserved region of group \(group.number): \($0)" })
}

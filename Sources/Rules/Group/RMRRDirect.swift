import Facts
import Prediction

extension Rule {
  static let rmrrDirect = Rule(
    name: "rmrr-direct",
    severity: .error,
    summary: "the firmware keeps memory of the device's group mapped, and the kernel does not give it away",
    why: """
      The firmware's tables (RMRR of VT-d, IVMD of AMD, RMR of Arm) say that the device does DMA to memory of \
      the host that the firmware uses. A guest's mapping would take that away, so the kernel refuses: \
      `Device is ineligible for IOMMU domain attach due to platform RMRR requirement`, or `Firmware has \
      requested this device have a 1:1 IOMMU mapping`. QEMU only says `Failed to set iommu for container`. \
      Regions that are `direct-relaxable` (USB, graphics) do no harm.
      """,
    fix: "switch off in the firmware what uses the device, such as remote management through a network card or a RAID "
      + "controller's agent",
    example: "-device vfio-pci,host=0000:05:00.0   (and its group has a reserved region of type direct)",
    references: [
      "linux Documentation/ABI/testing/sysfs-kernel-iommu_groups", "linux drivers/iommu/iommu.c: require_direct",
      "https://github.com/harvester/harvester/issues/7340",
    ],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let group = try context.group() else { return }
  let direct = try group.reservedRegions.value.filter { $0.split(separator: " ").last == "direct" }
  guard let first = direct.first else { return }
  let bounds = first.split(separator: " ").prefix(2).joined(separator: " to ")
  runner.report(
    "\(context.name) is in IOMMU group \(group.number), of which the firmware keeps \(bounds) mapped (`direct`): "
      + "the kernel refuses to assign it", at: context.hostLocation,
    evidence: direct.map { "reserved region of group \(group.number): \($0)" })
}

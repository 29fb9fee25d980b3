import Facts
import Prediction

extension Rule {
  static let amdDMARemap = Rule(
    name: "amd-dma-remap",
    severity: .error,
    summary: "a vfio device behind `amd-iommu` without `dma-remap=on`",
    why: """
      Without dma-remap, which is off by default, QEMU does not translate the DMA of a vfio device behind `amd-iommu`, \
      and gives no warning. If the guest gives the device IOMMU addresses, as Linux does unless booted with \
      `iommu=pt`, the device reads and writes other parts of guest memory. QEMU before 10.2 refuses the device \
      instead.
      """,
    fix: "add `dma-remap=on` to `amd-iommu`, or `dma-translation=off` if it is only needed for interrupts",
    example: "-device amd-iommu -device vfio-pci,host=0000:01:00.0",
    references: ["QEMU hw/i386/amd_iommu.c: amdvi_inval_devtab_entry, amdvi_iommu_notify_flag_changed"],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  // Older ones refuse the device.
  guard !context.target.qemu.isBefore(10, 2), let unit = try context.guestIOMMU("amd-iommu"),
    try context.setting("dma-remap", of: unit) != "on", try context.setting("dma-translation", of: unit) != "off"
  else { return }
  runner.report(
    "\(context.name) is behind `amd-iommu` without `dma-remap=on`: QEMU does not translate its DMA, although the guest "
      + "assumes it does",
    fix: unit.isLibvirtIOMMU ? context.set("dma-remap", "on", of: unit) : nil,
    evidence: ["the guest's IOMMU: \(unit.location.path)"])
}

import Facts
import Prediction

extension Rule {
  static let viommuAfterDevice = Rule(
    name: "viommu-after-device",
    severity: .error,
    summary: "a vfio device that QEMU makes before the guest's IOMMU",
    why: """
      QEMU asks which IOMMU serves a vfio device when it makes the device. It makes devices in the order of the \
      command line, those in JSON after all others. A device that comes before the IOMMU stays out of it, and \
      nobody is told: the IOMMU's own checks are not made, and what the device does is never translated. A guest \
      that gives the device its own addresses, as Linux does unless it runs with `iommu=pt`, has it read and \
      write elsewhere in its memory.
      """,
    fix: "put the IOMMU's `-device` before those of all vfio devices",
    example: "-device vfio-pci,host=0000:01:00.0 -device intel-iommu,caching-mode=on",
    references: [
      "QEMU hw/pci/pci.c: pci_device_iommu_address_space", "QEMU system/vl.c: qemu_create_cli_devices",
      "observed on 11.1.3",
    ],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  let target = context.target, request = context.request
  guard request.plug == .cold, try context.prediction.viommu == nil else { return }
  guard let unit = try target.guest.viommu(for: request, in: target.machine) else {
    return try target.needsWholeMachine(for: "guest's IOMMU")
  }
  guard try context.setting("dma-translation", of: unit) != "off" else { return }
  let isLastAsJSON = unit.form == .json && request.form == .keyval
  runner.report(
    "\(context.name) is made before \(unit.plainName): QEMU leaves it out of the guest's IOMMU, and the guest thinks "
      + "that its DMA is translated",
    fix: isLastAsJSON ? "write both as JSON, the IOMMU first: QEMU makes JSON devices after all others" : nil,
    evidence: ["the guest's IOMMU: \(unit.location.path)"])
}

import Facts
import Prediction

extension Rule {
  static let notEndpoint = Rule(
    name: "not-endpoint",
    severity: .error,
    summary: "the host device is a bridge, and vfio assigns endpoints only",
    why: """
      A bridge has a different config space layout, and controls everything behind it. vfio drivers do not bind \
      bridges, regardless of driver_override; a bridge in an IOMMU group is harmless and stays with the host. Usually \
      a function behind the bridge was meant.
      """,
    fix: "name a function behind the bridge, as `lspci -t` shows it",
    example: "-device vfio-pci,host=0000:00:01.0   (which is a root port)",
    references: ["linux drivers/vfio/pci/vfio_pci_core.c: vfio_pci_core_register_device", "PCI 3.0 §6.2.1"],
    explains: [.groupNotViable, .notBound, .groupNodeMissing, .noCdev],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  let device = try context.device()
  guard try !device.isEndpoint.value else { return }
  let header = device.config.flatMap(\.headerType).display.map { "header type \($0)" } ?? "base class 06"
  runner.report(
    "\(context.name) is a bridge (\(header)), which vfio cannot assign", at: context.hostLocation,
    fix: "name a function behind \(device.address), as `lspci -t` shows them", evidence: ["\(device.address): \(header)"])
}

import Facts
import Prediction

extension Rule {
  static let noPCIBus = Rule(
    name: "no-pci-bus",
    severity: .error,
    summary: "a vfio device in a machine without a PCI bus",
    why: """
      A machine type without PCI has no bus for the device: `microvm` has one only with `pcie=on`, `isapc` and `none` \
      never do. QEMU exits.
      """,
    fix: "use a machine type with PCI: `-machine q35`",
    example: "-machine microvm -device vfio-pci,host=0000:01:00.0",
    references: ["QEMU system/qdev-monitor.c: qdev_device_add_from_qdict", "QEMU hw/i386/microvm.c"],
    explains: [.noPCIBus],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard !context.request.has("bus"), try context.prediction.failure(.noPCIBus) != nil else { return }
  let type = context.target.machine.machineType?.value.string ?? "none"
  runner.report(
    "\(context.name) needs a PCI bus, and the machine `\(type)` has none: QEMU refuses the device",
    fix: type == "microvm" ? "enable its PCI bus, `-machine microvm,pcie=on`, or use `-machine q35`" : nil,
    evidence: ["QEMU: No 'PCI' bus found for device '\(context.request.driver ?? "")'"])
}

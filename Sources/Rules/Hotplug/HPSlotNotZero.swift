import Facts
import Prediction

extension Rule {
  static let hpSlotNotZero = Rule(
    name: "hp-slot-not-zero",
    severity: .error,
    summary: "a slot below a port other than 0",
    why: """
      A port has one slot, number 0, and the guest scans no other. QEMU accepts another `addr`, at most with a \
      warning, and the guest never sees the device.
      """,
    fix: "remove `addr`, or set slot 0",
    example: "-device pcie-root-port,id=rp0 -device vfio-pci,host=0000:01:00.0,bus=rp0,addr=1.0",
    references: ["QEMU hw/pci/pci.c: pci_qdev_realize (observed on 11.1.3)", "PCIe 6.0 §7.3.1"],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let addr = context.request.property("addr") else { return }
  if case .unknown(let text) = addr.value {
    throw Unknown("addr of \(context.name)", reason: "written as \(text)")
  }
  guard let slot = context.requestedDevfn.map({ $0 / 8 }), slot != 0 else { return }
  if context.prediction.failure?.cause == .busNotFound { return }
  guard let bus = try context.prediction.bus, bus.isPort else { return }
  runner.report(
    "\(context.name) is at slot \(slot) of `\(bus.name)`, a port that has only slot 0: the guest never sees it",
    at: addr.location)
}

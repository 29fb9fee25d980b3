import Facts
import Prediction

extension Rule {
  static let hpFn0Order = Rule(
    name: "hp-fn0-order",
    severity: .error,
    summary: "functions of one slot in the wrong order, or without `multifunction=on`",
    why: """
      The guest scans a slot once, when its function 0 is plugged. QEMU therefore accepts the other functions only \
      before function 0, and function 0 must have `multifunction=on` if there are others, at launch as well.
      """,
    fix: "plug function 0 last, and set `multifunction=on` for it",
    example: #"{"execute":"device_add","arguments":{"driver":"vfio-pci","id":"gpu","host":"0000:01:00.0","bus":"rp0","addr":"0.1"}}"#,
    references: ["QEMU hw/pci/pci.c: pci_init_multifunction", "QEMU hw/pci/pcie.c: pcie_cap_slot_plug_cb"],
    explains: [.functionZeroTaken, .notMultifunction],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  if context.request.plug == .hot { _ = try context.slotFailure() }
  guard let failure = context.prediction.failure, let bus = try context.prediction.bus
  else { return }
  if failure.cause == .functionZeroTaken, context.comesAfterFunctionZero {
    runner.report(
      "\(context.name) is plugged after function 0 of its slot on `\(bus.name)`: QEMU accepts other functions only before it",
      at: context.slotLocation, fix: "plug function 0 last, and set \(context.multifunction) for it")
  } else if failure.cause == .notMultifunction, context.requestedFunction == 0 {
    runner.report(
      "\(context.name) is function 0 of a slot on `\(bus.name)` that has other functions, without `multifunction=on`",
      at: context.slotLocation, fix: "add \(context.multifunction) to \(context.name)")
  } else if failure.cause == .notMultifunction {
    runner.report(
      "\(context.name) is a further function of a slot on `\(bus.name)` whose function 0 has no `multifunction=on`",
      at: context.slotLocation, fix: "add `multifunction=on` to the device at function 0")
  }
}

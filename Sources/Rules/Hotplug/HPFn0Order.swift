import Facts
import Prediction

extension Rule {
  static let hpFn0Order = Rule(
    name: "hp-fn0-order",
    severity: .error,
    summary: "functions of one slot in the wrong order, or without `multifunction=on`",
    why: """
      The guest looks at a slot once, when its function 0 comes. So QEMU takes the other functions only \
      before it, and function 0 must have `multifunction=on` when there are others, at launch as well.
      """,
    fix: "plug function 0 last, and give it `multifunction=on`",
    example: #"{"execute":"device_add","arguments":{"driver":"vfio-pci","id":"gpu","host":"0000:01:00.0","bus":"rp0","addr":"0.1"}}"#,
    references: ["QEMU hw/pci/pci.c: pci_init_multifunction", "QEMU hw/pci/pcie.c: pcie_cap_slot_plug_cb"],
    explains: [.functionZeroTaken, .notMultifunction],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  if context.request.plug == .hot { _ = try context.placeFailure() }
  guard let failure = context.prediction.failure, let bus = try context.prediction.bus
  else { return }
  if failure.cause == .functionZeroTaken, context.comesAfterFunctionZero {
    runner.report(
      "\(context.name) comes after function 0 of its slot on `\(bus.name)`: QEMU takes other functions only before it",
      at: context.placeLocation, fix: "plug function 0 last, and give it `multifunction=on`")
  } else if failure.cause == .notMultifunction, context.requestedFunction == 0 {
    runner.report(
      "\(context.name) is function 0 of a slot on `\(bus.name)` that has other functions, and is not `multifunction=on`",
      at: context.placeLocation, fix: "add `multifunction=on` to \(context.name)")
  } else if failure.cause == .notMultifunction {
    runner.report(
      "\(context.name) is a further function of a slot on `\(bus.name)` whose function 0 is not `multifunction=on`",
      at: context.placeLocation, fix: "add `multifunction=on` to the device at function 0")
  }
}

import Facts
import Prediction

extension Rule {
  static let noFunctionZero = Rule(
    name: "no-function-zero",
    severity: .warning,
    summary: "a function of a slot that has no function 0",
    why: """
      Guests look for a slot's other functions only where they find its function 0. QEMU takes a device at \
      `addr=3.1` all the same, at launch and by a hot plug, and the guest does not see it until something \
      comes to `3.0`.
      """,
    fix: "put it at function 0 of the slot",
    example: "-device vfio-pci,host=0000:01:00.1,addr=3.1",
    references: ["PCIe 6.0 §7.5.1.1.9", "QEMU hw/pci/pci_host.c (observed on 11.1.3)"],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let place = context.prediction.place, place.devfn % 8 != 0, let bus = context.target.guest.bus(named: place.bus),
    !bus.isPort || place.devfn < 8
  else { return }
  guard try !context.prediction.isReachable.value else { return }
  let function = "\(String(place.devfn / 8, radix: 16)).\(place.devfn % 8)"
  let isHot = context.request.plug == .hot
  runner.report(
    "\(context.name) is function \(function) of `\(place.bus)`, and the slot has no function 0: the guest "
      + (isHot ? "does not see it until one is plugged" : "never sees it"),
    at: context.request.property("addr")?.location,
    fix: isHot ? "plug function 0 of the slot after it, with `multifunction=on`" : nil)
}

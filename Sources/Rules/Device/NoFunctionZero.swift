import Facts
import Prediction

extension Rule {
  static let noFunctionZero = Rule(
    name: "no-function-zero",
    severity: .warning,
    summary: "a function of a slot that has no function 0",
    why: """
      Guests scan the other functions of a slot only if it has a function 0. QEMU still accepts a device at \
      `addr=3.1`, at launch and as a hot plug, and the guest does not see it until a device is plugged at `3.0`.
      """,
    fix: "put the device at function 0 of the slot",
    example: "-device vfio-pci,host=0000:01:00.1,addr=3.1",
    references: ["PCIe 6.0 §7.5.1.1.9", "QEMU hw/pci/pci_host.c (observed on 11.1.3)"],
    needsRealize: true, check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let place = context.prediction.guestAddress, place.devfn % 8 != 0, let bus = context.target.guest.bus(named: place.bus),
    !bus.isPort || place.devfn < 8
  else { return }
  guard try !context.prediction.isReachable.value, !context.hasRefusedFunctionZero else { return }
  let function = "\(String(place.devfn / 8, radix: 16)).\(place.devfn % 8)"
  let isHot = context.request.plug == .hot
  runner.report(
    "\(context.name) is function \(function) of `\(place.bus)`, and the slot has no function 0: the guest "
      + (isHot ? "does not see it until one is plugged" : "never sees it"),
    at: context.request.property("addr")?.location,
    fix: isHot ? "then plug function 0 of the slot, with \(context.multifunction)" : nil)
}

extension DeviceContext {
  /// Whether QEMU refuses the device that the definition puts at function 0 of the slot: what it is refused for is to be
  /// repaired, and then the slot has its function 0.
  fileprivate var hasRefusedFunctionZero: Bool {
    guard let bus = try? prediction.bus else { return false }
    return target.predictions.contains { other in
      guard other.failure != nil, other.request.bus == request.bus, case .known(let requested) = other.request.requestedDevfn,
        // A port has one slot, in which QEMU puts a device without `addr` at function 0.
        let devfn = requested ?? (bus.isPort ? 0 : nil)
      else { return false }
      return devfn % 8 == 0 && (bus.isPort || devfn / 8 == requestedSlot(on: bus))
    }
  }
}

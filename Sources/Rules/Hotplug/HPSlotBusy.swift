import Facts
import Prediction

extension Rule {
  static let hpSlotBusy = Rule(
    name: "hp-slot-busy",
    severity: .error,
    summary: "a hot plug into a slot that is in use",
    why: """
      A port has one slot, and QEMU refuses a second device in it: the guest scanned the slot when function 0 was \
      plugged, and does not scan it again. An unplugged device keeps its slot until DEVICE_DELETED.
      """,
    fix: "name a different port, or wait for DEVICE_DELETED of the device in the slot",
    example: #"{"execute":"device_add","arguments":{"driver":"vfio-pci","id":"gpu","host":"0000:01:00.0","bus":"rp0"}}"#,
    references: ["QEMU hw/pci/pci.c: do_pci_register_device"],
    explains: [.slotTaken, .noSlot, .functionZeroTaken],
    check: .device(check))
}

private func check(_ context: DeviceContext, _ runner: inout RuleRunner) throws(Unknown) {
  guard let failure = try context.slotFailure() else {
    // Throws when it is not decided whether the slot is free.
    if context.request.plug == .hot, context.prediction.failure == nil { _ = try context.prediction.failure(.slotTaken) }
    return
  }
  guard [.slotTaken, .noSlot, .functionZeroTaken].contains(failure.cause), context.hasFreeSlot,
    let bus = try context.prediction.bus, !context.comesAfterFunctionZero
  else { return }
  let slot = context.requestedSlot(on: bus)
  let place = bus.isPort ? "`\(bus.name)`" : "slot \(slot) of `\(bus.name)`"
  let there = bus.occupants(ofSlot: slot).first
  let taken = there.map { "is in use by \($0.id.map { "`\($0)`" } ?? "a device without an id") (\($0.driver))" }
  runner.report(
    "\(context.name) is plugged into \(place), which \(taken ?? "is full"); free: \(context.freeSlots)",
    at: context.slotLocation, fix: context.useFreeSlot)
}

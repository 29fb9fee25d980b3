import Facts
import Prediction

extension Rule {
  static let hpSlotBusy = Rule(
    name: "hp-slot-busy",
    severity: .error,
    summary: "a hot plug into a slot that is taken",
    why: """
      A port holds one slot. QEMU refuses a second device there: the guest was told of the first when \
      its function 0 came, and would never look again. An unplugged device keeps its slot until \
      DEVICE_DELETED.
      """,
    fix: "name another port, or wait for DEVICE_DELETED of what is there",
    example: #"{"execute":"device_add","arguments":{"driver":"vfio-pci","id":"gpu","host":"0000:01:00.0","bus":"rp0"}}"#,
    references: ["QEMU hw/pci/pci.c: do_pci_register_device"],
    check: .device(judge))
}

private func judge(_ subject: DeviceContext, _ judgement: inout Judgement) throws(Unknown) {
  guard let failure = try subject.placeFailure() else {
    if subject.request.plug == .hot, subject.prediction.failure == nil, subject.prediction.place == nil,
      let unknown = subject.prediction.unknowns.first(where: { $0.fact.hasPrefix("slot ") })
    { throw unknown }
    return
  }
  guard [.slotTaken, .noSlot, .functionZeroTaken].contains(failure.cause), subject.hasFreePlace,
    let bus = try subject.prediction.bus, !subject.comesAfterFunctionZero
  else { return }
  let slot = subject.requestedSlot(on: bus)
  let place = bus.isPort ? "`\(bus.name)`" : "slot \(slot) of `\(bus.name)`"
  let there = bus.occupants(ofSlot: slot).first
  let taken = there.map { "is taken by \($0.id.map { "`\($0)`" } ?? "a device without an id") (\($0.driver))" }
  judgement.report(
    "\(subject.name) is plugged into \(place), which \(taken ?? "is full"); free: \(subject.freePlaces)",
    at: subject.placeLocation, fix: subject.elsewhere)
}

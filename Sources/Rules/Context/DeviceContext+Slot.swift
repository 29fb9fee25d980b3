import Facts
import Prediction

/// Facts that the rules about hot plug use.
extension DeviceContext {
  /// QEMU's refusal of a hot plug, if it is about the bus or slot.
  /// - Throws: why the bus is unknown.
  func slotFailure() throws(Unknown) -> RealizeFailure? {
    guard request.plug == .hot else { return nil }
    guard let failure = prediction.failure else {
      _ = try prediction.bus
      return nil
    }
    return DeviceContext.aboutSlot.contains(failure.cause) ? failure : nil
  }

  private static let aboutSlot: Set<FailureCause> = [
    .busNotHotpluggable, .slotTaken, .noSlot, .functionZeroTaken, .notMultifunction,
  ]

  /// The bus of a hot plug that is refused for that cause.
  func refusedBus(_ cause: FailureCause) throws(Unknown) -> GuestBus? {
    guard try slotFailure()?.cause == cause else { return nil }
    return try prediction.bus
  }

  /// Whether the machine has a free slot for a hot plug.
  var hasFreeSlot: Bool { !prediction.guest.busesWithFreeSlot.isEmpty }

  /// Advice to use the first free slot; nil when there is none.
  var useFreeSlot: String? {
    guard let name = prediction.guest.busesWithFreeSlot.first, let bus = prediction.guest.bus(named: name) else { return nil }
    if bus.isPort { return "plug it into a free port: `bus=\(name)`\(inSlotZero)" }
    return "plug it into a free slot: `bus=\(name)`, with the slot as `addr`"
  }

  /// Free slots for messages: "`rp1`, `rp2`", or "slots of `pci.0`".
  var freeSlots: String {
    let names = prediction.guest.busesWithFreeSlot
    let more = names.count > 8 ? " and \(names.count - 8) more" : ""
    let isPort = names.first.flatMap { prediction.guest.bus(named: $0)?.isPort } ?? true
    return (isPort ? "" : "slots of ") + names.prefix(8).map { "`\($0)`" }.joined(separator: ", ") + more
  }

  /// Slot times 8 plus function, from `addr`; nil when it is missing or refused.
  var requestedDevfn: Int? { request.requestedDevfn.display.flatMap { $0 } }

  /// The function part of `addr`.
  var requestedFunction: Int { (requestedDevfn ?? 0) % 8 }

  /// The slot that QEMU uses: 0 below a port, regardless of `addr`.
  func requestedSlot(on bus: GuestBus) -> Int { bus.isPort ? 0 : (requestedDevfn ?? 0xf8) / 8 }

  /// Whether it is a further function, plugged into a slot that has its function 0.
  var comesAfterFunctionZero: Bool { request.plug == .hot && requestedFunction != 0 }

  /// Location of `addr` or `bus`, else of the request.
  var slotLocation: Location { (request.property("addr") ?? request.property("bus"))?.location ?? request.location }
}

extension Guest {
  /// Buses for a hot plug: the empty ports, or without one any bus with a free slot that supports it.
  fileprivate var busesWithFreeSlot: [String] {
    let ports = freePorts.map(\.name)
    if !ports.isEmpty { return ports }
    return buses.values.filter { !$0.isPort && $0.takesHotplug == .known(true) && $0.hasFreeSlot }.map(\.name).sorted()
  }
}

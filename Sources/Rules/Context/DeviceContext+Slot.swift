import Facts
import Prediction

/// What the rules about hot plugs ask.
extension DeviceContext {
  /// QEMU's refusal of a hot plug, when it is about the place in the guest.
  /// - Throws: why it is not known where the device would go.
  func placeFailure() throws(Unknown) -> RealizeFailure? {
    guard request.plug == .hot else { return nil }
    guard let failure = prediction.failure else {
      _ = try prediction.bus
      return nil
    }
    return DeviceContext.aboutPlace.contains(failure.cause) ? failure : nil
  }

  private static let aboutPlace: Set<FailureCause> = [
    .busNotHotpluggable, .slotTaken, .noSlot, .functionZeroTaken, .notMultifunction,
  ]

  /// The bus that a refused plug would have gone to.
  func refusedBus(_ cause: FailureCause) throws(Unknown) -> GuestBus? {
    guard try placeFailure()?.cause == cause else { return nil }
    return try prediction.bus
  }

  /// A device could be plugged somewhere else.
  var hasFreePlace: Bool { !prediction.guest.freePlaces.isEmpty }

  /// What to do instead; nil when there is no free place.
  var elsewhere: String? {
    guard let name = prediction.guest.freePlaces.first, let bus = prediction.guest.bus(named: name) else { return nil }
    if bus.isPort { return "plug it into a free port: `bus=\(name)`" }
    return "plug it into a free slot: `bus=\(name)`, with the slot as `addr`"
  }

  /// "`rp1`, `rp2`", or "slots of `pci.0`".
  var freePlaces: String {
    let names = prediction.guest.freePlaces
    let more = names.count > 8 ? " and \(names.count - 8) more" : ""
    let isPort = names.first.flatMap { prediction.guest.bus(named: $0)?.isPort } ?? true
    return (isPort ? "" : "slots of ") + names.prefix(8).map { "`\($0)`" }.joined(separator: ", ") + more
  }

  /// Slot times 8 plus function, as `addr` has it; nil without one, and when it is refused.
  var requestedFunctionNumber: Int? { request.guestFunction.display.flatMap { $0 } }

  var requestedFunction: Int { (requestedFunctionNumber ?? 0) % 8 }

  /// The slot that QEMU looks at.
  func requestedSlot(on bus: GuestBus) -> Int { bus.isPort ? 0 : (requestedFunctionNumber ?? 0xf8) / 8 }

  /// A further function for a slot that has its function 0.
  var comesAfterFunctionZero: Bool { request.plug == .hot && requestedFunction != 0 }

  /// The property that gives the place, or the whole request.
  var placeLocation: Location { (request.property("addr") ?? request.property("bus"))?.location ?? request.location }
}

extension Guest {
  /// Where a hot plug goes: empty ports, and else any bus with slots that takes one.
  fileprivate var freePlaces: [String] {
    let ports = freePorts.map(\.name)
    if !ports.isEmpty { return ports }
    return buses.values.filter { !$0.isPort && $0.takesHotplug == .known(true) && $0.hasFreeSlot }.map(\.name).sorted()
  }
}

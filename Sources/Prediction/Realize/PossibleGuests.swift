import Facts

/// The guests that there may be between two requests. A plug that is not decided makes two of each: one in which it has succeeded, and
/// one in which it has failed. What is not the same in all of them is not decided.
struct PossibleGuests {
  /// Each plug may double them.
  private static var most: Int { 16 }

  private var states: [GuestState]
  /// The plugs that are not decided.
  private var plugs: [DeviceRequest] = []
  /// Whether there were too many of them to go through all that may have happened.
  private var isCut = false

  init(_ state: GuestState) { states = [state] }

  /// The guest in which each of them has succeeded.
  var guest: Guest { states[0].guest }

  /// Replaces the topology of the start by the one that a running machine reports.
  mutating func restart(as running: Guest) {
    for index in states.indices { states[index].restart(as: running) }
  }

  /// Executes what precedes a request.
  /// - Returns: the refusals, and those that are not decided.
  mutating func execute(_ history: DeviceRequest.History) -> (certain: [LaunchFailure], open: [OpenFailure]) {
    var all: [[LaunchFailure]] = []
    for index in states.indices { all.append(states[index].execute(history)) }
    let first = all[0], others = all.dropFirst()
    // An object has one command at a place.
    let certain = first.filter { failure in others.allSatisfy { $0.contains { $0.location == failure.location } } }
    var open = first.filter { failure in !certain.contains { $0.location == failure.location } }
    for failure in others.joined() where !(certain + open).contains(where: { $0.location == failure.location }) { open.append(failure) }
    return (
      certain,
      open.map { failure in
        let isOfSuccess = first.contains { $0.location == failure.location }
        return OpenFailure(fact: unknown(failure.failure, "the command", ifPlug: isOfSuccess), location: failure.location)
      })
  }

  /// Adds a request's device.
  /// - Parameter check: checks it in a guest.
  /// - Returns: the result.
  mutating func settle(_ request: DeviceRequest, _ check: (Guest) -> CheckedRequest) -> CheckedRequest {
    let checked = states.map { check($0.guest) }
    // Each guest is taken out of the list, so that nothing else refers to what is changed and it need not be copied.
    var rest: [GuestState] = states.reversed()
    states = []
    var next: [GuestState] = []
    for one in checked { next += rest.removeLast().after(request, one) }
    var result = checked.count == 1 ? checked[0] : compare(checked)
    if isCut, request.plug == .hot, !result.isRefused { result.leaveOpen(tooMany) }
    states = next
    if next.count > PossibleGuests.most {
      // The guests in which all have succeeded and all have failed still show most of what is certain to be refused.
      states = [next[0], next[next.count - 1]]
      isCut = true
    }
    if request.plug == .hot, result.isOpen { plugs.append(request) }
    return result
  }

  private func compare(_ all: [CheckedRequest]) -> CheckedRequest {
    var result = all[0]
    result.isDecided = all.allSatisfy(\.isDecided)
    let failures = all.map(\.failures)
    let differing = failures.joined().filter { failure in !failures.allSatisfy { $0.contains(failure) } }
    let isReported = Set(failures.compactMap(\.first))
    // Refused in any case, with one text or another.
    let isRefused = !failures.contains { $0.isEmpty } && !isReported.contains { $0.signal != nil }
    guard let draft = result.draft else {
      result.missing = all.compactMap(\.missing).first
      guard !isRefused, let failure = differing.first else { return result }
      result.failure = nil
      result.missing = unknown(failure, "this one", ifPlug: failures[0].contains(failure))
      return result
    }
    for failure in Array(differing).unique {
      let reason = unknown(failure, "this one", ifPlug: failures[0].contains(failure))
      draft.leaveOpen(failure, because: reason, isReported: isReported.contains(failure), stays: isRefused)
    }
    for other in all.dropFirst().compactMap(\.draft) { draft.miss(other) }
    let places = Set(all.filter { !$0.isRefused }.map { $0.draft?.guestAddress })
    if places.count > 1 { draft.guestAddress = nil }
    return result
  }

  private func unknown(_ failure: RealizeFailure, _ object: String, ifPlug succeeds: Bool) -> Unknown {
    let what = failure.signal.map { "crashes with \($0) here" } ?? "refuses \(object)"
    return Unknown(
      opening, reason: "it is not decided, and if it \(succeeds ? "succeeds" : "fails") QEMU \(what): `\(failure.text)`")
  }

  private var tooMany: Unknown { Unknown(opening, reason: "so many are not decided that the guest is not known") }

  private var opening: String {
    let more = plugs.count > 1 ? " and \(plugs.count - 1) more" : ""
    return "plug of \(plugs.first?.plainName ?? "a device")\(more)"
  }
}

/// A command that QEMU may refuse: an earlier plug decides about it.
public struct OpenFailure: Sendable {
  /// The fact that is missing.
  public let fact: Unknown
  /// The place of the command.
  public let location: Location
}

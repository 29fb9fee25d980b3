import Facts

/// Plugs that QEMU may refuse. Later requests may depend on them: each is checked in the guest in which all of them succeed and in
/// the one in which all of them fail, and what differs is not decided.
struct OpenPlugs {
  private var plugs: [DeviceRequest] = []
  /// The guest in which they fail; nil while there are none.
  private var without: GuestState?

  /// Adds a request's device to both guests.
  /// - Parameters:
  ///   - checked: the request, checked in the guest in which the plugs succeed.
  ///   - check: checks it in another guest.
  /// - Returns: the result in both guests.
  mutating func settle(
    _ request: DeviceRequest, _ checked: CheckedRequest, in state: inout GuestState, _ check: (Guest) -> CheckedRequest
  ) -> CheckedRequest {
    if without == nil, request.plug == .hot, checked.isOpen {
      plugs.append(request)
      without = state
      state.settle(request, checked)
      return checked
    }
    state.settle(request, checked)
    _ = without?.execute(request.history)
    guard let guest = without?.guest else { return checked }
    let alternative = check(guest)
    if !alternative.isOpen { without?.settle(request, alternative) }
    let result = compare(checked, alternative)
    if result.isOpen { plugs.append(request) }
    return result
  }

  private func compare(_ checked: CheckedRequest, _ other: CheckedRequest) -> CheckedRequest {
    var result = checked
    if let draft = checked.draft, let rest = other.draft {
      let open = draft.failures.filter { !rest.failures.contains($0) }
      for failure in open { draft.leaveOpen(failure, because: unknown(failure, "succeeds")) }
      for failure in rest.failures where !draft.failures.contains(failure) {
        draft.leaveOpen(failure, because: unknown(failure, "fails"))
      }
      draft.miss(rest)
    } else if checked.failure != other.failure {
      result.failure = nil
      result.missing = checked.failure.map { unknown($0, "succeeds") } ?? other.failure.map { unknown($0, "fails") }
    }
    return result
  }

  private func unknown(_ failure: RealizeFailure, _ outcome: String) -> Unknown {
    let more = plugs.count > 1 ? " and \(plugs.count - 1) more" : ""
    let what = failure.signal.map { "crashes with \($0) here" } ?? "refuses this one"
    return Unknown(
      "plug of \(plugs.first?.plainName ?? "a device")\(more)",
      reason: "it is not decided, and if it \(outcome) QEMU \(what): `\(failure.text)`")
  }
}

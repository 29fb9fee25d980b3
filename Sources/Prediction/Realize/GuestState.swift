import Facts

/// The result of checking one request.
struct CheckedRequest {
  /// The prediction; nil for a device that is not meant for vfio.
  let draft: PredictionDraft?
  /// The refusal of any other device.
  var failure: RealizeFailure?
  /// The fact that is missing of a device whose type is not modelled, or about whose refusal an earlier plug decides.
  var missing: Unknown?
  /// Whether QEMU keeps another device back, as the primary of a failover pair.
  var isKeptBack = false
  /// Whether each check of another device is decided.
  var isDecided: Bool
  let numbers: TakenNumbers
  /// The request with what `-global` options give it.
  let settings: DeviceRequest

  /// The refusals, in QEMU's order.
  var failures: [RealizeFailure] { draft?.failures ?? [failure].compactMap { $0 } }
  /// Whether it is certain for what QEMU refuses it.
  var hasKnownFailure: Bool { isRefused && draft?.unknowns.isEmpty != false }
  /// Whether QEMU certainly refuses it. With a step that fails, an earlier one that is not decided changes the text alone.
  var isRefused: Bool { failure != nil || draft?.failures.isEmpty == false }
  /// Whether QEMU may refuse it.
  var isOpen: Bool { !isRefused && (draft.map { !$0.unknowns.isEmpty } ?? (!isDecided || missing != nil)) }

  /// Leaves open whether QEMU refuses it.
  mutating func leaveOpen(_ unknown: Unknown) {
    if let draft { draft.leaveOpen(unknown) } else { missing = missing ?? unknown }
  }
}

/// The guest between two requests, with what is needed to make it again.
struct GuestState {
  private(set) var guest: Guest
  /// Nil where no device is unplugged, as in most machines: then none has to be made again.
  private var made: MadeDevices?
  private var objects: ExistingObjects
  private let qemu: QEMUProfile

  /// - Parameter histories: the commands that will be executed.
  init(_ guest: Guest, _ machine: MachineConfig, _ qemu: QEMUProfile, _ histories: [DeviceRequest.History]) {
    self.guest = guest
    self.qemu = qemu
    objects = ExistingObjects(machine, qemu)
    made = histories.contains { !$0.unplugged.isEmpty || !$0.deleted.isEmpty } ? MadeDevices(guest) : nil
  }

  /// Replaces the topology of the start by the one that a running machine reports.
  mutating func restart(as running: Guest) {
    guest = running.with(assignmentsOf: guest)
    guest.hadIntelGraphics = .unknown("earlier devices of this QEMU", "it does not report those that have gone")
    if made != nil { made = MadeDevices(guest) }
  }

  /// Executes what precedes a request.
  /// - Returns: the refusals.
  mutating func execute(_ history: DeviceRequest.History) -> [LaunchFailure] {
    if !history.unplugged.isEmpty || !history.deleted.isEmpty,
      let rest = made?.without(history.unplugged, history.deleted, of: guest) {
      guest = rest
    }
    var failures: [LaunchFailure] = []
    for command in history.objects { failures += objects.execute(command, guest) }
    guest.objects = objects.byID
    return failures
  }

  /// The guests that there may be after a request: with the device that QEMU creates, and with what is left of a plug that fails. Of a
  /// launch each device is checked as if those before it had been made.
  consuming func after(_ request: DeviceRequest, _ checked: CheckedRequest) -> [GuestState] {
    let draft = checked.draft
    let isHidden = draft?.isHidden == true || checked.isKeptBack
    let mayFail = request.plug == .hot && (checked.isOpen || checked.isRefused && !isHidden)
    let before = mayFail ? copy self : nil
    var results: [GuestState] = []
    if request.plug == .cold || isHidden || !checked.isRefused {
      if isHidden { keepBack(request, checked) } else { add(request, checked) }
      results.append(self)
    }
    guard let before else { return results }
    if checked.isRefused { draft?.place(in: before.guest) }
    // Most plugs that fail keep their index.
    var kept: [UInt64?] = [checked.numbers.acpiIndex]
    if checked.numbers.acpiIndex != nil {
      let isFree = checked.failures.first?.leavesIndexFree(in: before.qemu) == true
      kept = checked.hasKnownFailure ? [isFree ? nil : checked.numbers.acpiIndex] : [checked.numbers.acpiIndex, nil]
    }
    for index in kept {
      var state = before
      state.fail(checked, keeping: index)
      results.append(state)
    }
    return results
  }

  /// Keeps the primary of a failover pair back, without its numbers.
  private mutating func keepBack(_ request: DeviceRequest, _ checked: CheckedRequest) {
    checked.draft?.place(in: guest)
    guest.keepBack(request)
  }

  private mutating func fail(_ checked: CheckedRequest, keeping index: UInt64?) {
    if let index { guest.acpiIndexes.insert(index) }
    made?.note(failed: index)
    guard let draft = checked.draft, guest.hadIntelGraphics == .known(false) else { return }
    if !checked.hasKnownFailure {
      guest.note(graphics: draft.context)
      if guest.hadIntelGraphics == .known(true) {
        guest.hadIntelGraphics = .unknown("earlier devices of this QEMU", "a plug of one is not decided")
      }
    } else if draft.isLateFailure {
      guest.note(graphics: draft.context)
    }
  }

  private mutating func add(_ request: DeviceRequest, _ checked: CheckedRequest) {
    let draft = checked.draft
    let device = MadeDevice(request: checked.settings, numbers: checked.numbers, context: request.isVFIO ? draft?.context : nil)
    let address = guest.add(device)
    guest.drop(request, checked.failure)
    if let draft, guest.hadIntelGraphics != .known(true) { guest.note(graphics: draft.context) }
    draft?.guestAddress = address
    made?.note(device, at: address)
  }
}

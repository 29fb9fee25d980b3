import Facts

/// The result of checking one request.
struct CheckedRequest {
  /// The prediction; nil for a device that is not meant for vfio.
  let draft: PredictionDraft?
  /// The refusal of any other device.
  var failure: RealizeFailure?
  /// The fact that is missing of a device whose type is not modelled, or about whose refusal an earlier plug decides.
  var missing: Unknown?
  /// Whether each check of another device is decided.
  let isDecided: Bool
  let numbers: TakenNumbers
  /// The request with what `-global` options give it.
  let settings: DeviceRequest

  /// Whether QEMU certainly refuses it. With a step that fails, an earlier one that is not decided changes the text alone.
  var isRefused: Bool { failure != nil || draft?.failures.isEmpty == false }
  /// Whether QEMU may refuse it.
  var isOpen: Bool { !isRefused && (draft.map { !$0.unknowns.isEmpty } ?? (!isDecided || missing != nil)) }
}

/// The guest between two requests, with what is needed to make it again.
struct GuestState {
  private(set) var guest: Guest
  /// Nil where no device is unplugged, as in most machines: then none has to be made again.
  private var made: MadeDevices?
  private var objects: ExistingObjects

  /// - Parameter histories: the commands that will be executed.
  init(_ guest: Guest, _ objects: ExistingObjects, _ histories: [DeviceRequest.History]) {
    self.guest = guest
    self.objects = objects
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

  /// Adds a device that QEMU creates, or what is left of a plug that fails.
  mutating func settle(_ request: DeviceRequest, _ checked: CheckedRequest) {
    let draft = checked.draft
    // Most plugs that fail keep it; not one that fails before or after realize, nor does the primary that a failover pair keeps back.
    let isUntaken = draft?.isHidden == true
      || request.plug == .hot && (checked.failure ?? draft?.failures.first)?.leavesIndexFree == true
    let acpiIndex = isUntaken ? nil : checked.numbers.acpiIndex
    if let acpiIndex { guest.acpiIndexes.insert(acpiIndex) }
    // A plug that fails leaves nothing else; of a launch each device is checked as if those before it had been made.
    if request.plug == .hot && checked.isRefused || draft?.isHidden == true {
      draft?.place(in: guest)
      if draft?.isHidden == true { guest.keepBack(request) }
      made?.note(failed: acpiIndex)
      if let draft, draft.isLateFailure, guest.hadIntelGraphics == .known(false) { guest.note(graphics: draft.context) }
      return
    }
    let device = MadeDevice(request: checked.settings, numbers: checked.numbers, context: request.isVFIO ? draft?.context : nil)
    let address = guest.add(device)
    guest.drop(request, checked.failure)
    if let draft, guest.hadIntelGraphics != .known(true) { guest.note(graphics: draft.context) }
    draft?.guestAddress = address
    made?.note(device, at: address)
  }
}

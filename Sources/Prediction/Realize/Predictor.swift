import Facts

/// Predicts every vfio device of a machine, in the order in which QEMU realizes them. An object, because the context of each
/// device has it.
public final class Predictor: Sendable {
  let machine: MachineConfig
  let index: MachineIndex
  let host: Host
  let qemu: QEMUProfile
  let descriptors: [String: Known<PCIAddress?>]
  private let running: Guest?

  /// - Parameters:
  ///   - descriptors: which host function a passed descriptor is, by the value of `fd`; `.known(nil)`
  ///     is none.
  ///   - running: the topology that the running machine reports; it replaces that of `machine` when `plugs` are
  ///     predicted.
  public init(
    _ machine: MachineConfig, on host: Host, qemu: QEMUProfile, descriptors: [String: Known<PCIAddress?>] = [:],
    running: Guest? = nil
  ) {
    self.descriptors = descriptors
    self.running = running
    self.machine = machine
    index = MachineIndex(machine, qemu)
    self.host = host
    self.qemu = qemu
  }

  /// One prediction for each vfio request, and for each request that is meant for vfio and misspelt. Each assumes that
  /// the earlier devices are realized: QEMU stops at the first failure of a cold start, and a user wants to know all
  /// of them.
  /// - Parameter plugs: requests that are plugged into the running machine.
  public func predictions(plugs: [DeviceRequest] = []) -> [RealizePrediction] { run(plugs: plugs).predictions }

  /// The result of a run.
  public struct Outcome: Sendable {
    /// The predictions of the vfio devices.
    public let predictions: [RealizePrediction]
    /// Refusals of other parts of the machine, as far as they are modelled. None where QEMU runs already.
    public let launchFailures: [LaunchFailure]
    /// Devices of types that are not modelled at all, each with the fact that is missing.
    public let unmodelled: [(request: DeviceRequest, fact: Unknown)]
    /// Other devices of modelled types with a check that is not decided.
    public let undecided: [DeviceRequest]
    /// The guest's topology when all devices are created and plugged.
    public let guest: Guest
  }

  /// Predicts all that is created and plugged.
  public func run(plugs: [DeviceRequest] = []) -> Outcome {
    var guest = Guest(machine, qemu)
    guest.isOrderKnown = running == nil
    var others: [LaunchFailure] = []
    if running == nil {
      others = machine.launchFailures(qemu, isArm: host.isArm) + [machine.foreignAccelerator(on: host)].compactMap { $0 }
    }
    var objects = ExistingObjects(machine, qemu)
    var unmodelled: [(request: DeviceRequest, fact: Unknown)] = []
    var undecided: [DeviceRequest] = []
    // QEMU creates the devices of key=value text first, regardless of the order on the command line
    // (QEMU system/vl.c: qemu_create_cli_devices; observed on 11.1.3).
    let cold = machine.devices.filter { $0.form == .keyval } + machine.devicesOfDrives(MachineKind(machine))
      + machine.devices.filter { $0.form == .json }
    // Most machines keep their devices: then none has to be made again, and the guest is not copied.
    let unplugs = ((cold + plugs).map(\.history) + [machine.lastCommands]).contains { !$0.unplugged.isEmpty || !$0.deleted.isEmpty }
    var made = unplugs ? MadeDevices(guest) : nil
    var drafts: [PredictionDraft] = []
    for (index, request) in (cold + plugs.map { $0.asRead(by: qemu) }).enumerated() {
      if index == cold.count, let running {
        guest = running.with(assignmentsOf: guest)
        guest.hadIntelGraphics = .unknown("earlier devices of this QEMU", "it does not report those that have gone")
        if unplugs { made = MadeDevices(guest) }
      }
      let history = request.history
      if !history.unplugged.isEmpty || !history.deleted.isEmpty, let rest = made?.without(history.unplugged, history.deleted, of: guest) {
        guest = rest
      }
      for command in history.objects { others += objects.execute(command, guest) }
      guest.objects = objects.byID
      let checked = check(request, guest)
      let draft = checked.draft
      if let draft { drafts.append(draft) }
      if let failure = checked.failure { others.append(LaunchFailure(failure, of: request)) }
      if let fact = checked.missing { unmodelled.append((request, fact)) }
      if !checked.isDecided { undecided.append(request) }
      // Most plugs that fail keep it; not one that fails before or after realize, nor does the primary that a failover pair keeps back.
      let isUntaken = draft?.isHidden == true
        || request.plug == .hot && (checked.failure ?? draft?.failures.first)?.leavesIndexFree == true
      let acpiIndex = isUntaken ? nil : checked.numbers.acpiIndex
      if let acpiIndex { guest.acpiIndexes.insert(acpiIndex) }
      // A plug that fails leaves nothing else; of a launch each device is checked as if those before it had been made.
      // With a step that fails, an earlier one that is not decided changes the text alone.
      let isCertain = checked.failure != nil || draft?.failures.isEmpty == false
      if request.plug == .hot && isCertain || draft?.isHidden == true {
        draft?.place(in: guest)
        if draft?.isHidden == true { guest.keepBack(request) }
        made?.note(failed: acpiIndex)
        if let draft, draft.isLateFailure, guest.hadIntelGraphics == .known(false) { guest.note(graphics: draft.context) }
        continue
      }
      let device = MadeDevice(request: checked.settings, numbers: checked.numbers, context: request.isVFIO ? draft?.context : nil)
      let address = guest.add(device)
      guest.drop(request, checked.failure)
      if let draft, guest.hadIntelGraphics != .known(true) { guest.note(graphics: draft.context) }
      draft?.guestAddress = address
      made?.note(device, at: address)
    }
    if running == nil, plugs.isEmpty, let failure = machine.initiatorFailure(in: guest, qemu) { others.append(failure) }
    let last = machine.lastCommands
    if !last.objects.isEmpty {
      let rest = made?.without(last.unplugged, last.deleted, of: guest) ?? guest
      for command in last.objects { others += objects.execute(command, rest) }
    }
    return Outcome(
      predictions: drafts.map { RealizePrediction($0, in: guest) }, launchFailures: others, unmodelled: unmodelled,
      undecided: undecided, guest: guest)
  }

  /// The result of checking one request.
  private struct Checked {
    /// The prediction; nil for a device that is not meant for vfio.
    let draft: PredictionDraft?
    /// The refusal of any other device.
    let failure: RealizeFailure?
    /// The fact that is missing of a device whose type is not modelled.
    let missing: Unknown?
    /// Whether each check of another device is decided.
    let isDecided: Bool
    let numbers: TakenNumbers
    /// The request with what `-global` options give it.
    let settings: DeviceRequest
  }

  /// Checks a request.
  private func check(_ request: DeviceRequest, _ guest: Guest) -> Checked {
    let settings = machine.settings(of: request, qemu, index)
    let isOfACPI = request.driver != "virtio-iommu-pci" && (try? guest.bus(for: request))?.isHandledByACPI == .known(true)
    let isIndexed = !qemu.isBefore(8, 0) || isOfACPI
    // The index of ne2k_isa is checked and not kept (QEMU hw/net/ne2000-isa.c: isa_ne2000_set_bootindex; observed on 7.2.22 and 11.1.3).
    let isBootable = request.isVFIO
      || request.driver != "ne2k_isa" && DeviceProperties.lookup("bootindex", of: request.driver ?? "", in: qemu) != .absent
    func result(
      _ draft: PredictionDraft? = nil, _ failure: RealizeFailure? = nil, missing: Unknown? = nil, isDecided: Bool = true
    ) -> Checked {
      Checked(
        draft: draft, failure: failure, missing: missing, isDecided: isDecided,
        numbers: TakenNumbers(
          of: request, settings, chassis: (try? machine.chassisSlot(of: request)) ?? nil, isIndexed: isIndexed,
          isBootable: isBootable), settings: settings)
    }
    let refusal = request.isVFIO ? nil : VFIODriverModel.refusal(request.driver, qemu)
    if request.isVFIO || refusal != nil {
      let draft = PredictionDraft(RealizeContext(request, settings, guest, self))
      if let refusal { draft.failures = [draft.context.keyvalID ?? refusal] } else { draft.walk() }
      return result(draft)
    }
    guard running == nil || request.plug == .hot else { return result() }
    // libvirt places its devices and checks them itself, as far as they are its own.
    let isChecked = machine.libvirt == nil
    let context = RealizeContext(request, settings, guest, self)
    // It leaves an SMMU's values, and what is on one root complex, to QEMU.
    let ofSMMU = !isChecked && request.driver == "arm-smmuv3" ? (try? context.failureOfLibvirtSMMU()) ?? nil : nil
    let (failure, isDecided) = isChecked ? context.otherDeviceFailure() : (ofSMMU, true)
    let isHostDevice = request.driver?.hasPrefix("vfio-") == true
    let missing = (isChecked || isHostDevice) && failure == nil ? LaunchFailure.unknown(request, in: machine, qemu) : nil
    return result(nil, failure, missing: missing, isDecided: isDecided)
  }
}

/// A prediction under construction: consequences of devices that QEMU creates later are still open.
final class PredictionDraft {
  let context: RealizeContext
  let atsInputs: ATSInputs
  let atsOutcome: PartialATSOutcome
  fileprivate(set) var failures: [RealizeFailure] = []
  /// The facts that steps before the first failure miss.
  fileprivate(set) var unknowns: [Unknown] = []
  fileprivate(set) var undecided: [UndecidedStep] = []
  fileprivate(set) var guestAddress: GuestPCIAddress?
  /// The answer of `Guest.canReach` for a device that is not part of the guest in the end.
  fileprivate(set) var reachability: Known<Bool>?

  fileprivate init(_ context: RealizeContext) {
    self.context = context
    atsInputs = context.atsInputs
    atsOutcome = atsInputs.outcome
  }

  /// Whether QEMU keeps the device back until the guest asks for it, as the primary of a failover pair.
  fileprivate(set) var isHidden = false
  /// The refusal that then follows, and a fact that decides about it.
  fileprivate(set) var laterFailure: RealizeFailure?
  fileprivate(set) var laterUnknown: Unknown?

  /// Whether realize fails only after the quirks of the device's regions.
  fileprivate var isLateFailure: Bool {
    let late: Set<FailureCause> = [
      .badClique, .hotplugOfIGD, .atsNotSupported, .noDisplay, .displayRequired, .noMigration, .onlyMigratable, .badFailover,
      .badROMFile, .slotNotHotpluggable,
    ]
    return failures.first.map { late.contains($0.cause) } ?? false
  }

  /// Determines the address that the device would have in a guest that it is not part of.
  fileprivate func place(in guest: Guest) {
    var trial = guest
    guestAddress = trial.add(context.settings)
    reachability = guestAddress.map(trial.canReach)
  }

  /// Goes through all steps.
  fileprivate func walk() {
    var failures: [RealizeFailure] = [], unknowns: [Unknown] = []
    for step in RealizeStep.allCases {
      // Of a device that is kept back QEMU checks no more (QEMU system/qdev-monitor.c: qdev_device_add_from_qdict).
      if step == .hotplug, context.isHiddenPrimary {
        isHidden = failures.isEmpty
        if let failure = context.hiddenPrimaryFailure() { failures.append(failure) } else { walkLater(after: step) }
        break
      }
      for outcome in context.outcomes(at: step, atsOutcome) {
        switch outcome {
        case .fails(let failure):
          assert(step.causes.contains(failure.cause), "\(step) has no cause \(failure.cause)")
          failures.append(failure)
        case .unknown(let unknown, let property):
          undecided.append(UndecidedStep(step: step, property: property, unknown: unknown))
          if failures.isEmpty { unknowns.append(unknown) }
        }
      }
    }
    self.failures = failures
    self.unknowns = unknowns.unique
  }

  /// Goes through the steps that follow once the guest has asked for the device.
  private func walkLater(after last: RealizeStep) {
    for step in RealizeStep.allCases.drop(while: { $0 != last }).dropFirst() where laterFailure == nil {
      for outcome in context.outcomes(at: step, atsOutcome) {
        switch outcome {
        case .fails(let failure): laterFailure = laterFailure ?? failure
        case .unknown(let unknown, _): laterUnknown = laterUnknown ?? unknown
        }
      }
    }
  }
}

extension Array where Element: Equatable {
  /// The elements without repetitions, in the order of first appearance.
  var unique: [Element] {
    var found: [Element] = []
    // A device has few unknown facts.
    for element in self where !found.contains(element) { found.append(element) }
    return found
  }
}

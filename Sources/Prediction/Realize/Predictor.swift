import Facts

/// Predicts every vfio device of a machine, in the order in which QEMU realizes them.
public struct Predictor {
  private let machine: MachineConfig
  private let host: Host
  private let qemu: QEMUProfile
  private let descriptors: [String: Known<PCIAddress?>]
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
    /// The guest's topology when all devices are created and plugged.
    public let guest: Guest
  }

  /// Predicts all that is created and plugged.
  public func run(plugs: [DeviceRequest] = []) -> Outcome {
    var guest = Guest(machine)
    guest.isOrderKnown = running == nil
    guest.reserve(machine.devices.count)
    var others = running == nil ? machine.launchFailures(qemu) : []
    var unmodelled: [(request: DeviceRequest, fact: Unknown)] = []
    // QEMU creates the devices of key=value text first, regardless of the order on the command line
    // (QEMU system/vl.c: qemu_create_cli_devices; observed on 11.1.3).
    let cold = machine.devices.filter { $0.form == .keyval } + machine.devices.filter { $0.form == .json }
    var drafts: [PredictionDraft] = []
    for (index, request) in (cold + plugs).enumerated() {
      if index == cold.count, let running { guest = running.with(assignmentsOf: guest) }
      let context = RealizeContext(
        request: request, machine: machine, guest: guest, host: host, qemu: qemu, descriptors: descriptors)
      let draft = predict(context)
      if let draft { drafts.append(draft) }
      // libvirt places its devices and checks them itself.
      let isChecked = draft == nil && machine.libvirt == nil && (running == nil || request.plug == .hot)
      let failure = isChecked ? context.otherDeviceFailure() : nil
      if let failure { others.append(LaunchFailure(failure, of: request)) }
      if isChecked, failure == nil, let fact = LaunchFailure.unknown(request, in: machine, qemu) {
        unmodelled.append((request, fact))
      }
      guest.takeIndexes(of: context)
      // A plug that fails leaves nothing else; of a launch each device is checked as if those before it had been made.
      // With a step that fails, an earlier one that is not decided changes the text alone.
      let isCertain = failure != nil || draft?.failures.isEmpty == false
      if request.plug == .hot && isCertain || draft?.isHidden == true {
        var trial = guest
        let address = trial.add(request)
        draft?.guestAddress = address
        draft?.reachability = address.map(trial.canReach)
        if draft?.isHidden == true { guest.keepBack(request) }
        continue
      }
      let guestAddress = guest.add(request)
      draft?.guestAddress = guestAddress
      if request.form == .keyval, let id = request.id { guest.keyvalIDs.insert(id) }
      guest.takeNumbers(of: context)
      if draft != nil, request.isVFIO { guest.assign(context) }
    }
    return Outcome(
      predictions: drafts.map { RealizePrediction($0, in: guest) }, launchFailures: others, unmodelled: unmodelled,
      guest: guest)
  }

  /// - Returns: nil for a device that is not meant for vfio.
  private func predict(_ context: RealizeContext) -> PredictionDraft? {
    let request = context.request
    let refusal = request.isVFIO ? nil : VFIODriverModel.refusal(request.driver)
    guard request.isVFIO || refusal != nil else { return nil }
    let draft = PredictionDraft(context)
    guard let refusal else {
      draft.walk()
      return draft
    }
    draft.failures = [context.keyvalID ?? refusal]
    return draft
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

  /// Goes through all steps.
  fileprivate func walk() {
    for step in RealizeStep.allCases {
      // Of a device that is kept back QEMU checks no more (QEMU system/qdev-monitor.c: qdev_device_add_from_qdict).
      if step == .hotplug, context.isHiddenPrimary {
        isHidden = true
        if let failure = context.hiddenPrimaryFailure() { failures.append(failure) }
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
    unknowns = unknowns.unique
  }
}

extension Guest {
  /// Records the `acpi-index` of a device, which stays taken when its realize fails, and its `bootindex`.
  fileprivate mutating func takeIndexes(of context: RealizeContext) {
    if let index = context.number("acpi-index"), index > 0 { acpiIndexes.insert(index) }
  }

  /// Records the primary of a failover pair.
  fileprivate mutating func keepBack(_ request: DeviceRequest) {
    guard let pair = request.string("failover_pair_id"), case .some(nil) = failoverPairs[pair] else { return }
    failoverPairs[pair] = .some(request.id)
  }

  /// Records the numbers that a device occupies.
  fileprivate mutating func takeNumbers(of context: RealizeContext) {
    if let index = context.settings.value("bootindex").flatMap(QEMUNumber.index), index >= 0 { bootIndexes.insert(index) }
    if case .some(.some(let place)) = try? context.chassisSlot() { chassisSlots.insert(place) }
    let request = context.request
    if let id = request.id, request.driver?.hasPrefix("virtio-net") == true, request.isOn("failover") {
      failoverPairs[id] = .some(nil)
    }
  }

  /// Records what a vfio device that QEMU has realized holds of the host.
  fileprivate mutating func assign(_ context: RealizeContext) {
    let space: Known<AddressSpace>
    do throws(Unknown) {
      space = .known(try addressSpace(of: context.request, in: context.machine))
    } catch {
      space = .unknown(error)
    }
    spaces.attach(context.request, context.backend, in: space)
    if case .known(.some(let group)) = context.device.flatMap(\.group), groupSpaces[group] == nil { groupSpaces[group] = space }
    guard context.backend.isKnown, let address = context.address else { return }
    assigned[address] = context.iommufdLink.map(AttachedBackend.iommufd) ?? .legacy
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

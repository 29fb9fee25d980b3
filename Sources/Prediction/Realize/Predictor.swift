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
    /// Commands about objects that QEMU may refuse.
    public let openFailures: [OpenFailure]
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
    var possible: [OpenFailure] = []
    if running == nil {
      // Objects that commands add come later.
      var start = machine
      start.objects.removeAll(where: \.isAdded)
      others = start.launchFailures(qemu, isArm: host.isArm)
      do throws(Unknown) {
        if let refused = try machine.foreignAccelerator(on: host) ?? machine.inaccessibleKVM(on: host) { others.append(refused) }
      } catch {
        if let option = machine.ownKVM { possible.append(OpenFailure(fact: error, location: option.location)) }
      }
      if let open = machine.openGlobalOfOwnSMMU(qemu) { possible.append(open) }
    }
    var unmodelled: [(request: DeviceRequest, fact: Unknown)] = []
    var undecided: [DeviceRequest] = []
    // QEMU creates the devices of key=value text first, regardless of the order on the command line
    // (QEMU system/vl.c: qemu_create_cli_devices; observed on 11.1.3).
    let cold = machine.devices.filter { $0.form == .keyval } + machine.devicesOfDrives(MachineKind(machine))
      + machine.devices.filter { $0.form == .json }
    let histories = (cold + plugs).map(\.history) + [machine.lastCommands]
    var guests = PossibleGuests(GuestState(guest, machine, qemu, histories))
    var drafts: [PredictionDraft] = []
    func execute(_ history: DeviceRequest.History, in guests: inout PossibleGuests) {
      let refused = guests.execute(history)
      others += refused.certain
      possible += refused.open
    }
    for (index, request) in (cold + plugs.map { $0.asRead(by: qemu) }).enumerated() {
      if index == cold.count, let running { guests.restart(as: running) }
      execute(request.history, in: &guests)
      let checked = guests.settle(request) { check(request, $0) }
      if let draft = checked.draft { drafts.append(draft) }
      if let failure = checked.failure { others.append(LaunchFailure(failure, of: request)) }
      if let fact = checked.missing { unmodelled.append((request, fact)) }
      if !checked.isDecided { undecided.append(request) }
    }
    if running == nil, plugs.isEmpty, let failure = machine.initiatorFailure(in: guests.guest, qemu) { others.append(failure) }
    var end = guests
    execute(machine.lastCommands, in: &end)
    return Outcome(
      predictions: drafts.map { RealizePrediction($0, in: guests.guest) }, launchFailures: others, openFailures: possible,
      unmodelled: unmodelled, undecided: undecided, guest: guests.guest)
  }

  /// Checks a request.
  private func check(_ request: DeviceRequest, _ guest: Guest) -> CheckedRequest {
    let settings = machine.settings(of: request, qemu, index)
    let isOfACPI = request.driver != "virtio-iommu-pci" && (try? guest.bus(for: request))?.isHandledByACPI == .known(true)
    let isIndexed = !qemu.isBefore(8, 0) || isOfACPI
    // The index of ne2k_isa is checked and not kept (QEMU hw/net/ne2000-isa.c: isa_ne2000_set_bootindex; observed on 7.2.22 and 11.1.3).
    let isBootable = request.isVFIO
      || request.driver != "ne2k_isa" && DeviceProperties.lookup("bootindex", of: request.driver ?? "", in: qemu) != .absent
    func result(
      _ draft: PredictionDraft? = nil, _ failure: RealizeFailure? = nil, missing: Unknown? = nil, isDecided: Bool = true
    ) -> CheckedRequest {
      CheckedRequest(
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
    var checked = result(nil, failure, missing: missing, isDecided: isDecided)
    checked.isKeptBack = isChecked && isDecided && failure == nil && context.isHiddenPrimary
    return checked
  }
}

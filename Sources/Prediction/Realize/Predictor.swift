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

  /// The predictions, and the guest's topology when all devices are created and plugged.
  public func run(plugs: [DeviceRequest] = []) -> (predictions: [RealizePrediction], guest: Guest) {
    var guest = Guest(machine)
    guest.isOrderKnown = running == nil
    guest.reserve(machine.devices.count)
    // QEMU creates the devices of key=value text first, regardless of the order on the command line
    // (QEMU system/vl.c: qemu_create_cli_devices; observed on 11.1.3).
    let cold = machine.devices.filter { $0.form == .keyval } + machine.devices.filter { $0.form == .json }
    var drafts: [PredictionDraft] = []
    for (index, request) in (cold + plugs).enumerated() {
      if index == cold.count, let running { guest = running.with(assignmentsOf: guest) }
      let draft = predict(request, guest)
      let guestAddress = guest.add(request)
      draft?.guestAddress = guestAddress
      if request.form == .keyval, let id = request.id { guest.keyvalIDs.insert(id) }
      guard let draft else { continue }
      drafts.append(draft)
      if request.isVFIO { guest.assign(draft.context) }
    }
    return (drafts.map { RealizePrediction($0, in: guest) }, guest)
  }

  /// - Returns: nil for a device that is not meant for vfio.
  private func predict(_ request: DeviceRequest, _ guest: Guest) -> PredictionDraft? {
    let refusal = request.isVFIO ? nil : VFIODriverModel.refusal(request.driver)
    guard request.isVFIO || refusal != nil else { return nil }
    let draft = PredictionDraft(
      RealizeContext(
        request: request, machine: machine, guest: guest, host: host, qemu: qemu, descriptors: descriptors))
    guard let refusal else {
      draft.walk()
      return draft
    }
    draft.failures = [refusal]
    return draft.context.keyvalID == nil ? draft : nil
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

  fileprivate init(_ context: RealizeContext) {
    self.context = context
    atsInputs = context.atsInputs
    atsOutcome = atsInputs.outcome
  }

  /// Goes through all steps.
  fileprivate func walk() {
    for step in RealizeStep.allCases {
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
  /// Records what a vfio device that QEMU has realized holds of the host.
  fileprivate mutating func assign(_ context: RealizeContext) {
    let hasOwn: Known<Bool>
    do throws(Unknown) {
      hasOwn = .known(try hasOwnSpace(for: context.request, in: context.machine))
    } catch {
      hasOwn = .unknown(error)
    }
    attach(context.request, context.backend, hasOwnSpace: hasOwn)
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

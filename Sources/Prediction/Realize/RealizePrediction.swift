import Facts

/// The prediction for one vfio device. An object, because it is passed to all rules.
public final class RealizePrediction: Sendable {
  /// The result of realize. `undetermined`: a fact is unknown, and without it no step fails.
  public enum Realize: String, Sendable {
    case ok, fails, crashes, undetermined
  }

  private let context: RealizeContext
  /// The request that is predicted.
  public let request: DeviceRequest
  /// Each step that fails, in QEMU's order, as if the steps before it had succeeded.
  public let failures: [RealizeFailure]
  /// The failure that QEMU reports: the first.
  public var failure: RealizeFailure? { failures.first }
  /// Steps that could not be decided, also those after the first failure.
  private let undecided: [UndecidedStep]
  /// Facts that steps before the first failure miss. QEMU may fail earlier because of them, with another message.
  public let unknowns: [Unknown]
  /// The refusal of a device that QEMU keeps back, when the guest asks for it.
  public let plugFailure: RealizeFailure?
  /// A fact without which that is not decided.
  public let plugUnknown: Unknown?
  /// The inputs of the ats decision.
  public let atsInputs: ATSInputs
  /// The ats decision's outcome, if realize gets to it: see `reachesATS`.
  public let atsOutcome: PartialATSOutcome
  /// The device's address in the guest; nil when it is not certain.
  public let guestAddress: GuestPCIAddress?
  /// Whether guest firmware and drivers can find the function at its address; see `Guest.canReach`.
  public let isReachable: Known<Bool>

  /// - Parameter guest: the guest when all devices are created and plugged.
  init(_ draft: PredictionDraft, in guest: Guest) {
    context = draft.context
    request = draft.context.request
    failures = draft.failures
    undecided = draft.undecided
    unknowns = draft.unknowns
    plugFailure = draft.laterFailure
    plugUnknown = draft.laterUnknown
    atsInputs = draft.atsInputs
    atsOutcome = draft.atsOutcome
    guestAddress = draft.guestAddress
    isReachable = draft.reachability ?? draft.guestAddress.map(guest.canReach) ?? .known(true)
  }

  private init(_ other: RealizePrediction, without overruled: [RealizeFailure], because unknown: Unknown) {
    context = other.context
    request = other.request
    failures = other.failures.filter { !overruled.contains($0) }
    undecided = other.undecided + overruled.compactMap { failure in
      let step = RealizeStep.allCases.first { $0.causes.contains(failure.cause) }
      return step.map { UndecidedStep(step: $0, property: failure.property, unknown: unknown) }
    }
    unknowns = other.unknowns + [unknown]
    plugFailure = other.plugFailure
    plugUnknown = other.plugUnknown
    atsInputs = other.atsInputs
    atsOutcome = other.atsOutcome
    guestAddress = other.guestAddress
    isReachable = other.isReachable
  }

  /// The same prediction without failures that QEMU itself did not report. Something about the device is not as modelled,
  /// so that no other failure leaves it undetermined.
  public func without(_ overruled: [RealizeFailure], because unknown: Unknown) -> RealizePrediction {
    overruled.isEmpty ? self : RealizePrediction(self, without: overruled, because: unknown)
  }

  /// The guest's topology when QEMU creates the device.
  public var guest: Guest { context.guest }
  /// Whether QEMU keeps the device back until the guest asks for it, as the primary of a failover pair. It has no id until then.
  public var isKeptBack: Bool { context.isHiddenPrimary }
  /// The host function; nil when the request names none that can be resolved.
  public var host: PCIAddress? { context.address }

  /// The iommufd object that the request names; nil when it names none that the machine has.
  public var iommufdObject: ObjectRequest? { context.iommufdObject }

  /// The guest's IOMMU that serves the device when it is created; nil when none does.
  public var viommu: DeviceRequest? {
    get throws(Unknown) { try context.viommu }
  }

  /// The guest bus of the device; nil when the machine has none.
  public var bus: GuestBus? {
    get throws(Unknown) { try context.bus() }
  }

  /// The result of realize.
  public var realize: Realize {
    if let failure { return failure.signal == nil ? .fails : .crashes }
    return unknowns.isEmpty ? .ok : .undetermined
  }

  /// Whether realize gets to the ats decision, or may: only display and migration come after it.
  public var reachesATS: Bool {
    failure.map { [.atsNotSupported, .noDisplay, .noMigration].contains($0.cause) } ?? true
  }

  /// The ATS warnings on QEMU's standard error, without `warning: `.
  public var warnings: Known<[String]> { reachesATS ? atsOutcome.warnings : .known([]) }

  /// Whether the running guest finds the ATS capability.
  public var guestSeesATS: Known<Bool> {
    if failure != nil { return .known(false) }
    if case .known(false) = atsOutcome.guestSees { return .known(false) }
    return isReachable.flatMap { $0 ? atsOutcome.guestSees : .known(false) }
  }

  /// Whether QEMU asks the kernel about ATS.
  public var checkedByQEMU: Known<Bool> { reachesATS ? atsOutcome.checked : .known(false) }

  /// The first failure with one of these causes, whether or not an earlier step fails too.
  /// - Throws: the fact without which a step that can fail so is not decided.
  public func failure(_ causes: FailureCause...) throws(Unknown) -> RealizeFailure? {
    if let failure = failures.first(where: { causes.contains($0.cause) }) { return failure }
    let open = undecided.first { undecided in
      causes.contains { cause in
        undecided.step.causes.contains(cause) && (undecided.property == nil || undecided.property == cause.property)
      }
    }
    if let open { throw open.unknown }
    return nil
  }

  /// The address widths that `intel-iommu` compares for this device (QEMU hw/i386/intel_iommu.c: vtd_check_hiod);
  /// nil when no `intel-iommu` serves it, or the host's IOMMU does not show its width.
  public func addressWidths() throws(Unknown) -> AddressWidths? { try context.addressWidths() }
}

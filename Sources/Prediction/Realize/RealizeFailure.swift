import Facts

/// Why a device does not come to be.
public enum FailureCause: String, Hashable, Sendable, CaseIterable {
  case badID, duplicateID, noDriver, unknownDriver, abstractDriver
  case busNotFound, wrongBusType, noPCIBus, classNotHotpluggable, busNotHotpluggable, migrating
  case badGlobal, badProperty, unknownProperty, noATSProperty
  case duplicateObjectID, missingIOMMUFDObject, wrongIOMMUFDObject, badDescriptor
  case descriptorWithoutID, realizedArgument
  case slotTaken, noSlot, functionZeroTaken, notMultifunction, slotNotHotpluggable
  case noHostGiven, noSuchHostDevice, descriptorWithoutIOMMUFD, balloonNotMediated
  case noGroup, groupNodeMissing, groupNodeDenied, inUse, groupNotViable, containerDenied
  case notBound, alreadyAttached, badToken, unsafeInterrupts, memoryLimit
  case noCdev, cdevNodeMissing, cdevDenied, iommufdMissing, iommufdDenied, bindFails
  case mixedBackends, noNesting, viommuRefuses, smmuRefuses, atsNotSupported, noDisplay, noMigration
}

/// A failure in QEMU's own words.
public struct RealizeFailure: Hashable, Sendable {
  public let cause: FailureCause
  /// What QEMU prints after `-device …: `, and what `device_add` answers as `desc`. Where QEMU
  /// prints a descriptor's number, which nobody else can know, the text says `fd=N`, `iommufd=M`.
  public let text: String
  /// The signal that QEMU, and the guest with it, dies of; nil for an error that is answered.
  public let signal: String?
  /// The property that it is about, where the cause does not tell.
  public internal(set) var property: String?

  init(_ cause: FailureCause, _ text: String, signal: String? = nil) {
    self.cause = cause
    self.text = text
    self.signal = signal
  }
}

/// What QEMU will do with one vfio device. One of each is made, and handed around.
public final class RealizePrediction: Sendable {
  public enum Realize: String, Sendable {
    case ok, fails, crashes, undetermined
  }

  private let context: RealizeContext
  public let failure: RealizeFailure?
  /// What could not be looked at on the way. With a failure: QEMU fails there at the latest, and
  /// these may make it fail sooner, in other words.
  public let unknowns: [Unknown]
  /// The ats decision, as far as realize gets to it.
  public let question: ATSInputs
  public let forecast: PartialATSOutcome
  /// Where it will sit in the guest, when that is certain.
  public let place: GuestPCIAddress?
  /// Whether guest firmware and drivers can find the function where it sits; see `Guest.canReach`.
  public let isReachable: Known<Bool>

  /// - Parameter guest: when all has been made and plugged.
  init(_ draft: PredictionDraft, in guest: Guest) {
    context = draft.context
    failure = draft.failure
    unknowns = draft.unknowns
    question = draft.question
    forecast = draft.forecast
    place = draft.place
    isReachable = draft.place.map(guest.canReach) ?? .known(true)
  }

  public var request: DeviceRequest { context.request }
  /// The guest's topology when QEMU comes to the request.
  public var guest: Guest { context.guest }
  /// The host function; nil when the request names none that can be resolved.
  public var host: PCIAddress? { context.address }

  /// The guest's IOMMU that serves the device when it is made; nil when none does.
  public var viommu: DeviceRequest? {
    get throws(Unknown) { try context.viommu }
  }

  /// The bus that the device goes to; nil when the machine has none.
  public var bus: GuestBus? {
    get throws(Unknown) { try context.bus() }
  }

  public var realize: Realize {
    if let failure { return failure.signal == nil ? .fails : .crashes }
    return unknowns.isEmpty ? .ok : .undetermined
  }

  /// Realize gets as far as the ats decision, or may: display and migration come after it.
  public var reachesATS: Bool {
    failure.map { [.atsNotSupported, .noDisplay, .noMigration].contains($0.cause) } ?? true
  }

  /// The ATS warnings on QEMU's standard error.
  public var warnings: Known<[String]> { reachesATS ? forecast.warnings : .known([]) }

  public var guestSeesATS: Known<Bool> {
    if failure != nil { return .known(false) }
    if case .known(false) = forecast.guestSees { return .known(false) }
    return isReachable.flatMap { $0 ? forecast.guestSees : .known(false) }
  }

  public var checkedByQEMU: Known<Bool> { reachesATS ? forecast.checked : .known(false) }
}

import Facts

/// A prediction under construction: consequences of devices that QEMU creates later are still open.
final class PredictionDraft {
  let context: RealizeContext
  let atsInputs: ATSInputs
  let atsOutcome: PartialATSOutcome
  var failures: [RealizeFailure] = []
  /// The facts that steps before the first failure miss.
  var unknowns: [Unknown] = []
  var undecided: [UndecidedStep] = []
  var guestAddress: GuestPCIAddress?
  /// The answer of `Guest.canReach` for a device that is not part of the guest in the end.
  var reachability: Known<Bool>?

  init(_ context: RealizeContext) {
    self.context = context
    atsInputs = context.atsInputs
    atsOutcome = atsInputs.outcome
  }

  /// Whether QEMU keeps the device back until the guest asks for it, as the primary of a failover pair.
  var isHidden = false
  /// The refusal that then follows, and a fact that decides about it.
  var laterFailure: RealizeFailure?
  var laterUnknown: Unknown?

  /// Whether realize fails only after the quirks of the device's regions.
  var isLateFailure: Bool {
    let late: Set<FailureCause> = [
      .badClique, .hotplugOfIGD, .atsNotSupported, .noDisplay, .displayRequired, .noMigration, .onlyMigratable,
      .virtualFunctionsOfUser, .badFailover, .badROMFile, .slotNotHotpluggable,
    ]
    return failures.first.map { late.contains($0.cause) } ?? false
  }

  /// Leaves a failure open: whether it is there depends on an earlier plug.
  /// - Parameters:
  ///   - isReported: whether QEMU would report it.
  ///   - stays: whether QEMU reports another otherwise, so that it stays the text that is likely.
  func leaveOpen(_ failure: RealizeFailure, because unknown: Unknown, isReported: Bool, stays: Bool) {
    guard let step = RealizeStep.allCases.first(where: { $0.causes.contains(failure.cause) }) else { return }
    if !stays { failures.removeAll { $0 == failure } }
    undecided.append(UndecidedStep(step: step, property: failure.property, unknown: unknown))
    if isReported { unknowns.append(unknown) }
  }

  /// Leaves open whether there is a failure at any step.
  func leaveOpen(_ unknown: Unknown) {
    undecided.append(UndecidedStep(step: .release, property: nil, unknown: unknown))
    unknowns.append(unknown)
  }

  /// Adds facts that are missing if earlier plugs have another result.
  func miss(_ others: PredictionDraft) {
    undecided += others.undecided.filter { other in !undecided.contains { $0.unknown == other.unknown } }
    unknowns = (unknowns + others.unknowns).unique
    if laterFailure != others.laterFailure {
      laterUnknown = laterUnknown ?? others.laterUnknown ?? unknowns.first
      laterFailure = nil
    }
  }

  /// Determines the address that the device would have in a guest that it is not part of.
  func place(in guest: Guest) {
    var trial = guest
    guestAddress = trial.add(context.settings)
    reachability = guestAddress.map(trial.canReach)
  }

  /// Goes through all steps.
  func walk() {
    var failures: [RealizeFailure] = [], unknowns: [Unknown] = []
    for step in RealizeStep.allCases {
      // QEMU checks no more of a device that is kept back (QEMU system/qdev-monitor.c: qdev_device_add_from_qdict).
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

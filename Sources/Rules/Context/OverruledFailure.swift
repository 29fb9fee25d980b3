import Facts
import Prediction

/// A failure that was predicted, and that the QEMU that will run did not report in a rehearsal although it checked what the failure is
/// about: a fault of the model.
public struct OverruledFailure: Sendable {
  /// The failure as predicted.
  public let failure: RealizeFailure
  /// Location of the request, or of the option.
  public let location: Location
  /// Whether it is about a vfio device. What follows from it is not known then; any other part QEMU has created.
  let isVFIO: Bool
  /// The missing fact of a vfio device.
  let unknown: Unknown

  private init(_ failure: RealizeFailure, at location: Location, isVFIO: Bool, _ qemu: String) {
    self.failure = failure
    self.location = location
    self.isVFIO = isVFIO
    unknown = Unknown(
      "model of `\(location.path)`",
      reason: "`\(failure.text)` was predicted, and \(qemu) did not report it: please report this fault of vfiogate")
  }

  /// Whether it is this one.
  func isOf(_ launch: LaunchFailure) -> Bool {
    !isVFIO && location == (launch.request?.location ?? launch.location) && failure == launch.failure
  }

  /// All of a definition.
  static func all(
    _ predictions: [RealizePrediction], _ launch: [LaunchFailure], of machine: MachineConfig, by result: RehearsalResult
  ) -> [OverruledFailure] {
    let realizes = predictions.flatMap { one in
      overruled(one.failures, at: one.request.location, isHot: one.request.plug == .hot, isVFIO: true, machine, result)
    }
    return realizes + launch.flatMap { one in
      overruled(
        [one.failure], at: one.request?.location ?? one.location, isHot: one.isOfCommand, isVFIO: false, machine, result)
    }
  }

  private static func overruled(
    _ failures: [RealizeFailure], at location: Location, isHot: Bool, isVFIO: Bool, _ machine: MachineConfig, _ result: RehearsalResult
  ) -> [OverruledFailure] {
    var failures = failures
    var extent = result.accepted[location]
    switch result.outcome {
    // Another failure came first.
    case .refused(let text, location, _):
      failures = Array(failures.prefix { firstLine($0.text) != firstLine(text) })
      extent = isVFIO ? .withoutHostDevice : .whole
    case .crashed(let signal, location, _):
      failures = Array(failures.prefix { $0.signal != signal })
      extent = isVFIO ? .withoutHostDevice : .whole
    default: break
    }
    guard let extent else { return [] }
    return failures.filter { $0.isRehearsed(extent, isHot: isHot, in: machine) }
      .map { OverruledFailure($0, at: location, isVFIO: isVFIO, result.qemu) }
  }

  /// QEMU's hints are on lines of their own, and not predicted.
  static func firstLine(_ text: String) -> Substring? { text.split(separator: "\n", omittingEmptySubsequences: false).first }
}

extension RealizeFailure {
  /// Whether a rehearsal would have met the failure: neither the host nor KVM decides it.
  fileprivate func isRehearsed(_ extent: RehearsalResult.Extent, isHot: Bool, in machine: MachineConfig) -> Bool {
    switch extent {
    case .whole:
      if [.noKVM, .refusedByKVM].contains(cause) { return false }
      // With KVM's interrupt controller in the kernel `intremap=auto` is off (QEMU hw/i386/x86-iommu.c: x86_iommu_realize).
      return property != "eim" || machine.usesKVM.display == false
    case .replaced: return RealizeFailure.ofSlot.contains(cause)
    case .withoutHostDevice:
      // The substitute of a plug does not decide.
      return RealizeFailure.ofSlot.contains(cause) || RealizeFailure.beforeHost.contains(cause)
        || !isHot && (cause == .badROMFile || cause == .badFailover && !isOfClass)
    }
  }

  /// Whether the host device's class decides, which a substitute does not have (QEMU hw/pci/pci.c: pci_qdev_realize).
  private var isOfClass: Bool { text.hasSuffix("is not an Ethernet device") }

  /// Checks of qdev and the PCI core that do not depend on the type of device.
  private static let ofSlot: Set<FailureCause> = [
    .badID, .duplicateID, .busNotFound, .wrongBusType, .noPCIBus, .busNotHotpluggable, .slotTaken, .noSlot, .functionZeroTaken,
    .notMultifunction, .acpiIndexTaken, .bootIndexTaken, .onExpander, .badObject, .duplicateObjectID,
  ]
  /// Checks of a vfio device before its host device is opened (QEMU hw/vfio/pci.c: vfio_pci_realize).
  private static let beforeHost: Set<FailureCause> = [
    .noDriver, .unknownDriver, .abstractDriver, .classNotHotpluggable, .crashingGlobal, .badGlobal, .badProperty, .unknownProperty,
    .noATSProperty, .missingIOMMUFDObject, .wrongIOMMUFDObject, .descriptorWithoutID, .realizedArgument, .noHostGiven,
  ]
}

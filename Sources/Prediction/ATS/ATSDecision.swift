import Facts

/// `ats` of vfio-pci, an OnOffAuto.
public enum ATSSetting: String, Sendable, CaseIterable {
  case on, off, auto
}

/// The interface through which QEMU uses the device: iommufd exactly when the device has an `iommufd` link.
public enum VFIOBackend: String, Sendable, CaseIterable {
  case iommufd, legacy
}

/// QEMU's message texts about ATS, without prefix (QEMU hw/vfio/pci.c, 11.1.3).
public enum ATSText: String, Sendable {
  case notSupported = "vfio-pci: ATS requested but not supported by kernel"
  case noCapability = "vfio-pci: ats=on requested, but host device has no ATS extended capability"
  case masked = "vfio-pci: host kernel reports ATS unsupported; ATS capability will be masked"
  case noProperty = "Property 'vfio-pci.ats' not found"
}

/// The inputs of the decision, each known.
public struct ATSCase: Hashable, Sendable {
  /// The code that decides.
  public var behaviour: ATSBehaviour
  /// Nil when `ats` is not given: `auto` for QEMU.
  public var setting: ATSSetting?
  /// The backend that attaches the device.
  public var backend: VFIOBackend
  /// `IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED` (linux/iommufd.h). QEMU does not read it with the
  /// legacy backend.
  public var flagSet: Bool
  /// PCI_STATUS bit 4 and a non-zero capability pointer.
  public var standardList: Bool
  /// The device is Express, and the guest bus that it sits on is.
  public var express: Bool
  /// The dword at 0x100 is not zero.
  public var extendedList: Bool
  /// Id 0x000F is in the chain that starts at 0x100.
  public var capability: Bool

  /// A capability is in a list, so one without the other does not occur.
  var isPossible: Bool { extendedList || !capability }
}

/// The result of the ats decision at realize.
public struct ATSOutcome: Hashable, Sendable {
  /// The error of realize, without the `vfio NAME: ` prefix; nil when it does not fail here.
  public var error: ATSText?
  /// The message on QEMU's standard error, without `warning: `. There is at most one: each of the two excludes a
  /// condition of the other.
  public var warning: ATSText?
  /// The guest finds the ATS capability in the device's config space.
  public var guestSees = false
  /// QEMU asked the kernel whether ATS works.
  public var checked = false
}

/// The answer to step 3 of the decision: whether the guest's ATS is needed (QEMU hw/vfio/pci.c:
/// vfio_pci_ats_requested_and_supported).
enum ATSNeed: Hashable, Sendable {
  /// `ats=off`.
  case off
  /// The legacy backend cannot ask the kernel.
  case unchecked
  case supported
  case unsupported
  /// `ats=on`, and the kernel reports that ATS is unsupported: realize fails.
  case refused
}

/// The way that the decision took, for `ATSExplanation`. A step that QEMU does not get to is nil.
struct ATSTrace: Hashable, Sendable {
  /// Step 1: there is a standard capability list.
  var hasList: Bool?
  /// Step 3.
  var need: ATSNeed?
  /// Step 4: the extended capabilities are walked.
  var walks: Bool?
}

extension ATSCase {
  /// The result of the decision.
  public var outcome: ATSOutcome { decide().outcome }

  /// The decision, in the order of vfio_pci_add_capabilities (QEMU hw/vfio/pci.c); the numbers are the steps that
  /// `ATSExplanation` shows.
  func decide() -> (outcome: ATSOutcome, trace: ATSTrace) {
    var (outcome, trace) = (ATSOutcome(), ATSTrace())
    if behaviour == .none { return (untouched, trace) }
    trace.hasList = standardList
    guard standardList else { return (outcome, trace) }  // 1
    let need = self.need
    trace.need = need
    outcome.checked = [.supported, .unsupported, .refused].contains(need)
    if need == .refused {  // 3
      outcome.error = .notSupported
      return (outcome, trace)
    }
    // v3 warns before it knows whether there is a capability to mask.
    if behaviour == .v3, need == .unsupported { outcome.warning = .masked }
    trace.walks = express && extendedList
    guard express, extendedList else { return (outcome, trace) }  // 4
    let isNeeded = need == .unchecked || need == .supported
    outcome.guestSees = capability && isNeeded  // 5
    outcome.warning = outcome.warning ?? afterWalk(isNeeded)  // 6
    return (outcome, trace)
  }

  private var need: ATSNeed {
    if setting == .off { return .off }
    if backend == .legacy { return .unchecked }
    if !flagSet { return .supported }
    return setting == .on ? .refused : .unsupported
  }

  /// The mask warning, and the warning that there is no capability (QEMU hw/vfio/pci.c: vfio_add_ext_cap).
  private func afterWalk(_ needed: Bool) -> ATSText? {
    switch behaviour {
    case .v3: return needed && !capability ? .noCapability : nil
    case .shipped:
      if setting == .on, !capability { return .noCapability }
      return setting != .off && capability && !needed ? .masked : nil
    case .none: return nil
    }
  }

  /// QEMU without the property: giving it is an error, and the capability passes through.
  private var untouched: ATSOutcome {
    if setting != nil { return ATSOutcome(error: .noProperty) }
    return ATSOutcome(guestSees: standardList && express && extendedList && capability)
  }
}

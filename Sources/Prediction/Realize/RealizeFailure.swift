import Facts

/// The cause for which a device is not realized.
public enum FailureCause: String, Hashable, Sendable, CaseIterable {
  case badID, duplicateID, noDriver, unknownDriver, abstractDriver
  case busNotFound, wrongBusType, noPCIBus, classNotHotpluggable, busNotHotpluggable, migrating
  case crashingGlobal, badGlobal, badProperty, unknownProperty, noATSProperty
  case duplicateObjectID, missingIOMMUFDObject, wrongIOMMUFDObject, badDescriptor
  case descriptorWithoutID, realizedArgument
  /// A property of a device that is not vfio's, on which QEMU crashes.
  case crashingProperty
  /// A property of another device that QEMU refuses.
  case badOption
  /// KVM, which the host does not have, or does not let the user open.
  case noKVM
  /// An option that KVM refuses.
  case refusedByKVM
  /// `-cpu host` of a machine that TCG runs.
  case noHostProcessor
  /// Chassis and slot of a port that another has.
  case chassisTaken
  /// An IOMMU that the machine does not accept, or whose options contradict each other.
  case iommuRefused
  /// `aw-bits` that `intel-iommu` does not have.
  case badAddressWidth
  /// A machine type that this QEMU does not have.
  case unknownMachine
  /// An object whose id or descriptor QEMU refuses.
  case badObject
  case bootIndexTaken, acpiIndexTaken, onExpander
  case slotTaken, noSlot, functionZeroTaken, notMultifunction, slotNotHotpluggable
  case noHostGiven, noSuchHostDevice, descriptorWithoutIOMMUFD, balloonNotMediated
  case noGroup, groupNodeMissing, groupNodeDenied, inUse, groupNotViable, containerDenied
  case notBound, alreadyAttached, badToken, unsafeInterrupts, memoryLimit, memoryOnDisk, discardRefused
  case noCdev, cdevNodeMissing, cdevDenied, iommufdMissing, iommufdDenied, bindFails
  /// Another function of the group is behind an `arm-smmuv3` with `accel=on`.
  case groupOfAcceleratedSMMU
  case groupInSeveralSpaces, noVGARegion, badIDOverride, badMSIXRelocation, hotplugOfIGD, virtualFunctionWithoutPhysical, badClique
  /// `sriov-pf` of another device names this one, which cannot have virtual functions.
  case virtualFunctionsOfUser
  case displayRequired, onlyMigratable, badFailover, badROMFile
  case mixedBackends, noNesting, smmuRefuses, smmuIncompatible, iommuWithoutNotifier, iommuRefusesDevice
  /// `intel-iommu` without `caching-mode=on`.
  case cachingModeOff
  /// `aw-bits` of `intel-iommu` is larger than the width that the host maps.
  case addressWidthExceeded
  /// `intel-iommu` with `fsts=on`: the device uses the legacy backend.
  case firstStageWithoutIOMMUFD
  /// `intel-iommu` with `fsts=on`: the device is below a conventional bus.
  case firstStageBelowBridge
  case atsNotSupported, noDisplay, noMigration

  /// Whether the guest's IOMMU refuses the device, or vfio its IOMMU.
  public var isOfGuestIOMMU: Bool {
    [.smmuRefuses, .smmuIncompatible, .iommuWithoutNotifier, .iommuRefusesDevice].contains(self)
  }

  /// The property that a failure of this cause is about; nil where the cause does not determine it.
  public var property: String? {
    switch self {
    case .badID, .duplicateID, .virtualFunctionsOfUser: return "id"
    case .busNotFound, .wrongBusType, .busNotHotpluggable: return "bus"
    case .slotTaken, .noSlot, .functionZeroTaken, .notMultifunction, .slotNotHotpluggable: return "addr"
    case .noSuchHostDevice, .noGroup, .groupNodeMissing, .groupNodeDenied, .inUse, .alreadyAttached: return "host"
    case .badDescriptor, .descriptorWithoutID, .descriptorWithoutIOMMUFD: return "fd"
    case .badToken: return "vf-token"
    case .bootIndexTaken: return "bootindex"
    case .acpiIndexTaken: return "acpi-index"
    case .onExpander: return "bus"
    case .noVGARegion: return "x-vga"
    case .badMSIXRelocation: return "x-msix-relocation"
    case .virtualFunctionWithoutPhysical: return "sriov-pf"
    case .badClique: return "x-nv-gpudirect-clique"
    case .badFailover: return "failover_pair_id"
    case .badROMFile: return "romfile"
    case .bindFails, .missingIOMMUFDObject, .wrongIOMMUFDObject, .mixedBackends: return "iommufd"
    case .realizedArgument: return "realized"
    case .balloonNotMediated: return "x-balloon-allowed"
    case .noATSProperty, .atsNotSupported: return "ats"
    case .noDisplay: return "display"
    case .noMigration: return "enable-migration"
    default: return nil
    }
  }
}

/// One failure of realize, with QEMU's message text.
public struct RealizeFailure: Hashable, Sendable {
  /// The kind of failure.
  public let cause: FailureCause
  /// The text that QEMU prints after `-device …: `, and that `device_add` answers as `desc`. Where QEMU
  /// prints a descriptor's number, which only QEMU knows, the text says `fd=N`, `iommufd=M`.
  public let text: String
  /// The signal that QEMU, and the guest with it, crashes with; nil for an error that is answered.
  public let signal: String?
  /// The property that it is about; nil where there is none.
  public internal(set) var property: String?
  /// The device of the same machine that it conflicts with: for `mixedBackends` the one that attached first.
  public internal(set) var other: DeviceRequest?

  /// Whether the device's `acpi-index` is free after the refusal: QEMU refuses before the PCI core takes it, or after realize, which it
  /// reverts then (QEMU hw/pci/pci.c: pci_qdev_realize, pci_qdev_unrealize; recorded on 10.0.13 and 11.1.3). Before 8.0 the controller of
  /// ACPI takes it before realize, and only an unplug gives it back (QEMU hw/acpi/pcihp.c: acpi_pcihp_device_pre_plug_cb; recorded on
  /// 7.2.22).
  func leavesIndexFree(in qemu: QEMUProfile) -> Bool {
    // A size that is a number is checked later.
    if text.hasPrefix("ROM size ") { return false }
    switch cause {
    case .badID, .duplicateID, .noDriver, .unknownDriver, .abstractDriver, .busNotFound, .wrongBusType, .noPCIBus,
      .classNotHotpluggable, .busNotHotpluggable, .migrating, .crashingGlobal, .badGlobal, .badProperty, .unknownProperty,
      .noATSProperty, .duplicateObjectID, .missingIOMMUFDObject, .wrongIOMMUFDObject, .badDescriptor, .bootIndexTaken:
      return true
    case .virtualFunctionsOfUser, .badFailover, .badROMFile: return !qemu.isBefore(8, 0)
    default: return false
    }
  }

  /// - Parameter property: needed where the cause does not determine it.
  init(_ cause: FailureCause, property: String? = nil, _ text: String, signal: String? = nil) {
    self.cause = cause
    self.text = text
    self.signal = signal
    self.property = property ?? cause.property
  }
}

import Facts

/// The checks that a request goes through, in QEMU's order: the first that fails gives the error.
enum RealizeStep: CaseIterable {
  // key=value text, while the command line is read (QEMU util/qemu-option.c: qemu_opts_create)
  case keyvalID
  // objects are created before devices (QEMU backends/iommufd.c: iommufd_backend_set_fd, iommufd_backend_connect)
  case iommufdObject
  // before the device object exists (QEMU system/qdev-monitor.c: qdev_device_add_from_qdict); the driver is known to
  // be a vfio driver
  case pluggableClass, bus, hotplug, migrating, globals, machineHotplug, id
  // the object's properties, and the PCI core (QEMU hw/pci/pci.c: pci_qdev_realize, do_pci_register_device)
  case properties, slot, addressSpace
  // vfio's own realize (QEMU hw/vfio/pci.c: vfio_pci_realize)
  case hostGiven, hostExists, descriptor, balloon
  // the legacy backend (QEMU hw/vfio/container-legacy.c: vfio_legacy_attach_device)
  case groupSpace, group, groupNode, groupViable, legacySpace, container, legacyInterrupts, legacyMemory
  case balloonOfGroup, groupMember
  // the iommufd backend (QEMU hw/vfio/iommufd.c: iommufd_cdev_attach)
  case cdevFolder, cdevNode, iommufdNode, bindDevice, bindToken, bindGroup, bindOwner, bindInterrupts
  case iommufdSpace, nesting, smmuNesting, iommufdGroupSpace, iommufdMemory
  // the memory listener of both (QEMU hw/vfio/listener.c: vfio_listener_region_add)
  case missingNotifier
  // the function itself (QEMU hw/vfio/pci.c: vfio_pci_populate_device, vfio_pci_config_setup)
  case vgaRegion, overriddenIDs, msixRelocation, bars, graphicsQuirk
  // both again (QEMU hw/i386/intel_iommu.c: vtd_check_hiod)
  case hostNesting, firstStageBus, cachingMode, addressWidth, firstStageBackend, virtioIOMMU
  case smmuCompatibility
  // capabilities and the ats decision (QEMU hw/vfio/pci.c: vfio_pci_add_capabilities)
  case gpudirectClique, ats, opRegion
  // the rest of vfio_pci_realize
  case display, displayRequired, migration, onlyMigratable
  // the PCI core again, when the device is realized (QEMU hw/pci/pci.c: pci_qdev_realize)
  case virtualFunctions, failover, optionROM
  // the bus's hotplug controller, when all else is done (QEMU hw/pci/shpc.c: shpc_device_plug_common)
  case hotplugController
  // when all devices are made (QEMU hw/i386/intel_iommu.c: vtd_machine_done_hook)
  case machineDone
  // not a check of QEMU's: of another release none of these are certain
  case release

  /// The causes with which the step can fail.
  var causes: [FailureCause] {
    switch self {
    case .keyvalID, .id: return [.badID, .duplicateID]
    case .iommufdObject: return [.duplicateObjectID, .iommufdMissing]
    case .bus: return [.noPCIBus, .wrongBusType, .busNotFound]
    case .pluggableClass: return [.classNotHotpluggable]
    case .machineHotplug, .machineDone: return [.cachingModeOff]
    case .hotplug: return [.classNotHotpluggable, .busNotHotpluggable]
    case .migrating: return [.migrating]
    case .globals: return [.crashingGlobal, .badGlobal, .noATSProperty]
    case .properties:
      return [
        .badProperty, .unknownProperty, .noATSProperty, .wrongIOMMUFDObject, .missingIOMMUFDObject, .badDescriptor,
        .descriptorWithoutID, .realizedArgument, .bootIndexTaken,
      ]
    case .slot:
      return [
        .busNotHotpluggable, .badProperty, .acpiIndexTaken, .onExpander, .slotTaken, .noSlot, .functionZeroTaken,
        .notMultifunction,
      ]
    case .addressSpace: return [.smmuRefuses]
    case .hostGiven: return [.noHostGiven]
    case .hostExists: return [.noSuchHostDevice]
    case .descriptor: return [.descriptorWithoutIOMMUFD]
    case .balloon, .balloonOfGroup: return [.balloonNotMediated]
    case .groupSpace: return [.groupInSeveralSpaces]
    case .iommufdGroupSpace: return [.groupInSeveralSpaces, .groupOfAcceleratedSMMU]
    case .missingNotifier: return [.iommuWithoutNotifier]
    case .vgaRegion: return [.noVGARegion]
    case .overriddenIDs: return [.badIDOverride]
    case .msixRelocation: return [.badMSIXRelocation]
    case .bars: return [.virtualFunctionWithoutPhysical]
    case .graphicsQuirk: return [.hotplugOfIGD]
    case .gpudirectClique: return [.badClique]
    case .opRegion: return [.hotplugOfIGD]
    case .displayRequired: return [.displayRequired]
    case .onlyMigratable: return [.onlyMigratable]
    case .virtualFunctions: return [.virtualFunctionsOfUser]
    case .failover: return [.badFailover]
    case .optionROM: return [.badROMFile]
    case .group: return [.noGroup]
    case .groupNode: return [.groupNodeMissing, .groupNodeDenied, .inUse]
    case .groupViable: return [.groupNotViable]
    case .bindGroup: return [.groupNotViable, .noGroup]
    case .legacySpace, .iommufdSpace: return [.mixedBackends]
    case .container: return [.containerDenied]
    case .legacyInterrupts, .bindInterrupts: return [.unsafeInterrupts]
    case .legacyMemory, .iommufdMemory: return [.memoryLimit, .memoryOnDisk, .discardRefused]
    case .groupMember: return [.alreadyAttached, .notBound, .badToken]
    case .cdevFolder: return [.noCdev]
    case .cdevNode: return [.noCdev, .cdevNodeMissing, .cdevDenied]
    case .iommufdNode: return [.iommufdMissing, .iommufdDenied]
    case .bindDevice: return [.badDescriptor]
    case .bindToken: return [.badToken]
    case .bindOwner: return [.alreadyAttached, .bindFails, .inUse]
    case .nesting: return [.noNesting]
    // Never fails: it only is undecided.
    case .hostNesting, .release: return []
    case .firstStageBus: return [.firstStageBelowBridge]
    case .cachingMode: return [.cachingModeOff]
    case .addressWidth: return [.addressWidthExceeded]
    case .firstStageBackend: return [.firstStageWithoutIOMMUFD]
    case .virtioIOMMU: return [.iommuRefusesDevice]
    case .smmuNesting: return [.noNesting]
    case .smmuCompatibility: return [.smmuIncompatible]
    case .ats: return [.atsNotSupported]
    case .display: return [.noDisplay]
    case .migration: return [.noMigration]
    case .hotplugController: return [.slotNotHotpluggable]
    }
  }
}

/// One result of a step that does not simply succeed.
enum StepOutcome {
  case fails(RealizeFailure)
  /// - property: the property that is not decided, where the step is about several.
  case unknown(Unknown, property: String?)
}

/// A step that could not be decided.
struct UndecidedStep: Sendable {
  let step: RealizeStep
  let property: String?
  let unknown: Unknown
}

extension RealizeContext {
  /// The failures of one step, and the facts that it misses; empty when it succeeds.
  func outcomes(at step: RealizeStep, _ atsOutcome: PartialATSOutcome) -> [StepOutcome] {
    if step == .properties { return setProperties() }
    do throws(Unknown) {
      return try failure(at: step, atsOutcome).map { [.fails($0)] } ?? []
    } catch {
      return (step == .ats ? atsOutcome.missing : [error]).map { .unknown($0, property: nil) }
    }
  }

  /// - Throws: a fact that could not be inspected.
  private func failure(at step: RealizeStep, _ atsOutcome: PartialATSOutcome) throws(Unknown) -> RealizeFailure? {
    switch step {
    case .keyvalID: return keyvalID
    case .iommufdObject: return try iommufdObjects()
    case .pluggableClass: return pluggableClass
    case .machineHotplug: return try machineHotplug()
    case .bus: return try busLookup()
    case .hotplug: return try hotplug()
    case .migrating: return try migrating()
    case .globals: return try badGlobal()
    case .id: return qdevID
    case .properties: return nil
    case .slot: return try assignSlot()
    case .addressSpace: return try smmuAcceptance()
    case .hostGiven: return hostGiven
    case .hostExists: return try hostExists()
    case .descriptor: return try descriptorBackend()
    case .balloon: return balloon(afterGroup: false)
    case .balloonOfGroup: return balloon(afterGroup: true)
    case .legacySpace: return try backend.value == .legacy ? mixedBackends() : nil
    case .iommufdSpace: return try backend.value == .iommufd ? mixedBackends() : nil
    case .groupSpace: return try backend.value == .legacy ? try groupInSeveralSpaces() : nil
    case .iommufdGroupSpace: return try backend.value == .iommufd ? try groupInSeveralSpaces() : nil
    case .missingNotifier: return try missingNotifier()
    case .vgaRegion: return try vgaRegion()
    case .overriddenIDs: return overriddenIDs
    case .msixRelocation: return try msixRelocation()
    case .bars: return try bars()
    case .graphicsQuirk: return try graphicsQuirk()
    case .gpudirectClique: return try gpudirectClique()
    case .opRegion: return try opRegion()
    case .displayRequired: return try displayRequired()
    case .onlyMigratable: return try onlyMigratable()
    case .virtualFunctions: return try virtualFunctionsRefused()
    case .failover: return try failover()
    case .optionROM: return try optionROM()
    case .group, .groupNode, .groupViable, .container, .legacyInterrupts, .legacyMemory, .groupMember:
      guard try backend.value == .legacy else { return nil }
      return try LegacyAttach(context: self, device: try device.value).failure(at: step)
    case .cdevFolder, .cdevNode, .iommufdNode, .bindDevice, .bindToken, .bindGroup, .bindOwner,
      .bindInterrupts, .nesting, .iommufdMemory:
      guard try backend.value == .iommufd else { return nil }
      return try IOMMUFDAttach(context: self, device: device).failure(at: step)
    case .hostNesting, .firstStageBus, .cachingMode, .addressWidth, .firstStageBackend:
      return try vtdCheck(step)
    case .virtioIOMMU: return try virtioIOMMU()
    case .smmuNesting: return try smmuNesting()
    case .smmuCompatibility: return try smmuCompatibility()
    case .ats: return try atsOutcome.error.value.map { fails(.atsNotSupported, $0) }
    case .display: return try display()
    case .migration: return try migration()
    case .hotplugController: return try hotplugController()
    case .machineDone: return try machineDone()
    case .release: return try unmodelledRelease()
    }
  }

  /// - Throws: the realize of a release whose checks were not recorded.
  private func unmodelledRelease() throws(Unknown) -> RealizeFailure? {
    let release = try qemu.release.value
    if QEMUProfile.modelled.contains(release) { return nil }
    throw Unknown(
      "realize in QEMU \(release)", reason: "vfiogate knows \(QEMUProfile.modelled.map(\.description).joined(separator: ", "))")
  }
}

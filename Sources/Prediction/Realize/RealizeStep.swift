import Facts

/// The checks that a request goes through, in QEMU's order: the first that fails gives the error.
enum RealizeStep: CaseIterable {
  // key=value text, while the command line is read (QEMU util/qemu-option.c)
  case keyvalID
  // objects are made before devices (QEMU backends/iommufd.c)
  case iommufdObject
  // before the device object exists (QEMU system/qdev-monitor.c: qdev_device_add_from_qdict); that the driver
  // is one is clear already
  case bus, hotplug, migrating, globals, id
  // the object's properties, and the PCI core (QEMU hw/pci/pci.c)
  case properties, slot, addressSpace
  // vfio's own realize (QEMU hw/vfio/pci.c: vfio_pci_realize)
  case hostGiven, hostExists, descriptor, balloon
  // the legacy backend (QEMU hw/vfio/container-legacy.c)
  case group, groupNode, groupViable, legacySpace, container, legacyInterrupts, legacyMemory, groupMember
  // the iommufd backend (QEMU hw/vfio/iommufd.c)
  case cdevFolder, cdevNode, iommufdNode, bindDevice, bindToken, bindGroup, bindOwner, bindInterrupts
  case iommufdSpace, iommufdMemory
  // both again (QEMU hw/i386/intel_iommu.c: vtd_check_hiod)
  case viommu
  // the ats decision (QEMU hw/vfio/pci.c: vfio_pci_add_capabilities)
  case ats
  // what comes after it
  case display, migration
  // the bus's hotplug controller, when all else is done (QEMU hw/pci/shpc.c)
  case hotplugController
}

extension RealizeContext {
  /// What fails at one step; nil when nothing does.
  /// - Throws: what could not be looked at.
  func failure(
    at step: RealizeStep, _ forecast: PartialATSOutcome, _ unknowns: inout [Unknown]
  ) throws(Unknown) -> RealizeFailure? {
    switch step {
    case .keyvalID: return keyvalID
    case .iommufdObject: return try iommufdObjects()
    case .bus: return try busLookup()
    case .hotplug: return try hotplug()
    case .migrating: return try migrating()
    case .globals: return try badGlobal()
    case .id: return qdevID
    case .properties: return setProperties(&unknowns)
    case .slot: return try placeOnBus()
    case .addressSpace: return try addressSpace()
    case .hostGiven: return hostGiven
    case .hostExists: return try hostExists()
    case .descriptor: return try descriptorBackend()
    case .balloon: return balloon
    case .group, .groupNode, .groupViable, .legacySpace, .container, .legacyInterrupts, .legacyMemory,
      .groupMember:
      guard try backend.value == .legacy else { return nil }
      return try LegacyAttach(context: self, device: try device.value).failure(at: step)
    case .cdevFolder, .cdevNode, .iommufdNode, .bindDevice, .bindToken, .bindGroup, .bindOwner,
      .bindInterrupts, .iommufdSpace, .iommufdMemory:
      guard try backend.value == .iommufd else { return nil }
      return try IOMMUFDAttach(context: self, device: device).failure(at: step)
    case .viommu: return try vtdChecks(&unknowns)
    case .ats: return try forecast.error.value.map { fails(.atsNotSupported, $0) }
    case .display: return try display()
    case .migration: return try migration()
    case .hotplugController: return try hotplugController()
    }
  }
}

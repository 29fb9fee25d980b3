import Facts

/// Setting the properties of a new device, and the PCI core's checks after that.
extension RealizeContext {
  /// QEMU removes these before it sets properties.
  private static let notProperties = ["driver", "bus", "id"]

  /// Sets each property, as if the ones before it had been accepted: QEMU stops at the first failure.
  func setProperties() -> [StepOutcome] {
    let properties = request.properties
    var outcomes: [StepOutcome] = []
    for offset in PropertyOrder.sorted(of: request) {
      let name = properties[offset].name
      if RealizeContext.notProperties.contains(name) { continue }
      do throws(Unknown) {
        if var failure = try set(name, properties[offset].value) {
          failure.property = name
          outcomes.append(.fails(failure))
        }
      } catch {
        outcomes.append(.unknown(error, property: name))
      }
    }
    return outcomes
  }

  private func set(_ name: String, _ value: PropertyValue) throws(Unknown) -> RealizeFailure? {
    guard let property = VFIOProperties.property(name, of: driver) else {
      return RealizeFailure(.unknownProperty, "Property '\(driver).\(name)' not found")
    }
    if let failure = try existence(property) { return failure }
    let kind = property.kind(in: qemu)
    // libvirt passes a descriptor that it has opened.
    if name == "fd", request.libvirt != nil, case .unknown = value { return nil }
    if case .unknown(let text) = value { throw Unknown("value of \(name)", reason: "written as \(text)") }
    if let text = try PropertyChecks.refusal(name, value, kind: kind, of: request, in: qemu) {
      return RealizeFailure(.badProperty, text)
    }
    return try lookUp(name, value, kind)
  }

  /// The failure of a value that is accepted, and means nothing that this machine has.
  func lookUp(_ name: String, _ value: PropertyValue, _ kind: PropertyKind) throws(Unknown) -> RealizeFailure? {
    switch (kind, value) {
    case (.link, .string(let link)): return try resolve(link)
    case (.descriptor, .string(let text)): return try descriptor(text)
    case (.realized, _): return QEMUBool(value) == .on ? QEMUCrash.realized : nil
    case (.signed32, _) where name == "bootindex": return try bootIndex(value)
    case (.unsigned(bits: 8), _) where name == "x-nv-gpudirect-clique":
      guard let clique = QEMUNumber.index(value), clique > 15 else { return nil }
      return RealizeFailure(.badProperty, "Property \(name): valid range 0-15")
    default: return nil
    }
  }

  /// The failure of a property that this QEMU does not have.
  func existence(_ property: VFIOProperty) throws(Unknown) -> RealizeFailure? {
    if try property.exists(in: qemu) { return nil }
    return RealizeFailure(
      property.name == "ats" ? .noATSProperty : .unknownProperty, "Property '\(driver).\(property.name)' not found")
  }

  /// `iommufd=ID`, a link to an object that must be there already.
  private func resolve(_ link: String) throws(Unknown) -> RealizeFailure? {
    if link.isEmpty { return nil }
    if let object = object(link) {
      if object.type == "iommufd" { return nil }
      return RealizeFailure(.wrongIOMMUFDObject, "Invalid parameter type for 'iommufd', expected: iommufd")
    }
    if guest.ids[link] != nil || guest.buses[link] != nil || guest.otherBuses[link] != nil {
      return RealizeFailure(.wrongIOMMUFDObject, "Invalid parameter type for 'iommufd', expected: iommufd")
    }
    if let missing = machine.missingPart { throw Unknown("object `\(link)`", reason: missing) }
    return RealizeFailure(.missingIOMMUFDObject, "Device '\(link)' not found")
  }

  /// Resolves `fd` (QEMU monitor/fds.c: monitor_fd_param), before vfio's own realize.
  private func descriptor(_ text: String) throws(Unknown) -> RealizeFailure? {
    if case .undetermined(let unknown) = QEMUCrash.descriptorWithoutID(request, in: qemu) { throw unknown }
    let crash = request.id == nil && !qemu.isBefore(10, 1) ? QEMUCrash.withoutID : nil
    switch PassedDescriptor(text, request.plug) {
    case .number: return crash
    case .invalid:
      return RealizeFailure(
        .badDescriptor, "Could not parse \(qemu.isBefore(10, 1) ? "remote object" : "object") fd \(text):"
          + "Invalid file descriptor number '\(text)'")
    case .name:
      if descriptors[text]?.isKnown == true { return crash }
      // A name that resolves crashes QEMU when the id is missing, one that does not is answered.
      throw Unknown("descriptor `\(text)`", reason: "only the monitor knows which names getfd was given")
    }
  }

  /// The failure of an index that is too large, or that another device has: also one whose plug failed (QEMU
  /// hw/pci/pci.c: pci_qdev_realize; observed on 11.1.3). Before 8.0 ACPI's controller checks it, where it handles the bus (QEMU
  /// hw/acpi/pcihp.c: acpi_pcihp_device_pre_plug_cb; observed on 7.2.22).
  private func acpiIndex() throws(Unknown) -> RealizeFailure? {
    guard let number = number("acpi-index"), number > 0 else { return nil }
    if qemu.isBefore(8, 0) {
      // The machine itself plugs this one (QEMU hw/i386/pc.c: pc_get_hotplug_handler).
      if driver == "virtio-iommu-pci" { return nil }
      if let bus = try bus(), !(try bus.isHandledByACPI.value) { return nil }
    }
    if number > 16383 {
      return RealizeFailure(.badProperty, property: "acpi-index", "acpi-index should be less or equal to 16383")
    }
    if guest.acpiIndexes.contains(number) {
      return RealizeFailure(.acpiIndexTaken, "a PCI device with acpi-index = \(number) already exist")
    }
    guard guest.areIndexesKnown else { throw Unknown("acpi-index \(number)", reason: "QEMU does not report those that are taken") }
    return nil
  }

  /// The failure of a `bootindex` that another device has (QEMU system/bootdevice.c: check_boot_index). -1 is none.
  private func bootIndex(_ value: PropertyValue) throws(Unknown) -> RealizeFailure? {
    guard let given = QEMUNumber.index(value), given >= 0 else { return nil }
    if request.history.changesBootIndexes {
      throw Unknown("bootindex \(given)", reason: "a `qom-set` may have changed those that are taken")
    }
    if guest.bootIndexes.contains(given) {
      return RealizeFailure(.bootIndexTaken, "The bootindex \(given) has already been used")
    }
    guard guest.areIndexesKnown else { throw Unknown("bootindex \(given)", reason: "QEMU does not report those that are taken") }
    return nil
  }

  /// The failure of a ROM size that is not a power of two (QEMU hw/pci/pci.c: pci_qdev_realize). All ones is the
  /// default.
  private var romSize: RealizeFailure? {
    guard let size = number("romsize"), size != 0xffff_ffff, size == 0 || size & (size - 1) != 0 else { return nil }
    return RealizeFailure(.badProperty, property: "romsize", "ROM size \(size) is not a power of two")
  }

  /// A natural number that the request or a `-global` gives; nil for any other value.
  func number(_ name: String) -> UInt64? { settings.natural(name) }

  /// The PCI core's checks, which run before vfio's own realize (QEMU hw/pci/pci.c: pci_qdev_realize).
  func assignSlot() throws(Unknown) -> RealizeFailure? {
    if let failure = try portHotplug() { return failure }
    if let failure = try acpiIndex() ?? romSize { return failure }
    if request.isPlacedByLibvirt { return nil }
    guard let bus = try bus(), let requested = QEMUSlot.requested(request) else { return nil }
    switch bus.assignDevfn(to: settings, driver: driver, requested: try requested.value, checksChosen: guest.checksChosenSlots) {
    case .at(let devfn):
      guard guest.makesVirtualFunctions, bus.unplacedDeviceCount == 0 else { return nil }
      return EmulatedSRIOV.of(settings, driver).flatMap { bus.refusal(of: $0, of: devfn) }
    case .refused(let cause, let text): return RealizeFailure(cause, text)
    case .undetermined(let unknown): throw unknown
    }
  }
}

extension DeviceRequest {
  /// The value of a property that is a natural number, as text too; nil for any other value.
  func natural(_ name: String) -> UInt64? {
    guard let value = value(name) else { return nil }
    let number = value.string.flatMap { QEMUNumber.integer($0, isUnsigned: true) } ?? QEMUNumber.integer(value)
    if case .natural(let natural)? = number { return natural }
    return nil
  }
}

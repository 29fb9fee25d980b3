import Facts

/// Objects `acpi-generic-initiator`, which give a NUMA node to a device (QEMU hw/acpi/pci.c).
extension MachineConfig {
  /// The refusal of the text of one (QEMU qapi/qom.json: AcpiGenericInitiatorProperties; acpi_generic_initiator_set_node).
  func refusal(ofInitiator object: ObjectRequest) -> (text: String, place: Location)? {
    guard object.type == "acpi-generic-initiator", libvirt == nil else { return nil }
    func value(_ name: String) -> Property? { object.properties.last { $0.name == name } }
    guard let device = value("pci-dev") else { return ("Parameter 'pci-dev' is missing", object.location) }
    if device.value.string == nil, !device.value.isOfShell {
      return ("Invalid parameter type for 'pci-dev', expected: string", device.location)
    }
    guard let node = value("node") else { return ("Parameter 'node' is missing", object.location) }
    let number: QEMUInteger?
    if object.isJSON {
      number = QEMUNumber.integer(node.value)
      if number == nil, !node.value.isOfShell { return ("Parameter 'node' expects uint64", node.location) }
    } else {
      guard let text = node.value.string, !node.value.isOfShell, !QEMUNumber.mayBeBinary(text, in: nil) else { return nil }
      number = QEMUNumber.integer(text)
      guard case .natural? = number else {
        return ("Parameter 'node' expects \(object.isVisited ? "integer" : "a uint64 value")", node.location)
      }
    }
    if case .natural(let number)? = number, number > UInt32.max { return ("Parameter 'node' expects uint32_t", node.location) }
    return unexpected(in: object, besides: ["pci-dev", "node"])
  }

  /// The end of QEMU at a node that no machine has: its setter does not refuse it, also where the guest runs (QEMU hw/acpi/pci.c:
  /// acpi_generic_initiator_set_node; observed on 11.1.3).
  func exit(ofInitiator object: ObjectRequest) -> LaunchFailure? {
    guard object.type == "acpi-generic-initiator", libvirt == nil, let (number, place) = node(of: object), number >= 128
    else { return nil }
    let text = "acpi-generic-initiator: Invalid NUMA node specified"
    return LaunchFailure(RealizeFailure(.badObject, text, signal: object.isAdded ? "exit status 1" : nil), at: place)
  }

  /// The number of the node; nil where there is none or it is not a natural number.
  private func node(of object: ObjectRequest) -> (number: UInt64, place: Location)? {
    guard let node = object.properties.last(where: { $0.name == "node" }),
      case .natural(let number)? = QEMUNumber.integer(of: node.value)
    else { return nil }
    return (number, node.location)
  }

  /// The refusal of one when ACPI's tables are made of a machine with nodes (QEMU hw/acpi/pci.c: build_acpi_generic_initiator).
  /// - Parameter guest: with all devices of the command line.
  func initiatorFailure(in guest: Guest, _ qemu: QEMUProfile) -> LaunchFailure? {
    let kind = MachineKind(self)
    guard libvirt == nil, kind == .q35 || kind == .i440fx || kind == .virt, hasACPI, let memory = MemoryOption(self, qemu)
    else { return nil }
    let nodes = NUMANodes.read(self, memory, qemu)
    guard nodes.isKnown, nodes.failure == nil, nodes.count > 0 else { return nil }
    for object in objects where object.type == "acpi-generic-initiator" && !object.isAdded {
      func failure(_ text: String, _ place: Location?) -> LaunchFailure {
        LaunchFailure(RealizeFailure(.badObject, "acpi-generic-initiator: " + text), at: place ?? object.location)
      }
      guard let (number, place) = node(of: object), let device = object.string("pci-dev"), !device.isEmpty else { return nil }
      if number >= nodes.count { return failure("Specified node \(number) is invalid.", place) }
      // Parts of the board have names too, and a path leads to any.
      guard !device.contains("/"), !["mch", "gpex_root"].contains(device) else { continue }
      let driver = guest.ids[device]
      if let driver, PCIDrivers.isPCI(driver) || !PCIDrivers.isKnown(driver) { continue }
      return failure("Specified device must be a PCI device.", object.properties.last { $0.name == "pci-dev" }?.location)
    }
    return nil
  }
}

import Facts
import Syntax

/// Refusals of PCI controllers, and of addresses on them, with libvirt's messages.
struct LibvirtControllerChecks {
  /// A bus of a controller: the connections that an address may ask of it, and its slots (libvirt src/conf/domain_addr.c:
  /// virDomainPCIAddressBusSetModel). A bus for devices takes those of PCI and of PCI Express alike where the address is given.
  struct Bus {
    let accepts: Set<String>
    let slots: ClosedRange<UInt64>

    init(_ accepts: String, slots: ClosedRange<UInt64>) {
      self.accepts = Set(accepts.split(separator: " ").map(String.init))
      self.slots = slots
    }
  }

  static let buses: [String: Bus] = [
    "pci-root": Bus("device pci-bridge pci-expander-bus", slots: 1...31),
    "pci-bridge": Bus("device pci-bridge", slots: 1...31),
    "pci-expander-bus": Bus("device pci-bridge", slots: 0...31),
    "pcie-root": Bus("device pci-bridge pcie-root-port dmi-to-pci-bridge pcie-expander-bus", slots: 1...31),
    "dmi-to-pci-bridge": Bus("device pci-bridge", slots: 0...31),
    "pcie-to-pci-bridge": Bus("device pci-bridge", slots: 1...31),
    "pcie-root-port": Bus("device pci-bridge pcie-switch-upstream-port pcie-to-pci-bridge", slots: 0...0),
    "pcie-switch-downstream-port": Bus("device pci-bridge pcie-switch-upstream-port pcie-to-pci-bridge", slots: 0...0),
    "pcie-switch-upstream-port": Bus("pcie-switch-downstream-port", slots: 0...31),
    "pcie-expander-bus": Bus("pcie-root-port dmi-to-pci-bridge", slots: 0...31)
  ]

  let reader: LibvirtReader
  /// The model of each controller by its index, up to the highest that is declared; libvirt fills the gaps.
  private var models: [Int: String] = [:]
  private var highest = 0
  /// Controllers with an index that an earlier one has.
  private var repeated: Set<Int> = []
  /// Devices whose address an earlier one has, with that one.
  private var doubled: [ObjectIdentifier: LibvirtDeviceElement] = [:]
  /// Whether the first USB controller is that of a PC's chip set.
  private let hasPIIX3USB: Bool
  /// The number of cells in `<cpu><numa>`.
  private let cells: Int

  init(_ devices: [LibvirtDeviceElement], of domain: XMLElement, _ reader: LibvirtReader) {
    self.reader = reader
    cells = domain.child("cpu")?.child("numa")?.children.filter { $0.qualifiedName == "cell" }.count ?? 0
    let usb = devices.first { $0.name == "controller" && $0.type == "usb" && $0.index == 0 }
    hasPIIX3USB = ["piix3-uhci", "default"].contains(usb?.element.value("model") ?? "default")
    for part in devices where part.name == "controller" && part.type == "pci" {
      guard let index = part.index else { continue }
      highest = max(highest, index)
      if models.updateValue(part.element.value("model") ?? "", forKey: index) != nil { repeated.insert(part.number) }
    }
    var taken: [UInt64: LibvirtDeviceElement] = [:]
    for part in devices {
      guard let address = LibvirtControllerChecks.address(part), !isOfPIIX3(part, address) else { continue }
      let place = address.slotOfBus << 3 | address.function
      if let first = taken[place] { doubled[ObjectIdentifier(part)] = first } else { taken[place] = part }
    }
  }

  /// The PCI address of a device that libvirt gives one: not of a console, which is the first serial port once more.
  static func address(_ part: LibvirtDeviceElement) -> LibvirtGuestAddress? {
    guard part.name != "console", part.addressType == "pci", part.element.value("model") != "none", let address = part.place
    else { return nil }
    return address.bus < 256 && address.slot < 32 && address.function < 8 ? address : nil
  }

  /// Whether it is one of the controllers that a PC's chip set has in slot 1, and that libvirt does not reserve (libvirt
  /// src/qemu/qemu_domain_address.c: qemuDomainCollectPCIAddress).
  private func isOfPIIX3(_ part: LibvirtDeviceElement, _ address: LibvirtGuestAddress) -> Bool {
    part.name == "controller" && (part.type == "ide" || part.type == "usb") && address.bus == 0 && address.slot == 1
  }

  /// The root bus's model; nil of machines that are not known to have one.
  var root: String? { reader.hasExpressRoot ? "pcie-root" : reader.isI440FX || reader.isPSeries ? "pci-root" : nil }

  private func model(_ bus: UInt64) -> String? {
    if let model = models[Int(clamping: bus)] { return model }
    guard bus <= highest, let root else { return nil }
    if bus == 0 || reader.isPSeries { return root }
    return reader.hasExpressRoot ? "pcie-root-port" : "pci-bridge"
  }

  func refusal(_ text: String, _ fix: String, _ place: Location) -> LibvirtRefusal {
    LibvirtRefusal(text: text, fix: fix, location: place)
  }

  // MARK: - Addresses

  /// The refusal of a device's address by the controller that it names (libvirt src/conf/domain_addr.c:
  /// virDomainPCIAddressValidate).
  func connection(of part: LibvirtDeviceElement) -> LibvirtRefusal? {
    guard part.name != "iommu", let address = LibvirtControllerChecks.address(part) else { return nil }
    func refusal(_ text: String, _ fix: String, other: Location? = nil) -> LibvirtRefusal {
      LibvirtRefusal(text: text, fix: fix, location: reader.location(address.element, part.path, "/address"), other: other)
    }
    if address.domain != 0 {
      return refusal("Invalid PCI address \(address.text). Only PCI domain 0 is available", "write `domain='0x0000'`")
    }
    if let text = refusalOfOwn(part, address) { return refusal(text, "take `<address>` out") }
    let first = doubled[ObjectIdentifier(part)]
    if first != nil || isTaken(address, from: part) {
      let other = first.flatMap { first in first.place.map { reader.location($0.element, first.path, "/address") } }
      return refusal(
        "Attempted double use of PCI Address \(address.text)", "give each device a slot or function of its own", other: other)
    }
    guard let model = model(address.bus), let bus = LibvirtControllerChecks.buses[model] else { return nil }
    if let (kind, text) = connection(part), !bus.accepts.contains(kind) {
      return refusal(
        "The device at PCI address \(address.text) cannot be plugged into the PCI controller with index='\(address.bus)'. It requires "
          + "a controller that accepts a \(text).",
        "name the bus of a controller that accepts it, or give no `<address>`: `\(model)` does not")
    }
    if address.slot < bus.slots.lowerBound {
      return refusal(
        "Invalid PCI address \(address.text). slot must be >= \(bus.slots.lowerBound)", "name a slot from 0x01")
    }
    if address.slot > bus.slots.upperBound {
      return refusal("Invalid PCI address \(address.text). slot must be <= 0", "write `slot='0x00'`: a port has one")
    }
    return nil
  }

  /// Whether the address is that of a bridge, of power management or of a controller in the machine's chip set. A PC has its own USB
  /// controller unless one of another model is declared (libvirt src/qemu/qemu_domain_address.c: qemuDomainValidateDevicePCISlotsPIIX3
  /// and qemuDomainValidateDevicePCISlotsQ35).
  private func isTaken(_ address: LibvirtGuestAddress, from part: LibvirtDeviceElement) -> Bool {
    guard address.bus == 0 else { return false }
    if reader.isI440FX, address.slot == 1, !isOfPIIX3(part, address) {
      return [0, 3].contains(address.function) || address.function == 2 && hasPIIX3USB
    }
    guard reader.definition.machine.isQ35, address.slot == 31 else { return false }
    return [0, 3].contains(address.function) || address.function == 2 && !isFirst(part, "sata")
  }

  private func isFirst(_ part: LibvirtDeviceElement, _ type: String) -> Bool {
    part.name == "controller" && part.type == type && part.index == 0
  }

  /// The refusal of an address for a controller that the chip set has elsewhere.
  private func refusalOfOwn(_ part: LibvirtDeviceElement, _ address: LibvirtGuestAddress) -> String? {
    func isElsewhere(_ slot: UInt64, _ function: UInt64) -> Bool {
      address.bus != 0 || address.slot != slot || address.function != function
    }
    if reader.definition.machine.isQ35, isFirst(part, "sata"), isElsewhere(31, 2) {
      return "Primary SATA controller must have PCI address 0:0:1f.2"
    }
    guard reader.isI440FX else { return nil }
    if isFirst(part, "ide"), isElsewhere(1, 1) { return "Primary IDE controller must have PCI address 0:0:1.1" }
    guard isFirst(part, "usb"), part.element.value("model") == "piix3-uhci", isElsewhere(1, 2) else { return nil }
    return "PIIX3 USB controller at index 0 must have PCI address 0:0:1.2"
  }

  /// The connection that a device asks for, and libvirt's name of it; nil of devices that are not checked.
  private func connection(_ part: LibvirtDeviceElement) -> (String, String)? {
    if part.name == "controller", part.type == "pci" {
      let model = part.element.value("model") ?? ""
      // Its device is a standard one where the address is given.
      if model == "pci-bridge" { return (model, "standard PCI device") }
      return model.hasSuffix("-root") || LibvirtControllerChecks.buses[model] == nil ? nil : (model, model)
    }
    guard part.isHostdevInterface || part.name == "hostdev" && (part.type == "pci" || part.type == "mdev") else { return nil }
    return ("device", reader.hasExpressRoot ? "PCI Express device" : "standard PCI device")
  }

  // MARK: - Controllers

  /// PCI controllers by the machine (libvirt src/qemu/qemu_postparse.c: qemuDomainControllerDefPostParse, and
  /// src/conf/domain_validate.c: virDomainControllerDefValidate).
  func refusals(of part: LibvirtDeviceElement) -> [LibvirtRefusal] {
    var found: [LibvirtRefusal] = []
    let model = part.element.value("model") ?? ""
    let place = reader.location(part.element, part.path)
    func refuse(_ text: String, _ fix: String) { found.append(refusal(text, fix, place)) }
    if let refusal = unknown(part.element["model"], part) { found.append(refusal) }
    if let index = part.index, let refusal = modelName(of: part, model, index) { found.append(refusal) }
    let isRoot = model == "pci-root" || model == "pcie-root"
    if isRoot, !reader.isPSeries, let index = part.index, index != 0 {
      refuse("pci-root and pcie-root controllers should have index 0", "write `index='0'`, or another model")
    }
    if isRoot, part.element.child("address") != nil {
      refuse("pci-root and pcie-root controllers should not have an address", "take its `<address>` out")
    }
    if part.index == 0, let root, !model.isEmpty, model != root {
      refuse(
        "The PCI controller with index='0' must be model='\(root)' for this machine type, but model='\(model)' was found instead",
        "write `model='\(root)'`, or use another machine type")
    }
    if model == "pci-expander-bus", reader.hasExpressRoot {
      refuse("pci-expander-bus controllers are only supported on 440fx-based machinetypes", "use a `pcie-expander-bus`")
    }
    if model == "pcie-expander-bus", reader.isI440FX {
      refuse("pcie-expander-bus controllers are not supported with this machine type", "use a q35 machine with `pcie-root`")
    }
    guard let index = part.index else { return found }
    if repeated.contains(part.number) {
      refuse("Multiple 'pci' controllers with index '\(index)'", "give each an index of its own")
    }
    if index > 255 { refuse("PCI controller index \(index) too high, maximum is 255", "write an index up to 255") }
    if let node = part.element.child("target")?.child("node").flatMap({ Int($0.text) }), node >= 0 {
      if node >= cells {
        refuse(
          "\(model) with index \(index) is configured for a NUMA node (\(node)) not present in the domain's <cpu><numa> array (\(cells))",
          "add the cell to `<cpu><numa>`, or take `<node>` out")
      } else if index == 0 {
        refuse("The PCI controller with index=0 can't be associated with a NUMA node", "take `<node>` out")
      }
    }
    return found + targetRefusals(part, model, index)
  }

  /// Numbers of a `<target>`, with their ranges and the models that have them (libvirt src/conf/domain_validate.c:
  /// virDomainControllerDefValidate, src/qemu/qemu_validate.c: qemuValidateDomainDeviceDefControllerPCI).
  private static let numbers: [(name: String, text: String, range: ClosedRange<UInt64>, models: [String])] = [
    ("chassisNr", "chassisNr", 1...255, ["pci-bridge"]),
    ("chassis", "chassis", 0...255, ["pcie-root-port", "pcie-switch-downstream-port"]),
    ("port", "port", 0...255, ["pcie-root-port", "pcie-switch-downstream-port"]),
    ("busNr", "busNr", 1...254, ["pci-expander-bus", "pcie-expander-bus"]),
    ("index", "target index", 0...30, ["pci-root"])
  ]

  private func targetRefusals(_ part: LibvirtDeviceElement, _ model: String, _ index: Int) -> [LibvirtRefusal] {
    guard let target = part.element.child("target"), LibvirtControllerChecks.buses[model] != nil else { return [] }
    let name = modelName(part, model)
    var found: [LibvirtRefusal] = []
    for (attribute, text, range, models) in LibvirtControllerChecks.numbers {
      guard let given = target[attribute], let number = LibvirtNumber.parse(given) else { continue }
      let place = reader.location(given, part.path, "/target")
      if !range.contains(number) {
        found.append(
          refusal(
            "PCI controller \(text) '\(number)' out of range - must be \(range.lowerBound)-\(range.upperBound)",
            "write a number from \(range.lowerBound) to \(range.upperBound)", place))
      } else if attribute == "index", (index == 0) != (number == 0) {
        found.append(
          refusal(
            "Only the PCI controller with index 0 can have target index 0, and vice versa",
            "write `index='0'` in the `<target>` of the controller 0 alone", place))
      } else if !models.contains(model) || attribute == "index" && !reader.isPSeries {
        found.append(invalid(attribute == "index" ? "targetIndex" : attribute, index, model, name, place))
      }
    }
    if let hotplug = target["hotplug"], !["pci-root", "pcie-root-port", "pcie-switch-downstream-port"].contains(model) {
      found.append(invalid("hotplug", index, model, name, reader.location(hotplug, part.path, "/target")))
    }
    if let node = target.child("node"), !["pci-expander-bus", "pcie-expander-bus"].contains(model),
      model != "pci-root" || !reader.isPSeries {
      found.append(invalid("numaNode", index, model, name, reader.location(node, part.path, "/target/node")))
    }
    return found
  }

  func invalid(_ option: String, _ index: Int, _ model: String, _ name: String, _ place: Location) -> LibvirtRefusal {
    refusal(
      "Option '\(option)' is not valid for PCI controller with index '\(index)', model '\(model)' and modelName '\(name)'",
      "take it out", place)
  }

  /// The QEMU device of a controller: the one given, or libvirt's choice.
  private func modelName(_ part: LibvirtDeviceElement, _ model: String) -> String {
    if let name = part.element.child("model")?.value("name") { return name }
    return LibvirtReader.bridge(model, nil) ?? (reader.isPSeries && model == "pci-root" ? "spapr-pci-host-bridge" : "none")
  }
}

extension LibvirtReader {
  /// Whether it is the machine `pc`.
  var isI440FX: Bool {
    let type = definition.machine.machineType?.value.string ?? ""
    return type == "pc" || type.hasPrefix("pc-i440fx-")
  }
}

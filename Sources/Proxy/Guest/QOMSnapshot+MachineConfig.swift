import Common
import Facts
import Syntax

/// The guest as a command line would describe it.
extension QOMSnapshot {
  /// The QEMU, as it reports its release and vfio-pci's properties.
  var profile: QEMUProfile {
    QEMUQuestion.profile(name: "the running QEMU", release: QEMUQuestion.release(of: version), listing: listing)
  }

  /// The running machine, as far as it matters to a plug.
  /// - Parameter plugged: host functions of devices that were plugged through the proxy, by id.
  func machine(source: String, globals: Known<[GlobalProperty]>, plugged: [WireText: PCIAddress]) -> MachineConfig {
    let place = Location(source: source, range: nil, path: "running")
    func property(_ name: String, _ value: PropertyValue) -> Property {
      Property(name: name, value: value, location: place)
    }
    var machine = MachineConfig(source: source, emulator: nil, missingPart: missing?.reason)
    switch globals {
    case .known(let globals): machine.globals = globals
    case .unknown(let unknown): machine.missingGlobals = unknown
    }
    if let type = machineType, type.hasSuffix("-machine") {
      machine.machine = [property("type", .string(String(type.dropLast(8))))]
    }
    if bypassesIOMMU { machine.machine.append(property("default-bus-bypass-iommu", .string("on"))) }
    if let name {
      let written = name.split(separator: ",", omittingEmptySubsequences: false).joined(separator: ",,")
      machine.options.append(property("name", .string("guest=\(written)")))
    }
    machine.objects = objects.map { id in
      ObjectRequest(
        properties: [property("qom-type", .string("iommufd")), property("id", .string(id))], location: place)
    }
    // All exist before the plug; QEMU does not report the order of their creation.
    let others = devices.filter { !$0.isIOMMU && ($0.isVFIO || $0.isExpander) }
    machine.devices = (devices.filter(\.isIOMMU) + others).map { device in
      var given: [(String, PropertyValue)] = [("driver", .string(device.type))]
      if let id = device.id { given.append(("id", .string(id))) }
      given += device.isVFIO ? vfio(device, plugged) : reportedProperties(of: device)
      return DeviceRequest(form: .json, plug: .cold, properties: given.map(property), location: place)
    }
    return machine
  }

  /// The properties that name the host function and the backend.
  private func vfio(_ device: Device, _ plugged: [WireText: PCIAddress]) -> [(String, PropertyValue)] {
    let known = properties[device.path] ?? [:]
    var given: [(String, PropertyValue)] = []
    if isByDescriptor(device) {
      let address = device.id.flatMap { plugged[WireText($0)] }
      given.append(address.map { ("host", .string($0.description)) } ?? ("fd", .unknown("a descriptor")))
    } else if let path = known["sysfsdev"]?.string, !path.isEmpty {
      given.append(("sysfsdev", .string(path)))
    } else {
      given.append(("host", .string(known["host"]?.string ?? "")))
    }
    switch known["iommufd"]?.string {
    case let link?: if !link.isEmpty { given.append(("iommufd", .string(link))) }
    // A QEMU without the property has the legacy backend only.
    case nil: if (try? listing.get()) == nil { given.append(("iommufd", .unknown("not reported"))) }
    }
    return given
  }

  /// Every property that QEMU reported.
  private func reportedProperties(of device: Device) -> [(String, PropertyValue)] {
    (properties[device.path] ?? [:]).sorted { $0.key < $1.key }.compactMap { name, value in
      switch value {
      case .bool(let flag): (name, .bool(flag))
      case .integer(let number): (name, .integer(number))
      case .string(let text): (name, .string(text))
      default: nil
      }
    }
  }
}

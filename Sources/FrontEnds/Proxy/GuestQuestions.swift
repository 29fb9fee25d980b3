import Facts
import Prediction
import QMP
import Syntax

/// What a running QEMU is asked about its guest before a plug, and what its answers come to.
struct GuestQuestions {
  typealias Answer = Result<JSON, CommandError>

  /// Asked first: what there is.
  static let first: [Command] = [
    Command("device-list-properties", ["typename": "vfio-pci"]), Command("query-pci"), Command("query-migrate"),
    Command("qom-list", ["path": "/machine/peripheral"]), Command("qom-list", ["path": "/machine/peripheral-anon"]),
    Command("qom-list", ["path": "/objects"]), Command("qom-get", ["path": "/machine", "property": "type"]),
    Command("query-name"), Command("qom-get", ["path": "/machine", "property": "default-bus-bypass-iommu"]),
  ]

  private struct Device {
    let path: String
    let id: String?
    let type: String
  }

  /// A property that was asked for, and QEMU's answer, nil for an error.
  private var properties: [String: [String: JSON]] = [:]
  private var asked: [(path: String, property: String)] = []
  private var devices: [Device] = []
  private let pci: JSON?
  private let missing: Unknown?
  let listing: Answer
  private let migration: JSON?
  private let objects: [String]
  private let machineType: String?
  private let name: String?
  private let bypassesIOMMU: Bool
  private let buses: [PCIBusReading]

  init(_ answers: [Answer]) {
    func value(_ index: Int) -> JSON? { index < answers.count ? try? answers[index].get() : nil }
    listing = answers.first ?? .failure(CommandError(errorClass: "GenericError", text: "no answer"))
    pci = value(1)
    migration = value(2)
    for (index, container) in [(3, "peripheral"), (4, "peripheral-anon")] {
      for (name, type) in GuestQuestions.children(value(index)) {
        let isNamed = container == "peripheral"
        devices.append(Device(path: "/machine/\(container)/\(name)", id: isNamed ? name : nil, type: type))
      }
    }
    objects = GuestQuestions.children(value(5)).filter { $0.type == "iommufd" }.map(\.name)
    machineType = value(6)?.string
    name = value(7)?["name"]?.string
    bypassesIOMMU = value(8) == .bool(true)
    missing = [3, 4, 5].contains { value($0) == nil } ? Unknown("guest's devices", reason: "QEMU did not list them") : nil
    buses = PCIBusReading.read(pci, root: GuestQuestions.rootBus(machineType))
  }

  /// `child<vfio-pci>` entries of a `qom-list`.
  private static func children(_ list: JSON?) -> [(name: String, type: String)] {
    (list?.array ?? []).compactMap { item in
      guard let name = item["name"]?.string, let type = item["type"]?.string, type.hasPrefix("child<") else { return nil }
      return (name, String(type.dropFirst(6).dropLast()))
    }
  }

  private static func rootBus(_ type: String?) -> String? {
    guard let type else { return nil }
    if type.hasPrefix("pc-q35-") || type.hasPrefix("virt-") { return "pcie.0" }
    return type.hasPrefix("pc-i440fx-") ? "pci.0" : nil
  }

  /// Asked second: properties of vfio devices, of the vIOMMU, and of the buses above the plug.
  mutating func second() -> [Command] {
    for device in devices where device.type.hasPrefix("vfio-pci") {
      for name in ["host", "sysfsdev", "iommufd"] { asked.append((device.path, name)) }
    }
    for device in devices where GuestQuestions.viommus.contains(device.type) {
      for name in GuestQuestions.viommuProperties { asked.append((device.path, name)) }
    }
    for device in devices where device.type.hasPrefix("pxb") { asked.append((device.path, "bypass_iommu")) }
    for device in devices.prefix(GuestQuestions.deviceLimit) {
      for name in ["parent_bus", "addr", "multifunction"] { asked.append((device.path, name)) }
    }
    let bridges = devices.filter { GuestQuestions.isBridge($0.type) }.prefix(GuestQuestions.deviceLimit)
    let root = GuestQuestions.rootBus(machineType)
    for bus in bridges.compactMap(\.id) + [root].compactMap({ $0 }) {
      for property in ["type", "hotplug-handler", "acpi-pcihp-bsel"] { asked.append((path(ofBus: bus), property)) }
      if bus != root { asked.append(("/machine/peripheral/\(bus)", "hotplug")) }
    }
    return asked.map { Command("qom-get", ["path": .string($0.path), "property": .string($0.property)]) }
  }

  mutating func take(_ answers: [Answer]) {
    for (question, answer) in zip(asked, answers) {
      if case .success(let value) = answer { properties[question.path, default: [:]][question.property] = value }
    }
  }

  /// A question takes QEMU about half a millisecond; with more devices the rest of the topology is unknown.
  private static let deviceLimit = 128

  private static func isBridge(_ type: String) -> Bool {
    ports.contains(type) || type.hasSuffix("bridge") || type.hasPrefix("pxb") || type.hasSuffix("-upstream")
  }

  private static let viommus: Set<String> = ["intel-iommu", "amd-iommu", "virtio-iommu-pci", "arm-smmuv3"]

  private static let viommuProperties = [
    "caching-mode", "fsts", "dma-remap", "device-iotlb", "dma-translation", "snoop-control", "primary-bus", "accel",
    "ats", "ril", "ssidsize", "oas",
  ]

  private func path(ofBus name: String) -> String {
    if name == GuestQuestions.rootBus(machineType) {
      return machineType?.hasPrefix("pc-i440fx-") == true ? "/machine/i440fx/\(name)" : "/machine/q35/\(name)"
    }
    return "/machine/peripheral/\(name)/\(name)"
  }

  /// vfio devices of which QEMU does not say which host function they are: given by descriptor.
  var vfioByDescriptor: [String?] {
    devices.filter { $0.type.hasPrefix("vfio-pci") && isByDescriptor($0) }.map(\.id)
  }

  private func isByDescriptor(_ device: Device) -> Bool {
    let known = properties[device.path]
    return (known?["host"]?.string ?? "ffff:ff:ff.f") == "ffff:ff:ff.f" && (known?["sysfsdev"]?.string ?? "").isEmpty
  }
}

/// As facts.
extension GuestQuestions {
  /// The running machine, as far as it matters to a plug.
  /// - Parameter plugged: host functions of devices that were plugged through here, by id.
  func machine(source: String, globals: [GlobalProperty], plugged: [String: PCIAddress]) -> MachineRequest {
    var machine = MachineRequest(source: source, emulator: nil, missingPart: missing?.reason)
    machine.globals = globals
    let place = Location(source: source, range: nil, path: "running")
    func property(_ name: String, _ value: PropertyValue) -> Property { Property(name: name, value: value, location: place) }
    if let type = machineType, type.hasSuffix("-machine") {
      machine.machine = [property("type", .string(String(type.dropLast(8))))]
    }
    if bypassesIOMMU { machine.machine.append(property("default-bus-bypass-iommu", .string("on"))) }
    if let name {
      let written = name.split(separator: ",", omittingEmptySubsequences: false).joined(separator: ",,")
      machine.options.append(property("name", .string("guest=\(written)")))
    }
    machine.objects = objects.map { id in
      ObjectRequest(properties: [property("qom-type", .string("iommufd")), property("id", .string(id))], location: place)
    }
    machine.devices = devices.compactMap { device in
      let matters = device.type.hasPrefix("vfio-pci") || device.type.hasPrefix("pxb")
      guard matters || GuestQuestions.viommus.contains(device.type) else { return nil }
      var given = [property("driver", .string(device.type))]
      if let id = device.id { given.append(property("id", .string(id))) }
      let known = properties[device.path] ?? [:]
      if device.type.hasPrefix("vfio-pci") {
        if let address = device.id.flatMap({ plugged[$0] }) {
          given.append(property("host", .string(address.description)))
        } else if isByDescriptor(device) {
          given.append(property("fd", .unknown("a descriptor")))
        } else {
          let isPath = !(known["sysfsdev"]?.string ?? "").isEmpty
          given.append(property(isPath ? "sysfsdev" : "host", .string((isPath ? known["sysfsdev"] : known["host"])?.string ?? "")))
        }
        switch known["iommufd"]?.string {
        case .some(let link): if !link.isEmpty { given.append(property("iommufd", .string(link))) }
        // A QEMU without the property has the legacy backend only.
        case nil: if (try? listing.get()) == nil { given.append(property("iommufd", .unknown("not told"))) }
        }
      } else {
        for (name, value) in known.sorted(by: { $0.key < $1.key }) {
          switch value {
          case .bool(let flag): given.append(property(name, .bool(flag)))
          case .integer(let number): given.append(property(name, .integer(number)))
          case .string(let text): given.append(property(name, .string(text)))
          default: break
          }
        }
      }
      return DeviceRequest(form: .json, plug: .cold, properties: given, location: place)
    }
    return machine
  }

  /// The guest's PCI topology.
  func guest() -> Guest {
    let buses = allBuses
    let types = Dictionary(devices.compactMap { device in device.id.map { ($0, device.type) } }, uniquingKeysWith: { a, _ in a })
    let all = buses.map { bus in
      let path = path(ofBus: bus.name)
      let type = types[bus.name] ?? ""
      let kind: GuestBus.Kind = bus.parent == nil ? .root : GuestQuestions.ports.contains(type) ? .port : .bridge
      let known = properties[path]
      let isExpress = known?["type"]?.string.map { $0 == "PCIE" }
      return GuestBus(
        bus.name, kind: kind, isExpress: isExpress ?? !(type == "pcie-pci-bridge" || type == "pci-bridge" || bus.name == "pci.0"),
        takesHotplug: takesHotplug(bus.name, known), parent: bus.parent,
        occupants: bus.occupants.mapValues { occupant in
          Occupant(
            driver: types[occupant.id] ?? occupant.description, id: occupant.id.isEmpty ? nil : occupant.id,
            isMultifunction: isMultifunction(occupant))
        })
    }
    let rootBus = GuestQuestions.rootBus(machineType)
    let isWhole = missing == nil && pci != nil && devices.count <= GuestQuestions.deviceLimit
    return Guest(
      buses: all,
      rootBus: rootBus.flatMap { isWhole ? .known($0) : nil } ?? .unknown("guest's PCI topology", "QEMU did not tell all of it"),
      ids: types, migrating: migrating)
  }

  /// What `query-pci` shows, which is only what firmware has numbered, and beside it where each device says
  /// that it is.
  private var allBuses: [PCIBusReading] {
    var found = Dictionary(buses.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    func name(_ device: Device) -> String? {
      properties[device.path]?["parent_bus"]?.string?.split(separator: "/").last.map(String.init)
    }
    for device in devices where GuestQuestions.isBridge(device.type) {
      guard let id = device.id, found[id] == nil else { continue }
      found[id] = PCIBusReading(name: id, parent: device.type.hasPrefix("pxb") ? nil : name(device))
    }
    for device in devices {
      guard let bus = name(device), found[bus] != nil, case .integer(let devfn)? = properties[device.path]?["addr"],
        0..<256 ~= devfn
      else { continue }
      found[bus]?.occupants[Int(devfn)] = PCIBusReading.Occupant(id: device.id ?? "", description: device.type)
    }
    return found.values.sorted { $0.name < $1.name }
  }

  private func isMultifunction(_ occupant: PCIBusReading.Occupant) -> Known<Bool> {
    if case .bool(let flag)? = properties["/machine/peripheral/\(occupant.id)"]?["multifunction"] { return .known(flag) }
    return .unknown("multifunction of \(occupant.id.isEmpty ? occupant.description : occupant.id)", "QEMU did not tell")
  }

  private static let ports: Set<String> = ["pcie-root-port", "ioh3420", "xio3130-downstream", "cxl-rp", "cxl-downstream"]

  /// QEMU system/qdev-monitor.c over QOM: without a handler no; by ACPI where the bus has a selector; by
  /// the port itself unless its `hotplug` is off (observed on 7.2 and 11.1.3).
  private func takesHotplug(_ name: String, _ known: [String: JSON]?) -> Known<Bool> {
    guard let handler = known?["hotplug-handler"]?.string else { return .unknown("hot plug into \(name)", "QEMU did not tell") }
    if handler.isEmpty { return .known(false) }
    if handler == "/machine/peripheral/\(name)" {
      return .known(properties[handler]?["hotplug"] != .bool(false))
    }
    return .known(known?["acpi-pcihp-bsel"] != nil)
  }

  private var migrating: Known<Bool> {
    guard let migration else { return .unknown("migration", "QEMU did not tell") }
    // QEMU migration/migration.c: migration_is_running; a status is absent before the first.
    let idle: Set<String> = ["none", "completed", "failed", "cancelled"]
    return .known(!idle.contains(migration["status"]?.string ?? "none"))
  }
}

/// One bus of a `query-pci`.
struct PCIBusReading {
  struct Occupant {
    let id: String
    let description: String
  }

  let name: String
  let parent: String?
  /// By slot times 8 plus function.
  var occupants: [Int: Occupant] = [:]

  static func read(_ pci: JSON?, root: String?) -> [PCIBusReading] {
    guard let all = pci?.array, let root else { return [] }
    var found: [PCIBusReading] = []
    // The machine's own bus is number 0; those of pxb-pcie have higher ones.
    for bus in all where bus["bus"] == .integer(0) { found += read(bus["devices"], name: root, parent: nil) }
    return found
  }

  private static func read(_ devices: JSON?, name: String, parent: String?, depth: Int = 0) -> [PCIBusReading] {
    var bus = PCIBusReading(name: name, parent: parent)
    var below: [PCIBusReading] = []
    for device in devices?.array ?? [] {
      guard case .integer(let slot)? = device["slot"], case .integer(let function)? = device["function"],
        0..<32 ~= slot, 0..<8 ~= function
      else { continue }
      let id = device["qdev_id"]?.string ?? ""
      bus.occupants[Int(slot * 8 + function)] = Occupant(id: id, description: device["class_info"]?["desc"]?.string ?? "device")
      if device["pci_bridge"] != nil, !id.isEmpty, depth < 32 {
        below += read(device["pci_bridge"]?["devices"], name: id, parent: name, depth: depth + 1)
      }
    }
    return [bus] + below
  }
}

import Facts
import Syntax

extension LibvirtReader {
  /// Slots with a function other than 0: there libvirt switches function 0's `multifunction` on, unless it is
  /// said to be off (libvirt src/conf/domain_addr.c: virDomainPCIAddressSetAllMulti).
  mutating func findSharedSlots(_ devices: [LibvirtDeviceElement]) {
    for case .some(let place) in devices.lazy.map(\.place) where place.function > 0 && place.bus < 256 {
      sharedSlots.insert(place.slotOfBus)
    }
  }

  /// Gives a device its place on a PCI bus; `bus` is unknown where libvirt chooses.
  /// - Returns: false when the address is of another kind: the device sits elsewhere.
  @discardableResult
  mutating func place(_ device: inout LibvirtDevice) -> Bool {
    if let type = device.part.addressType, type != "pci" { return false }
    guard let address = device.part.place else {
      device.set("bus", .unknown("an address that libvirt chooses"), at: device.location)
      return true
    }
    let path = device.path
    let whole = location(address.element, path, "/address")
    device.set("bus", bus(Int(clamping: address.bus)), at: location(address.busAttribute, path, "/address", or: whole))
    if let multifunction = address.multifunction, ["on", "off"].contains(multifunction.value) {
      device.set("multifunction", .bool(multifunction.value == "on"), at: location(multifunction, path, "/address"))
    } else if address.function == 0, sharedSlots.contains(address.slotOfBus) {
      device.set("multifunction", .bool(true), at: whole)
    }
    if let index = device.element.child("acpi")?["index"], let number = Int64(index.value) {
      device.set("acpi-index", .integer(number), at: location(index, path, "/acpi"))
    }
    device.set("addr", address.addr, at: location(address.slotAttribute, path, "/address", or: whole))
    return true
  }

  /// The name of a bus. libvirt adds the controllers that addresses need and the domain does not declare.
  mutating func bus(_ index: Int) -> String {
    if let name = buses[index] { return name }
    let name = index == 0 ? rootBus : isPSeries ? "pci.\(index).0" : "pci.\(index)"
    buses[index] = name
    return name
  }

  /// Whether it is a machine of POWER, whose further PCI buses are host bridges of their own.
  var isPSeries: Bool { definition.machine.machineType?.value.string?.hasPrefix("pseries") == true }

  /// Whether it is a machine of z/Architecture, whose devices are on channels.
  var isS390: Bool { definition.machine.emulator?.hasSuffix("s390x") == true }

  var hasExpressRoot: Bool {
    let type = definition.machine.machineType?.value.string ?? ""
    return type == "q35" || type.hasPrefix("pc-q35") || isVirt
  }

  /// Whether it is the machine `virt` of Arm, RISC-V or LoongArch.
  var isVirt: Bool {
    let type = definition.machine.machineType?.value.string ?? ""
    return type == "virt" || type.hasPrefix("virt-")
  }

  private var rootBus: String { hasExpressRoot ? "pcie.0" : "pci.0" }

  /// The first bus has QEMU's own name: `pci` on machines that can have one only, which a domain's text shows by the
  /// alias alone. Further ones of pSeries are named by QEMU, after their host bridges.
  private func rootBus(_ index: Int, alias: String?) -> String {
    if index > 0 { return (alias ?? "pci.\(index)") + ".0" }
    let isPC = definition.machine.machineType?.value.string?.hasPrefix("pc") == true
    return alias == "pci" && !isPC ? "pci" : "pci.0"
  }

  /// PCI controllers first, in the order of their indexes: others sit on them.
  mutating func readControllers(_ devices: [LibvirtDeviceElement]) {
    var controllers: [(index: Int, part: LibvirtDeviceElement)] = []
    for part in devices where part.name == "controller" && part.type == "pci" {
      controllers.append((part.index ?? controllers.count, part))
    }
    controllers.sort { $0.index < $1.index }
    for (index, part) in controllers {
      switch part.element.value("model") {
      case "pcie-root": buses[index] = "pcie.\(index)"
      case "pci-root": buses[index] = rootBus(index, alias: ownAlias(part.element))
      default: buses[index] = ownAlias(part.element) ?? "pci.\(index)"
      }
    }
    for (index, part) in controllers { readController(part, index: index) }
    addMissingControllers(devices, controllers)
  }

  private mutating func readController(_ part: LibvirtDeviceElement, index: Int) {
    let element = part.element
    let model = element.value("model") ?? ""
    guard let driver = LibvirtReader.bridge(model, element.child("model")?.value("name")) else {
      if let size = element.child("pcihole64"), let bytes = LibvirtNumber.bytes(size) {
        definition.machine.globals.append(
          GlobalProperty(
            driver: model == "pcie-root" ? "q35-pcihost" : "i440FX-pcihost", property: "pci-hole64-size",
            value: "\(bytes / 1024)K", location: location(size, part.path, "/pcihole64")))
      }
      return
    }
    var device = LibvirtDevice(part)
    device.set("driver", driver)
    target(&device, model, index)
    device.set("id", buses[index] ?? "pci.\(index)")
    place(&device)
    definition.machine.devices.append(device.request())
  }

  /// The driver of a controller that is a device; nil for those that are the machine's own.
  static func bridge(_ model: String, _ name: String?) -> String? {
    switch model {
    case "pci-bridge": return "pci-bridge"
    case "dmi-to-pci-bridge": return "i82801b11-bridge"
    case "pcie-to-pci-bridge": return "pcie-pci-bridge"
    case "pcie-root-port": return name == "ioh3420" ? "ioh3420" : "pcie-root-port"
    case "pcie-switch-upstream-port": return "x3130-upstream"
    case "pcie-switch-downstream-port": return "xio3130-downstream"
    case "pci-expander-bus": return "pxb"
    case "pcie-expander-bus": return "pxb-pcie"
    default: return nil
    }
  }

  private func target(_ device: inout LibvirtDevice, _ model: String, _ index: Int) {
    let target = device.element.child("target")
    let path = device.path
    func number(_ name: String) -> (Int64, Location)? {
      guard let attribute = target?[name], let value = LibvirtNumber.parse(attribute) else { return nil }
      return (Int64(clamping: value), location(attribute, path, "/target"))
    }
    func set(_ property: String, _ given: (Int64, Location)?, _ otherwise: Int64? = nil) {
      guard let value = given?.0 ?? otherwise else { return }
      device.set(property, .integer(value), at: given?.1)
    }
    switch model {
    case "pcie-root-port", "pcie-switch-downstream-port":
      set("port", number("port"))
      set("chassis", number("chassis"), Int64(index))
      if let hotplug = target?["hotplug"] {
        device.set("hotplug", .bool(hotplug.value == "on"), at: location(hotplug, path, "/target"))
      }
    case "pci-bridge": set("chassis_nr", number("chassisNr"), Int64(index))
    case "pci-expander-bus", "pcie-expander-bus":
      set("bus_nr", number("busNr"))
      if let node = target?.child("node"), let value = Int64(node.text) {
        device.set("numa_node", .integer(value), at: location(node, path, "/target/node"))
      }
    default: break
    }
    // In KiB, and bytes to QEMU.
    if let (size, place) = number("memReserve"), size < 1 << 50 {
      device.set("mem-reserve", .integer(size * 1024), at: place)
    }
  }

  /// libvirt fills the gaps below the highest controller, and below the highest bus that an address names.
  private mutating func addMissingControllers(
    _ devices: [LibvirtDeviceElement], _ controllers: [(index: Int, part: LibvirtDeviceElement)]
  ) {
    let declared = Set(controllers.map(\.index))
    var highest = (0, location: nil as Location?)
    if let last = controllers.last, last.index < 256 { highest = (last.index, location(last.part.element, last.part.path)) }
    for part in devices {
      guard let place = part.place, place.bus < 256, Int(place.bus) > highest.0 else { continue }
      highest = (Int(place.bus), location(place.element, part.path, "/address"))
    }
    guard let place = highest.location, highest.0 > 0 else { return }
    // Host bridges of a POWER machine are its own, and `bus` names them.
    if isPSeries { return }
    for index in 1...highest.0 where !declared.contains(index) {
      let properties: [(String, PropertyValue)] = [
        ("driver", .string(hasExpressRoot ? "pcie-root-port" : "pci-bridge")), ("id", .string("pci.\(index)")),
        ("bus", .unknown("an address that libvirt chooses")),
      ]
      definition.machine.devices.append(
        DeviceRequest(
          form: .json, plug: .cold,
          properties: properties.map { Property(name: $0.0, value: $0.1, location: place) }, location: place))
    }
  }
}

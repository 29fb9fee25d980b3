import Facts
import Syntax

extension LibvirtReader {
  /// `<hostdev>`, or `<interface type='hostdev'>` (libvirt src/qemu/qemu_command.c:
  /// qemuBuildPCIHostdevDevProps).
  mutating func readHostdev(_ part: LibvirtDeviceElement, plug: DeviceRequest.Plug) {
    let element = part.element
    let isInterface = part.name == "interface"
    definition.readElements.append(location(element, part.path))
    if !isInterface, let mode = element["mode"], mode.value != "subsystem" { return reportMode(part, mode) }
    if !isInterface, !LibvirtReader.hostdevTypes.contains(element.value("type") ?? "") { return reportType(part) }
    let id = plug == .hot ? ownAlias(element) : hostdevAlias(element)
    // An interface's network may have put the device aside, in a domain that runs.
    let actual = isInterface ? element.child("actual") : nil
    guard let source = (actual ?? element).child("source") else {
      if element.value("type") == "mdev" { return reportMediated(part, source: nil) }
      if isInterface || element.value("type") == "pci" {
        problem(
          "`<\(element.name)>` has no `<source>`, so it names no host device",
          fix: "add `<source><address domain= bus= slot= function=/></source>`", at: location(element, part.path))
      }
      return
    }
    let type = isInterface ? source.child("address")?.value("type") ?? "pci" : element.value("type")
    switch type {
    case "pci":
      readPCI(part, source: source, managed: actual ?? element, id: id, plug: plug)
    case "mdev": readMediated(part, source: source, id: id, plug: plug)
    default: break
    }
  }

  /// Types of a `<hostdev mode='subsystem'>` (libvirt src/conf/domain_conf.c: virDomainHostdevSubsys).
  private static let hostdevTypes: Set<String> = ["usb", "pci", "scsi", "scsi_host", "mdev"]

  /// libvirt src/conf/domain_conf.c: virDomainHostdevDefParseXML, src/qemu/qemu_validate.c: qemuValidateDomainDeviceDefHostdev.
  private mutating func reportMode(_ part: LibvirtDeviceElement, _ mode: XMLAttribute) {
    let isKnown = mode.value == "capabilities"
    let text = isKnown ? "hostdev mode 'capabilities' is not supported in qemu" : "unknown hostdev mode '\(mode.value)'"
    problem(
      "`<hostdev>` has the mode `\(mode.value)`: libvirt refuses it with `\(text)`", fix: "write `mode='subsystem'`",
      at: location(mode, part.path))
  }

  private mutating func reportType(_ part: LibvirtDeviceElement) {
    let type = part.element.value("type").map { "the type `\($0)`, which libvirt does not know" } ?? "no type"
    problem(
      "`<hostdev>` has \(type): libvirt refuses the domain", fix: "write `type='pci'` for a PCI device",
      at: location(part.element["type"], part.path, "", or: location(part.element, part.path)))
  }

  private mutating func readPCI(
    _ part: LibvirtDeviceElement, source: XMLElement, managed: XMLElement, id: String?, plug: DeviceRequest.Plug
  ) {
    let element = part.element
    let driver = element.child("driver")
    checkDriver(driver, part)
    if let network = source["network"], source.child("address") == nil {
      return readPooled(part, network, driver: driver, id: id, plug: plug)
    }
    var device = LibvirtDevice(part)
    let path = device.path
    guard let place = source.child("address") else {
      problem(
        "`<\(element.name)>` names no host device", fix: "add `<address domain= bus= slot= function=/>` to its `<source>`",
        at: location(source, path, "/source"))
      return
    }
    guard let host = hostAddress(place, path) else { return }
    var libvirt = LibvirtHostdev(
      isManaged: managed.value("managed") == "yes", driverModel: driver?.value("model"), source: host)
    libvirt.hasInitiatorNodes = element.child("acpi")?.value("nodeset") != nil
    libvirt.needsVirtualFunction = element.name == "interface" && element.child("virtualport") == nil
    if part.addressType == "unassigned" {
      definition.machine.libvirt?.unassigned[host] = libvirt
      return
    }
    let isEarly = element.value("ramfb") == "on"
    device.set("driver", isEarly ? "vfio-pci-nohotplug" : "vfio-pci")
    let hostPlace = location(place, path, "/source/address")
    let isIOMMUFD = driver?["iommufd"].map { $0.value == "yes" } ?? usesIOMMUFD
    if isIOMMUFD {
      let at = location(driver?["iommufd"], path, "/driver", or: hostPlace)
      addIOMMUFD(at: at)
      device.set("iommufd", "iommufd0", at: at)
      // libvirt opens the device and passes it; the number is its own affair.
      device.set("fd", .unknown("a descriptor that libvirt opens"), at: hostPlace)
    } else {
      device.set("host", host.description, at: hostPlace)
    }
    finish(&device, id: id)
    readPosted(&device, driver, id: id)
    append(device.request(libvirt, plug: plug))
  }

  /// libvirt starts QEMU with VFIO only (libvirt src/hypervisor/virhostdev.c, src/qemu/qemu_command.c:
  /// qemuBuildPCIHostdevDevProps; observed on 9.0: `invalid PCI passthrough type 'kvm'`).
  private mutating func checkDriver(_ driver: XMLElement?, _ part: LibvirtDeviceElement) {
    guard let name = driver?["name"], name.value != "vfio" else { return }
    problem(
      "`<\(part.element.name)>` has the driver `\(name.value)`: libvirt starts QEMU with `vfio` only, and refuses the domain",
      fix: "remove `name`, or write `name='vfio'`", at: location(name, part.path, "/driver"))
  }

  /// One of the functions that a network has, which libvirt chooses at the start.
  private mutating func readPooled(
    _ part: LibvirtDeviceElement, _ network: XMLAttribute, driver: XMLElement?, id: String?,
    plug: DeviceRequest.Plug
  ) {
    var device = LibvirtDevice(part)
    device.set("driver", "vfio-pci")
    device.set("host", .unknown("a function of the network `\(network.value)`"), at: location(network, part.path, "/source"))
    finish(&device, id: id)
    let isManaged = pools[network.value]?.isManaged == true
    append(device.request(LibvirtHostdev(isManaged: isManaged, driverModel: driver?.value("model")), plug: plug))
  }

  /// A mediated device, which QEMU takes by its path.
  private mutating func readMediated(
    _ part: LibvirtDeviceElement, source: XMLElement, id: String?, plug: DeviceRequest.Plug
  ) {
    let element = part.element
    guard let uuid = source.child("address")?["uuid"] else { return reportMediated(part, source: source) }
    let model = element.value("model") ?? "vfio-pci"
    var device = LibvirtDevice(part)
    device.set("driver", element.value("ramfb") == "on" && model == "vfio-pci" ? "vfio-pci-nohotplug" : model)
    device.set("sysfsdev", "/sys/bus/mdev/devices/\(uuid.value)", at: location(uuid, part.path, "/source/address"))
    if model == "vfio-pci" {
      // libvirt src/qemu/qemu_postparse.c: qemuDomainHostdevDefMdevPostParse.
      if element["display"] == nil { device.set("display", "off") }
      finish(&device, id: id)
    } else {
      // The s390 kinds, which have no slot on a PCI bus.
      device.set("id", id.map(PropertyValue.string) ?? .unknown("an alias that libvirt chooses"))
    }
    append(device.request(LibvirtHostdev(isManaged: false, driverModel: nil), plug: plug))
  }

  /// libvirt refuses a mediated device without its uuid (src/conf/domain_conf.c:
  /// virDomainHostdevSubsysMediatedDevDefParseXML).
  private mutating func reportMediated(_ part: LibvirtDeviceElement, source: XMLElement?) {
    problem(
      "`<hostdev type='mdev'>` has no uuid, so it names no mediated device: libvirt refuses it with `Missing required "
        + "attribute 'uuid' in element 'address'`",
      fix: "add `<source><address uuid='UUID'/></source>`, with the name of a folder in /sys/bus/mdev/devices",
      at: source.map { location($0, part.path, "/source") } ?? location(part.element, part.path))
  }

  /// A posted patch has `ats` here; it is taken as meant, and a rule says that it may be dropped.
  private mutating func readPosted(_ device: inout LibvirtDevice, _ driver: XMLElement?, id: String?) {
    let path = device.path
    if let driver, let ats = driver["ats"] {
      device.set("ats", ats.value, at: location(ats, path, "/driver"))
      unsupported(ats, path, "/driver", of: id)
    }
    unsupported(driver?["vpasidCapOffset"], path, "/driver", of: id)
    guard let offset = device.element.child("vpasidCapOffset") ?? driver?.child("vpasidCapOffset") else { return }
    let place = location(offset, path, "/vpasidCapOffset")
    let unsupported = UnsupportedLibvirtAttribute(name: offset.name, value: offset.text, id: id, location: place)
    definition.machine.unsupportedAttributes.append(unsupported)
  }

  /// Properties of both kinds: the id, those that the guest's firmware sees, the guest address, the ROM.
  private mutating func finish(_ device: inout LibvirtDevice, id: String?) {
    let element = device.element
    if let id {
      device.set("id", id)
    } else {
      device.set("id", .unknown("an alias that libvirt chooses"))
    }
    if let pair = element.child("teaming")?["persistent"] {
      device.set("failover_pair_id", pair.value, at: location(pair, device.path, "/teaming"))
    }
    if let order = element.child("boot")?["order"], let number = Int64(order.value) {
      device.set("bootindex", .integer(number), at: location(order, device.path, "/boot"))
    }
    if let display = element["display"] { device.set("display", display.value, at: location(display, device.path)) }
    if let ramfb = element["ramfb"], ramfb.value == "on" {
      device.set("ramfb", .bool(true), at: location(ramfb, device.path))
    }
    place(&device)
    readROM(&device)
  }

  private func readROM(_ device: inout LibvirtDevice) {
    guard let rom = device.element.child("rom") else { return }
    let path = device.path
    if let enabled = rom["enabled"], enabled.value == "no" {
      device.set("romfile", "", at: location(enabled, path, "/rom"))
      return
    }
    if let bar = rom["bar"] { device.set("rombar", .integer(bar.value == "on" ? 1 : 0), at: location(bar, path, "/rom")) }
    if let file = rom["file"] { device.set("romfile", file.value, at: location(file, path, "/rom")) }
  }

  mutating func append(_ request: DeviceRequest) {
    if request.plug == .hot { definition.plugs.append(request) } else { definition.machine.devices.append(request) }
  }

  /// One object serves all devices; libvirt opens /dev/iommu for it.
  private mutating func addIOMMUFD(at place: Location) {
    guard !definition.machine.objects.contains(where: { $0.id == "iommufd0" }) else { return }
    let values: [(String, PropertyValue)] = [
      ("qom-type", .string("iommufd")), ("id", .string("iommufd0")), ("fd", .unknown("a descriptor that libvirt opens")),
    ]
    definition.machine.objects.append(
      ObjectRequest(
        properties: values.map { Property(name: $0.0, value: $0.1, location: place) }, location: place))
  }

  /// A host function's address: each part a number in any base, what is missing 0.
  private mutating func hostAddress(_ element: XMLElement, _ part: LocationBase) -> PCIAddress? {
    var parts: [UInt64] = []
    for name in ["domain", "bus", "slot", "function"] {
      guard let attribute = element[name] else {
        parts.append(0)
        continue
      }
      guard let number = LibvirtNumber.parse(attribute) else {
        notANumber("`\(name)` of a host device", attribute, fix: "write it like `0x1f`",
          at: location(attribute, part, "/source/address"))
        return nil
      }
      parts.append(number)
    }
    guard parts[0] <= UInt64(UInt32.max), parts[1] < 256, parts[2] < 32, parts[3] < 8,
      let address = PCIAddress(
        domain: UInt32(parts[0]), bus: UInt8(parts[1]), slot: UInt8(parts[2]), function: UInt8(parts[3]))
    else {
      problem(
        "a host device's address is out of range: bus up to 0xff, slot up to 0x1f, function up to 7",
        fix: "name a function that the host has, as `lspci -D` lists them", at: location(element, part, "/source/address"))
      return nil
    }
    return address
  }
}

import Facts
import Prediction

/// Advice in the words of the definition: options of QEMU, elements of libvirt, lines of Proxmox, or QMP.
extension DeviceContext {
  /// Whether it is libvirt's `<hostdev>` or `<interface>`.
  var isLibvirtElement: Bool { request.libvirt?.source != nil }

  /// Whether it is Proxmox's `hostpciN:`.
  var isProxmoxKey: Bool { target.machine.proxmox != nil && request.location.path.hasPrefix("hostpci") }

  /// Options for `args:` of Proxmox, which has few keys of its own.
  private func arguments(_ property: String, _ value: String) -> String {
    prediction.setOption(property, value) ?? "-global vfio-pci.\(property)=\(value)"
  }

  /// Advice to set a property of the device for which neither libvirt nor Proxmox has an attribute or a key.
  func setOwn(_ property: String, _ value: String) -> String {
    let change = "set `\(property)=\(value)`"
    if isProxmoxKey { return change + " for the device: add `\(arguments(property, value))` to `args:`" }
    guard isLibvirtElement else { return change }
    // libvirt reads no override when it plugs a device.
    if !request.location.path.hasPrefix("/domain") {
      return "put the device into the domain's definition, and there " + change + ": "
        + LibvirtOverride.text(of: request.id, property, type: "string", value)
    }
    return change + " for the device: " + LibvirtOverride.text(of: request.id, property, type: "string", value)
  }

  /// Advice to give the device the iommufd backend; nil where the host or the QEMU has none, for which other advice is needed.
  var useIOMMUFD: String? {
    if hasNoIOMMUFD || hasNoCdev { return nil }
    if isLibvirtElement { return "write `<driver name='vfio' iommufd='yes'/>` for it, which libvirt 12.1 or newer reads" }
    let ids = target.machine.objects.lazy.filter { $0.type == "iommufd" }.compactMap(\.id)
    // A second object beside the one that there is would not do for the other functions of the group.
    if let id = ids.first, ids.allSatisfy({ $0 == id }) {
      return isProxmoxKey ? "add `\(arguments("iommufd", id))` to `args:`" : "give \(name) `iommufd=\(id)`"
    }
    let object = addObject("iommufd0")
    if isProxmoxKey { return "add `-object iommufd,id=iommufd0 \(arguments("iommufd", "iommufd0"))` to `args:`" }
    return request.plug == .hot ? "\(object), and give \(name) `iommufd=iommufd0`" : "\(object), and `iommufd=iommufd0` to \(name)"
  }

  /// Whether the host's kernel or the QEMU is known to have no iommufd.
  var hasNoIOMMUFD: Bool { target.hostNow.hasNoIOMMUFD || target.qemu.hasNoIOMMUFD }

  /// Whether the kernel gives no node for iommufd to a device that is bound to a vfio driver.
  private var hasNoCdev: Bool {
    guard let device = try? device(), (try? VFIODriver.isVFIO(device)) == true else { return false }
    return device.cdev == .known(nil)
  }

  /// Advice to create an iommufd object, with the command of the monitor for a plug.
  func addObject(_ id: String) -> String {
    if request.plug == .cold { return "add `-object iommufd,id=\(id)`" }
    return request.form == .keyval ? "type `object_add iommufd,id=\(id)` first"
      : "send `object-add` with `qom-type` `iommufd` and `id` `\(id)` first"
  }

  /// The maximum number of devices among which a free name and port are looked for.
  private static let searchLimit = 256

  /// Advice to put the device on a bus that is PCI Express to the guest; nil where it names nothing of the definition's.
  var useExpressPort: String? {
    let root = prediction.guest.rootBus.display.flatMap { $0 }.flatMap { prediction.guest.bus(named: $0) }
    // Without a PCI Express root the guest reads no extended config space, behind a port either.
    let isConventional = root?.isExpress == false
    if isLibvirtElement {
      return isConventional ? "use a q35 machine, and give the device no `<address>`"
        : "give the device no `<address>`, or one on a `pcie-root-port`"
    }
    if isProxmoxKey { return (isConventional ? "write `machine: q35`, and" : "write") + " `pcie=1` for the device" }
    if !isConventional, let port = prediction.guest.freePorts.first {
      return "put the device on the Express port that is free: `bus=\(port.name)`" + inSlotZero
    }
    guard let port = newPort else { return nil }
    // No port is plugged into a root bus.
    let machine = target.machine.proxmox != nil ? "write `machine: q35`, and " : "use `-machine q35`, and "
    return (isConventional ? machine : "")
      + (request.plug == .hot ? "start the machine with an Express port for the device: `\(port.option)`"
        : "put the device on an Express port: `\(port.option)` before it")
      + ", and `bus=\(port.id)`\(inSlotZero) for the device"
  }

  /// The option that function 0 of a slot needs; JSON accepts no text for it.
  var multifunction: String { request.form == .json ? "`\"multifunction\": true`" : "`multifunction=on`" }

  /// The end of advice to use another port: it has slot 0 alone, and no function 0 for a further function.
  var inSlotZero: String { request.has("addr") && requestedDevfn != 0 ? " without `addr`" : "" }

  /// Advice to start the machine with another port for a hot plug; nil where a port would not do, or libvirt chooses it.
  var useNewPort: String? {
    guard !isLibvirtElement, target.machine.proxmox == nil,
      let root = prediction.guest.rootBus.display.flatMap({ $0 }).flatMap({ prediction.guest.bus(named: $0) }), root.isExpress,
      let port = newPort
    else { return nil }
    return "start the machine with another port, `\(port.option)`, and plug the device with `bus=\(port.id)`\(inSlotZero); or unplug "
      + "a device first"
  }

  /// A port beside those of the machine; nil where it has so many devices that each would read all of them.
  private var newPort: (option: String, id: String)? {
    if target.machine.devices.count + target.requests.count > DeviceContext.searchLimit { return nil }
    let others = target.machine.devices + target.requests
    let id = DeviceContext.unused("rp", among: others.compactMap(\.id))
    let ports = others.filter { $0.driver == "pcie-root-port" || $0.has("chassis") }
    let chassis = DeviceContext.unused("", among: ["0"] + ports.compactMap { $0.property("chassis").map(DeviceContext.plain) })
    return ("-device pcie-root-port,id=\(id)\(ports.isEmpty ? "" : ",chassis=" + chassis)", id)
  }

  /// The text of a number, which JSON may have without quotes.
  private static func plain(_ property: Property) -> String {
    if case .integer(let number) = property.value { return "\(number)" }
    return property.value.string ?? ""
  }

  /// The prefix with the first number that makes it another text than the others.
  private static func unused(_ prefix: String, among taken: [String]) -> String {
    (0...taken.count).lazy.map { "\(prefix)\($0)" }.first { !taken.contains($0) } ?? prefix
  }

  /// Advice to hide ATS from the guest where libvirt or Proxmox, which have no attribute for it, write the options.
  var hideATSInDomain: String? {
    isProxmoxKey || isLibvirtElement ? setOwn("ats", "off") : nil
  }

  /// Advice to set a property of the guest's IOMMU.
  func set(_ property: String, _ value: String, of unit: DeviceRequest) -> String {
    let driver = unit.driver ?? "iommu"
    // The IOMMU of Proxmox's `viommu=`.
    if unit.location.path == "machine" { return "add `-global \(driver).\(property)=\(value)` to `args:`" }
    guard unit.isLibvirtIOMMU else { return "add `\(property)=\(value)` to `\(driver)`" }
    if let name = LibvirtOverride.attributes[property] { return "write `\(name)='\(value)'` in the `<driver>` of `<iommu>`" }
    // libvirt gives amd-iommu no id, which an override needs.
    return "with `xmlns:qemu`, add `<qemu:commandline><qemu:arg value='-global'/><qemu:arg value='\(driver).\(property)=\(value)'/>"
      + "</qemu:commandline>`"
  }
}

extension Host {
  /// Whether its kernel is known to have no iommufd, which no advice may name then.
  var hasNoIOMMUFD: Bool {
    if case .known(.some) = iommufdObstacle { return true }
    return false
  }
}

extension QEMUProfile {
  /// Whether it is known to have no iommufd, which came with 9.0.
  var hasNoIOMMUFD: Bool { properties.display.map { !$0.contains("iommufd") } ?? isBefore(9, 0) }
}

extension DeviceRequest {
  /// Whether it is libvirt's `<iommu>`.
  var isLibvirtIOMMU: Bool { location.path.contains("/devices/iommu") }
}

/// The ways of libvirt's XML to set a property of QEMU.
enum LibvirtOverride {
  /// The names of an IOMMU's properties (libvirt src/qemu/qemu_command.c: qemuBuildIOMMUCommandLine).
  static let attributes = ["caching-mode": "caching_mode", "device-iotlb": "iotlb", "aw-bits": "aw_bits"]

  /// The beginning of the element that sets a property without an attribute, of the device with that alias.
  static func text(of alias: String?, _ property: String, type: String, _ value: String) -> String {
    "with `xmlns:qemu`, `<qemu:override><qemu:device alias='\(alias ?? "…")'><qemu:frontend><qemu:property "
      + "name='\(property)' type='\(type)' value='\(value)'/>…`"
  }
}

extension RealizePrediction {
  /// The `-set` for a device of Proxmox; nil where none can name it: an id with a dot, as one of several functions has it, which a mapping
  /// that was not read may name.
  func setOption(_ property: String, _ value: String) -> String? {
    guard let id = request.id, !id.contains("."), host != nil else { return nil }
    return "-set device.\(id).\(property)=\(value)"
  }
}

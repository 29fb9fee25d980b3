import Facts
import Syntax

/// Refusals of a domain's text, with libvirt's messages, about PCI addresses, controllers, IOMMUs and host devices.
extension LibvirtReader {
  mutating func validate(_ domain: XMLElement, _ devices: [LibvirtDeviceElement]) {
    let controllers = LibvirtControllerChecks(devices, of: domain, self)
    for part in devices {
      validateAttributes(of: part.element, part.path)
      validateAddress(part)
      if let refusal = controllers.connection(of: part) { definition.machine.libvirt?.refusals.append(refusal) }
      if part.name == "controller", let index = part.element["index"], let number = Int32(part.element.value("index") ?? ""), number < 0 {
        refuse(
          "Invalid value for attribute 'index' in element 'controller': '\(number)'. Expected non-negative value",
          "write an index from 0", at: location(index, part.path))
      }
      switch part.name {
      case "controller" where part.type == "pci": definition.machine.libvirt?.refusals += controllers.refusals(of: part)
      case "controller": if let refusal = controllers.refusal(ofUntyped: part) { definition.machine.libvirt?.refusals.append(refusal) }
      case "hostdev" where part.element.value("mode") ?? "subsystem" == "subsystem": validateHostdev(part)
      case "interface": validateInterface(part)
      case "iommu": validateIOMMU(part)
      default: break
      }
    }
    validateZPCI(devices)
    validateTogether(domain, devices)
    validateOthers(devices, of: domain)
  }

  mutating func refuse(_ text: String, _ fix: String, at place: Location) {
    definition.machine.libvirt?.refusals.append(LibvirtRefusal(text: text, fix: fix, location: place))
  }

  /// Reports an address without a type, and numbers that are out of range (libvirt src/util/virpci.c: virPCIDeviceAddressIsValid).
  private mutating func validateAddress(_ part: LibvirtDeviceElement) {
    let isOnPCI = part.name == "hostdev" || part.isHostdevInterface || part.name == "controller" && part.type == "pci"
    if isOnPCI, part.addressType == nil, let address = part.element.child("address") {
      refuse("No type specified for device address", "write `type='pci'`", at: location(address, part.path, "/address"))
    }
    guard part.addressType == "pci", let address = part.place else { return }
    let place = location(address.element, part.path, "/address")
    if address.bus > 0xff {
      let bus = LibvirtNumber.hexadecimal(address.bus)
      refuse("Invalid PCI address bus='\(bus)', must be <= 0xFF", "name a bus up to 0xff", at: place)
    } else if address.slot > 0x1f {
      let slot = LibvirtNumber.hexadecimal(address.slot)
      refuse("Invalid PCI address slot='\(slot)', must be <= 0x1F", "name a slot up to 0x1f", at: place)
    } else if address.function > 7 {
      let function = LibvirtNumber.hexadecimal(address.function)
      refuse("Invalid PCI address function=\(function), must be <= 7", "name a function up to 7", at: place)
    }
  }

  /// Reports `<zpci>` of another architecture, and ids that z/Architecture does not have or that two devices share (libvirt
  /// src/qemu/qemu_validate.c: qemuValidateDomainDeviceDefZPCIAddress, src/conf/domain_addr.c: virDomainZPCIAddressReserveId).
  private mutating func validateZPCI(_ devices: [LibvirtDeviceElement]) {
    var taken: [String: Set<UInt64>] = [:]
    for part in devices where part.addressType == nil || part.addressType == "pci" {
      guard let address = part.element.child("address"), let zpci = address.child("zpci"), zpci["uid"] != nil || zpci["fid"] != nil
      else { continue }
      let place = location(address, part.path, "/address")
      guard isS390 else {
        refuse("This QEMU binary doesn't support zPCI", "take `<zpci>` out", at: place)
        continue
      }
      for name in ["uid", "fid"] {
        guard let number = zpci[name].flatMap(LibvirtNumber.parse) else { continue }
        if name == "uid", number == 0 || number > 0xffff {
          let digits = LibvirtNumber.padded(number, 4)
          refuse("Invalid PCI address uid='0x\(digits)', must be > 0x0000 and <= 0xffff", "name a uid from 0x1 to 0xffff", at: place)
        } else if !taken[name, default: []].insert(number).inserted {
          refuse(
            "zPCI \(name) \(String(number, radix: 8)) is already reserved",
            "give each device a \(name) of its own; the number in libvirt's message is octal", at: place)
        }
      }
    }
  }

  /// Guest addresses of host devices (libvirt src/qemu/qemu_validate.c and src/conf/domain_postparse.c).
  private mutating func validateHostdev(_ part: LibvirtDeviceElement) {
    if part.type == "mdev", part.element.value("model") ?? "vfio-pci" == "vfio-pci", let boot = part.element.child("boot") {
      refuse(
        "booting from assigned devices is not supported by mediated devices of model vfio-pci", "take `<boot>` out",
        at: location(boot, part.path, "/boot"))
    }
    validateOptions(of: part)
    guard let type = part.addressType, type != "pci" else { return }
    let place = location(part.element, part.path, "/address")
    if part.type == "pci", type != "unassigned" {
      refuse("PCI host devices must use 'pci' or 'unassigned' address type", "write `type='pci'`", at: place)
    } else if part.type == "mdev", part.element.value("model") == "vfio-pci" {
      refuse("Unsupported address type '\(type)' with mediated device model 'vfio-pci'", "write `type='pci'`", at: place)
    }
  }

  /// Attributes and addresses of an IOMMU (libvirt src/conf/domain_validate.c: virDomainIOMMUDefValidate).
  private mutating func validateIOMMU(_ part: LibvirtDeviceElement) {
    let place = location(part.element, part.path)
    if let model = part.element.value("model"), model == "intel" || model == "smmuv3", part.addressType != nil {
      refuse("iommu model '\(model)' can't have address", "take `<address>` out", at: place)
    }
    guard let model = part.element.value("model"), model == "virtio" || model == "smmuv3" else { return }
    let names = ["intremap", "caching_mode", "eim", "iotlb", "aw_bits", "dma_translation"]
    if let driver = part.element.child("driver"), let other = names.lazy.compactMap({ driver[$0] }).first {
      refuse(
        "iommu model '\(model)' doesn't support additional attributes", "take `\(other.name)` out",
        at: location(other, part.path, "/driver"))
    }
    guard model == "virtio", let type = part.addressType else { return }
    if type != "pci" {
      refuse("IOMMU device: 'virtio' needs a PCI address", "write `type='pci'`, or no `<address>`", at: place)
    } else if let address = part.place, address.bus > 0, address.bus < 256 {
      refuse(
        "The device at PCI address \(address.text) needs to be an integrated device (bus=0)", "put it on bus 0, or give no `<address>`",
        at: place)
    }
  }

  /// Reports conflicts between devices.
  private mutating func validateTogether(_ domain: XMLElement, _ devices: [LibvirtDeviceElement]) {
    let assigned = devices.filter { $0.name == "hostdev" && ($0.type == "pci" || $0.type == "mdev") }
    // libvirt src/conf/domain_addr.c: virDomainPCIAddressValidate and virDomainPCIAddressGetNextAddr.
    if ["isapc", "microvm"].contains(definition.machine.machineType?.value.string),
      !devices.contains(where: { $0.name == "controller" && $0.type == "pci" }),
      let part = devices.first(where: {
        ($0.isHostdevInterface || $0.name == "hostdev" && $0.type == "pci") && ($0.addressType ?? "pci") == "pci"
      }) {
      refuse("No PCI buses available", "use a machine with PCI", at: location(part.element, part.path))
    }
    let hasGraphics = devices.contains { $0.name == "graphics" }
    for part in assigned where part.element.value("display") == "on" && !hasGraphics {
      refuse(
        "graphics device is needed for attribute value 'display=on' in <hostdev>", "add `<graphics>`, or write `display='off'`",
        at: location(part.element, part.path))
    }
    for part in assigned.filter({ $0.element.value("ramfb") == "on" }).dropFirst() {
      refuse("Only one vgpu device can have 'ramfb' enabled", "keep `ramfb='on'` on one", at: location(part.element, part.path))
    }
    var mediated: Set<String> = []
    for part in assigned where part.type == "mdev" {
      guard let uuid = part.element.child("source")?.child("address")?.value("uuid") else { continue }
      if !mediated.insert(uuid.lowercased()).inserted {
        refuse("Hostdev already exists in the domain configuration", "assign each device once", at: location(part.element, part.path))
      }
    }
    // libvirt src/conf/domain_postparse.c: virDomainDefCollectBootOrder.
    var orders: Set<UInt64> = []
    for part in devices where LibvirtAttribute.bootable.contains(part.name) {
      guard let order = part.element.child("boot")?["order"], let number = LibvirtNumber.natural(order.value), number > 0
      else { continue }
      if !orders.insert(number).inserted {
        refuse(
          "boot order '\(number)' used for more than one device", "give each device an order of its own",
          at: location(order, part.path, "/boot"))
      }
    }
    // libvirt src/conf/domain_postparse.c: virDomainDefBootOrderPostParse.
    guard domain.child("os")?.child("boot") != nil,
      let ordered = devices.first(where: { $0.element.child("boot")?["order"] != nil })
    else { return }
    refuse(
      "per-device boot elements cannot be used together with os/boot elements",
      "take `<boot>` out of `<os>`, or `<boot order=>` out of the devices", at: location(ordered.element, ordered.path, "/boot"))
  }
}

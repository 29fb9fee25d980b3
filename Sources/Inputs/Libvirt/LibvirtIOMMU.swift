import Facts
import Syntax

extension LibvirtReader {
  /// `<iommu model=…>` (libvirt src/qemu/qemu_command.c: qemuBuildIOMMUCommandLine).
  /// - Parameter controllers: indices of the PCI controllers that the domain declares.
  mutating func readIOMMU(_ part: LibvirtDeviceElement, _ controllers: Set<Int>) {
    let driver = part.element.child("driver")
    switch part.element.value("model") {
    case "intel": readIntel(part, driver)
    case "amd": readAMD(part, driver)
    case "smmuv3": readSMMU(part, driver, controllers)
    case "virtio":
      var device = LibvirtDevice(part)
      // libvirt says `virtio-iommu`, QEMU's other name for it.
      device.set("driver", "virtio-iommu-pci")
      device.set("id", alias(part.element, "iommu"))
      if let driver, let granule = driver["granule"] { device.set("granule", granule.value, at: location(granule, part.path)) }
      place(&device)
      definition.machine.devices.append(device.request())
    default: break
    }
  }

  /// The form in which QEMU accepts an attribute: text, boolean, number.
  private enum Kind { case text, flag, number }

  private func set(
    _ device: inout LibvirtDevice, _ driver: XMLElement?, _ names: [(attribute: String, property: String, kind: Kind)]
  ) {
    guard let driver else { return }
    for (name, property, kind) in names {
      guard let attribute = driver[name] else { continue }
      let place = location(attribute, device.path, "/driver")
      switch kind {
      case .text: device.set(property, attribute.value, at: place)
      case .flag: device.set(property, .bool(attribute.value == "on"), at: place)
      case .number:
        guard let number = LibvirtNumber.parse(attribute) else { continue }
        device.set(property, .integer(Int64(clamping: number)), at: place)
      }
    }
  }

  private mutating func readIntel(_ part: LibvirtDeviceElement, _ driver: XMLElement?) {
    var device = LibvirtDevice(part)
    device.set("driver", "intel-iommu")
    device.set("id", alias(part.element, "iommu"))
    set(&device, driver, [
      ("intremap", "intremap", .text), ("caching_mode", "caching-mode", .flag), ("eim", "eim", .text),
      ("iotlb", "device-iotlb", .flag), ("aw_bits", "aw-bits", .number),
      ("dma_translation", "dma-translation", .flag),
    ])
    if hasManyVCPUs {
      for name in ["intremap", "eim"] where driver?[name] == nil { device.set(name, "on") }
    }
    definition.machine.devices.append(device.request())
  }

  /// Whether libvirt turns on extended interrupt mode by itself, since 10.10: in a q35 machine with more vCPUs than interrupts have
  /// destinations without it (libvirt src/qemu/qemu_postparse.c: qemuDomainNeedsIOMMUWithEIM).
  var hasManyVCPUs: Bool {
    definition.machine.isQ35 && definition.machine.libvirt?.maximumVCPUs ?? 1 > 255
  }

  /// Adds the IOMMU that libvirt gives such a machine without one (qemuDomainDefAddDefaultDevices).
  mutating func addIOMMU(to domain: XMLElement, _ devices: [LibvirtDeviceElement]) {
    guard hasManyVCPUs, !devices.contains(where: { $0.name == "iommu" }), let count = domain.child("vcpu") else { return }
    let place = location(count, LocationBase(source: source, path: "/domain"), "/vcpu")
    let properties = [("driver", "intel-iommu"), ("id", "iommu0"), ("intremap", "on"), ("eim", "on")]
    definition.machine.devices.append(
      DeviceRequest(
        form: .json, plug: .cold, properties: properties.map { Property(name: $0.0, value: .string($0.1), location: place) },
        location: place))
  }

  /// A PCI device that bears the alias, and the IOMMU that names it.
  private mutating func readAMD(_ part: LibvirtDeviceElement, _ driver: XMLElement?) {
    let id = alias(part.element, "iommu")
    var function = LibvirtDevice(part)
    function.set("driver", "AMDVI-PCI")
    function.set("id", id)
    place(&function)
    definition.machine.devices.append(function.request())
    var device = LibvirtDevice(part)
    device.set("driver", "amd-iommu")
    device.set("pci-id", id)
    set(&device, driver, [
      ("intremap", "intremap", .text), ("passthrough", "pt", .flag), ("xtsup", "xtsup", .flag),
      ("iotlb", "device-iotlb", .flag),
    ])
    definition.machine.devices.append(device.request())
  }

  /// One for the whole machine, or one for each root complex that `pciBus` names.
  /// A controller that libvirt adds itself is not a root complex.
  private mutating func readSMMU(_ part: LibvirtDeviceElement, _ driver: XMLElement?, _ controllers: Set<Int>) {
    guard let driver, let bus = driver["pciBus"] else {
      return option("iommu", "smmuv3", at: location(part.element, part.path))
    }
    let place = location(bus, part.path, "/driver")
    guard let index = LibvirtNumber.parse(bus), index < 256, index == 0 || controllers.contains(Int(index)) else {
      return problem(
        "`pciBus` is `\(bus.value)`, which is not the index of a controller", fix: "give the index of a `pcie-root` or a "
          + "`pcie-expander-bus`", at: place)
    }
    for name in ["ssidsize", "oas"] {
      guard let value = driver[name], LibvirtNumber.parse(value) == nil else { continue }
      notANumber("`\(name)`", value, fix: "write a decimal number", at: location(value, part.path, "/driver"))
    }
    var device = LibvirtDevice(part)
    device.set("driver", "arm-smmuv3")
    device.set("primary-bus", self.bus(Int(index)), at: place)
    let id = alias(part.element, "iommu")
    device.set("id", id)
    unsupported(driver["ssidSize"], part.path, "/driver", of: id)
    set(&device, driver, [
      ("accel", "accel", .flag), ("ats", "ats", .text), ("ril", "ril", .text), ("ssidsize", "ssidsize", .text),
      ("oas", "oas", .text), ("cmdqv", "cmdqv", .text),
    ])
    definition.machine.devices.append(device.request())
  }
}

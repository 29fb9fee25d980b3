import Facts
import Syntax

/// One device of the definition, as the rehearsal's.
struct PlannedDevice {
  /// An address that no host has: the last function of the last bus of the last domain.
  static let absentHost = "ffff:ff:1f.7"
  /// The same, as `sysfsdev`.
  static let absentDirectory = "/sys/bus/pci/devices/ffff:ff:1f.7"
  /// QEMU's text when a host device does not exist (QEMU hw/vfio/device.c: vfio_device_get_name): all before it was accepted.
  static let acceptedText = "no such host device"

  /// Properties of the PCI core and of qdev, which a substitute has too.
  static let placement: Set<String> = [
    "id", "bus", "addr", "multifunction", "acpi-index", "bootindex", "romfile", "rombar", "romsize", "failover_pair_id",
  ]
  /// A device of both kinds of bus, without a backend.
  static let substitute = "virtio-net-pci"
  /// Devices that connect to the host, by the beginning of the name.
  private static let hostDrivers = [
    "vhost-", "vfio-", "usb-host", "ccid-card-emulated", "tpm-", "ivshmem-doorbell", "virtio-gpu-rutabaga", "scsi-block",
    "scsi-generic", "loader", "guest-loader", "u2f-passthru", "usb-mtp", "xen-", "x-pci-proxy-dev", "can-host",
    "virtio-input-host", "sclpconsole-host", "pvrdma",
  ]
  /// Devices that need a backend, by the beginning of the name; a libvirt domain does not show its id.
  private static let backedDrivers = [
    "virtio-blk-pci", "virtio-9p-pci", "virtio-mem-pci", "virtio-pmem-pci", "virtio-crypto-pci", "ivshmem-plain", "nvme",
  ]
  /// Types of which a libvirt domain shows all properties but the NUMA node's, by the beginning of the name.
  private static let wholeDrivers = [
    "pcie-", "pci-bridge", "pxb", "ioh3420", "x3130-", "xio3130-", "i82801b11-", "intel-iommu", "amd-iommu", "virtio-iommu", "arm-smmuv3",
  ]
  /// Devices that need a renderer, and those without.
  private static let renderers = [
    "virtio-gpu-gl-pci": "virtio-gpu-pci", "virtio-vga-gl": "virtio-vga", "virtio-gpu-gl-device": "virtio-gpu-device",
  ]

  let request: DeviceRequest
  private var name: String { "`\(request.location.path)`" }

  init(_ request: DeviceRequest) { self.request = request }

  /// Whether QEMU takes the text as a host device's address, so that it can be replaced.
  static func isAddress(_ text: String) -> Bool { PCIAddress(text.split(separator: ":").count < 3 ? "0000:" + text : text) != nil }

  /// Whether QEMU does not have a type that the definition names.
  static func isAboutDefinitionsDriver(_ text: String) -> Bool {
    guard text.hasSuffix("is not a valid device model name") else { return false }
    let own = renderers.values + Substitute.drivers
    return !own.contains { text.hasPrefix("'\($0)'") } && !text.hasPrefix("'max-")
  }

  func add(to plan: inout RehearsalPlan) {
    if request.isVFIO { return addVFIO(to: &plan) }
    let driver = request.driver ?? ""
    let isOfDomain = plan.isOfDomain(request.location)
    let isWhole = !isOfDomain || PlannedDevice.wholeDrivers.contains(where: driver.hasPrefix)
    if !isWhole {
      // A place that libvirt chooses is free.
      if places.contains(where: \.value.isUnknown) { return plan.note(name, "left out: libvirt chooses its place", isUntried: true) }
      if PlannedDevice.backedDrivers.contains(where: driver.hasPrefix) {
        plan.note(name, "replaced by a device without a backend in the same place", isUntried: true)
        return plan.keep(
          "-device", text(places, driver: PlannedDevice.substitute), request.location, isChanged: true,
          model: (driver, PlannedDevice.substitute))
      }
    }
    if isHosts {
      plan.ask(BackendType(device: driver, request.location))
      guard let other = Substitute(for: driver) else {
        return plan.note(name, "left out: `\(driver)` connects to the host", isUntried: true)
      }
      plan.note(
        name, "replaced by a device without a backend in the same place: `\(driver)` connects to the host", isUntried: true)
      let kept = request.properties.filter { other.properties.contains($0.name) }
      return plan.keep("-device", text(kept, driver: other.driver), request.location, isChanged: true, model: (driver, other.driver))
    }
    var kept: [Property] = []
    var isChanged = !isWhole
    let isOfProcess = request.string("netdev").map(plan.networksOfProcesses.contains) ?? false
    for property in request.properties {
      let ofNetwork = isOfProcess && property.name == "tx_queue_size" ? "the network is replaced" : nil
      if let why = HostProperty.reason(property.name, property.value) ?? ofNetwork {
        plan.note("`\(property.name)` of \(name)", "left out: \(why)", isUntried: true)
        isChanged = true
        continue
      }
      if property.value.isUnknown { return plan.obstruct(unknown: "`\(property.name)` of \(name)") }
      // The domain's nodes are not tried.
      if isOfDomain, property.name == "numa_node" { continue }
      kept.append(property)
    }
    var model = driver
    if let plain {
      if PlannedDevice.renderers[driver] != nil {
        plan.note(name, "replaced by `\(plain)`: a renderer is the host's", isUntried: true)
      }
      (model, isChanged) = (plain, true)
    }
    plan.keep("-device", text(kept, driver: model), request.location, isChanged: isChanged)
  }

  /// The type in place of one that needs a renderer, or KVM.
  private var plain: String? {
    let driver = request.driver ?? ""
    if driver.hasPrefix("host-"), driver.hasSuffix("-cpu") { return "max" + driver.dropFirst(4) }
    return PlannedDevice.renderers[driver]
  }

  private var isHosts: Bool {
    PlannedDevice.hostDrivers.contains(where: (request.driver ?? "").hasPrefix) && !isWithoutConnection
  }

  /// Whether it lacks what it would connect to, so that QEMU refuses it before it opens anything (QEMU hw/virtio/vhost-user-fs.c:
  /// vuf_device_realize and the like, hw/virtio/vhost-vsock.c: vhost_vsock_device_realize).
  private var isWithoutConnection: Bool {
    let driver = request.driver ?? ""
    if driver.hasPrefix("vhost-vsock-") {
      return request.value("vhostfd") == nil
        && (request.value("guest-cid") == nil || request.string("guest-cid").flatMap { UInt64($0) }.map { $0 <= 2 } ?? false)
    }
    if driver.hasPrefix("vhost-scsi") { return request.value("vhostfd") == nil && request.value("wwpn") == nil }
    return driver.hasPrefix("vhost-user-") && request.value("chardev") == nil
  }

  private var places: [Property] { request.properties.filter { PlannedDevice.placement.contains($0.name) } }

  private func addVFIO(to plan: inout RehearsalPlan) {
    let own = request.properties.map { withoutHost($0, isDomain: plan.isDomain) { plan.spareDescriptor() } }
    for property in own where property.value.isUnknown { return plan.obstruct(unknown: "`\(property.name)` of \(name)") }
    let signature = own.filter { !PlannedDevice.placement.contains($0.name) && $0.name != "fd" }
      .map { "\($0.name)=\($0.value)" } + own.filter { ["fd", "id"].contains($0.name) }.map(\.name)
    let device = RehearsalPlan.VFIODevice(
      request: request, own: ["-device", text(own, driver: request.driver ?? "")],
      signature: signature.joined(separator: ","))
    plan.keep(device, substitute: ["-device", text(places + plan.placesOfGlobals(for: request), driver: PlannedDevice.substitute)],
      request.location)
  }

  /// The property with a host device that does not exist, or with a descriptor of the rehearsal's own.
  private func withoutHost(_ property: Property, isDomain: Bool = false, spare: () -> Int) -> Property {
    var value = property.value
    switch (property.name, value) {
    case ("host", .string(let text)) where PlannedDevice.isAddress(text): value = .string(PlannedDevice.absentHost)
    case ("host", .unknown): value = .string(PlannedDevice.absentHost)
    case ("sysfsdev", .string), ("sysfsdev", .unknown): value = .string(PlannedDevice.absentDirectory)
    // A name of getfd too, in a plug.
    case ("fd", .string(let text)) where Int(text) != nil || request.plug == .hot: value = .string("\(spare())")
    // libvirt opens the device.
    case ("fd", .unknown) where isDomain: value = .string("\(spare())")
    default: break
    }
    return Property(name: property.name, value: value, location: property.location)
  }

  /// The option's text, in the form that the definition has: JSON devices are created last.
  private func text(_ properties: [Property], driver: String) -> String {
    guard request.form == .json else {
      let items = complete(properties, driver).compactMap { property in
        OptionText.text(of: property.value).map { (property.name, $0) }
      }
      return OptionText.keyval(items)
    }
    return json(properties, driver: driver).text()
  }

  private func json(_ properties: [Property], driver: String) -> JSON {
    .object(
      complete(properties, driver).compactMap { property in
        OptionText.json(of: property.value).map { JSON.Member(property.name, $0) }
      })
  }

  private func complete(_ properties: [Property], _ driver: String) -> [Property] {
    var properties = properties.filter { $0.name != "driver" }
    if driver == PlannedDevice.substitute, request.driver != driver, !properties.contains(where: { $0.name == "romfile" }) {
      // Its own ROM need not be installed.
      properties.append(Property(name: "romfile", value: .string(""), location: request.location))
    }
    let model = request.driver == nil ? [] : [Property(name: "driver", value: .string(driver), location: request.location)]
    return model + properties
  }
}

extension PlannedDevice {
  /// Extent to which a plug of it is tried.
  var extent: RehearsalResult.Extent {
    if request.isVFIO { return .withoutHostDevice }
    let isWhole = !isHosts && request.properties.allSatisfy { HostProperty.reason($0.name, $0.value) == nil }
    return isWhole ? .whole : .replaced
  }

  /// The arguments of a plug without its host device, and those of what takes its place.
  func plug(spare: Int) -> (own: JSON, substitute: JSON?) {
    var number = spare
    let driver = request.driver ?? ""
    guard request.isVFIO else {
      let other = isHosts ? Substitute(for: driver) ?? .ofPCI : nil
      let kept = request.properties.filter { property in
        // A property of every device, which crashes (QEMU hw/core/qdev.c: device_set_realized).
        if property.name == "realized" { return true }
        // A network that was made for the plug allows fewer than one of another process.
        return other?.properties.contains(property.name)
          ?? (HostProperty.reason(property.name, property.value) == nil && property.name != "tx_queue_size")
      }
      return (json(kept, driver: other?.driver ?? plain ?? driver), nil)
    }
    let own = request.properties.map { withoutHost($0) { defer { number += 1 }; return number } }
    // QEMU keeps the acpi-index of a failed plug (QEMU hw/acpi/pcihp.c).
    let places = request.properties.filter { PlannedDevice.placement.contains($0.name) && $0.name != "acpi-index" }
    return (json(own, driver: driver), json(places, driver: PlannedDevice.substitute))
  }
}

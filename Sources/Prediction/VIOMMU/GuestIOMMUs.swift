import Facts

extension MachineConfig {
  /// What a device's property is set to, by itself or else by the last `-global` for its driver; nil when
  /// nobody gives it. Booleans are `on` and `off` in every spelling.
  public func setting(_ name: String, of device: DeviceRequest) -> Known<String?> {
    guard let property = device.property(name) else {
      let global = globals.last { $0.driver == device.driver && $0.property == name }
      return .known(global.map { MachineConfig.plain($0.value) })
    }
    switch property.value {
    case .bool(let flag): return .known(flag ? "on" : "off")
    case .string(let text): return .known(MachineConfig.plain(text))
    case .integer(let number): return .known("\(number)")
    case .unsigned(let number): return .known("\(number)")
    case .unknown(let text): return .unknown("\(name) of `\(device.driver ?? "device")`", "written as \(text)")
    default: return .known(nil)
    }
  }

  private static func plain(_ text: String) -> String {
    switch QEMUBool(text) {
    case .on: return "on"
    case .off: return "off"
    case .invalid, .undetermined: return text
    }
  }

  /// Where `-machine` or `-M` sets an option, in its several spellings.
  public func machineSetting(_ names: String...) -> Known<String?> {
    guard let property = machine.last(where: { names.contains($0.name) }) else { return .known(nil) }
    switch property.value {
    case .string(let text): return .known(MachineConfig.plain(text))
    case .unknown(let text): return .unknown("machine option \(property.name)", "written as \(text)")
    default: return .known(nil)
    }
  }
}

extension Guest {
  /// The guest's IOMMU that serves a device: arm-smmuv3 the root complex that is its `primary-bus`, any
  /// other all of them but those that bypass it (QEMU hw/pci/pci.c: pci_device_get_iommu_bus_devfn). A device
  /// that QEMU makes before the IOMMU is served by none, and none of its checks are made (observed on 11.1.3).
  public func viommu(for request: DeviceRequest, in machine: MachineConfig) throws(Unknown) -> DeviceRequest? {
    guard !iommus.isEmpty else { return nil }
    let name: String
    if let bus = request.bus { name = bus } else { name = try rootBus.value ?? "" }
    let root = path(from: name).last
    if let root, try bypasses(root, machine) { return nil }
    for unit in iommus {
      guard unit.driver == "arm-smmuv3" else { return unit }
      // A running QEMU gives the bus by its path.
      guard let primary = try machine.setting("primary-bus", of: unit).value?.split(separator: "/").last else {
        throw Unknown("primary-bus of `arm-smmuv3`", reason: "not given")
      }
      if let root, primary == root.name { return unit }
    }
    return nil
  }

  /// Whether a device has an address space of its own, as behind each IOMMU of x86 (observed on 11.1.3), into
  /// which all RAM is mapped while the guest does not translate. An accelerated SMMUv3 leaves its devices in
  /// the common one, where they are too without an IOMMU.
  public func hasOwnSpace(for request: DeviceRequest, in machine: MachineConfig) throws(Unknown) -> Bool {
    guard let unit = try viommu(for: request, in: machine) else { return false }
    guard isOrderKnown || request.plug == .hot else {
      throw Unknown("address space of `\(request.id ?? "device")`", reason: "QEMU does not tell what it made first")
    }
    return unit.driver != "arm-smmuv3"
  }

  /// Whether a driver is one of the IOMMUs that serve devices of a guest.
  public static func isIOMMU(_ driver: String) -> Bool {
    switch driver {
    case "intel-iommu", "amd-iommu", "arm-smmuv3", "virtio-iommu-pci": return true
    default: return false
    }
  }

  /// QEMU docs/bypass-iommu.txt.
  private func bypasses(_ root: GuestBus, _ machine: MachineConfig) throws(Unknown) -> Bool {
    if let expander = machine.devices.first(where: { $0.id == root.name }) {
      return try machine.setting("bypass_iommu", of: expander).value == "on"
    }
    return try machine.machineSetting("default_bus_bypass_iommu", "default-bus-bypass-iommu").value == "on"
  }
}

extension RealizeContext {
  var viommu: DeviceRequest? {
    get throws(Unknown) {
      // Most guests have none, and every check asks.
      guest.iommus.isEmpty ? nil : try guest.viommu(for: request, in: machine)
    }
  }

  func hasOwnSpace() throws(Unknown) -> Bool { try guest.hasOwnSpace(for: request, in: machine) }

  /// The PCI core asks the IOMMU whether it takes the device (QEMU hw/arm/smmuv3-accel.c:
  /// smmuv3_accel_supports_as).
  func addressSpace() throws(Unknown) -> RealizeFailure? {
    guard let unit = try viommu, unit.driver == "arm-smmuv3", try machine.setting("accel", of: unit).value == "on",
      try backend.value == .legacy
    else { return nil }
    return RealizeFailure(
      .smmuRefuses,
      "vfio-pci endpoint devices without an iommufd backend not allowed when using arm-smmuv3,accel=on")
  }

  /// QEMU hw/i386/intel_iommu.c and intel_iommu_accel.c, in the order observed on 11.1.3: the legacy backend
  /// is told about caching-mode first, whatever fsts says.
  func vtdChecks(_ unknowns: inout [Unknown]) throws(Unknown) -> RealizeFailure? {
    guard let unit = try viommu, unit.driver == "intel-iommu" else { return nil }
    let firstStage = try machine.firstStage(of: unit)
    let cachingMode = try machine.setting("caching-mode", of: unit).value == "on"
    if firstStage, try backend.value == .iommufd {
      unknowns.append(
        Unknown("host IOMMU's nesting", reason: "first-stage translation needs it, and where it works was never observed"))
      guard let bus = try bus(), guest.path(from: bus.name).contains(where: { !$0.isExpress }) else { return nil }
      return refused("Host device downstream to a PCI bridge is unsupported when fsts=on")
    }
    if !cachingMode {
      return refused("Device assignment is not allowed without enabling caching-mode=on for Intel IOMMU.")
    }
    if let failure = try addressWidth(of: unit) { return failure }
    return firstStage ? refused("Need IOMMUFD backend when fsts=on") : nil
  }

  private func addressWidth(of unit: DeviceRequest) throws(Unknown) -> RealizeFailure? {
    guard let host = try host.iommu(of: try device.value),
      let width = try self.host.mappedWidth(by: host, for: backend)
    else { return nil }
    let bits = try machine.addressWidth(of: unit, qemu)
    guard try width.isExceeded(by: bits) else { return nil }
    return refused("aw-bits \(bits) > host aw-bits \(try width.exact())")
  }

  /// First-stage translation asks the kernel for tables that a guest's can lie upon (QEMU hw/vfio/iommufd.c).
  func nestingRefused() throws(Unknown) -> RealizeFailure? {
    guard let unit = try viommu, unit.driver == "intel-iommu", try machine.firstStage(of: unit),
      let host = try host.iommu(of: try device.value), host.kind == .intel, try !self.host.nests(host).value
    else { return nil }
    return fails(.noNesting, "Failed to allocate hwpt: Operation not supported")
  }

  private func refused(_ text: String) -> RealizeFailure { fails(.viommuRefuses, "Failed to set vIOMMU: \(text)") }
}

extension MachineConfig {
  /// `fsts`, which was `x-flts` before it was stable.
  public func firstStage(of unit: DeviceRequest) throws(Unknown) -> Bool {
    if try setting("fsts", of: unit).value == "on" { return true }
    return try setting("x-flts", of: unit).value == "on"
  }

  /// `aw-bits` of an `intel-iommu`: 48 unless it is given, and 39 for the machine types up to 9.1 (QEMU
  /// hw/i386/pc.c: pc_compat_9_1).
  public func addressWidth(of unit: DeviceRequest, _ qemu: QEMUProfile) throws(Unknown) -> Int {
    if let given = try setting("aw-bits", of: unit).value {
      if let bits = Int(given) { return bits }
      throw Unknown("aw-bits", reason: "`\(given)` is no number")
    }
    for family in ["pc-q35-", "pc-i440fx-"] {
      if let version = version(after: family) { return version <= (9, 1) ? 39 : 48 }
    }
    switch try qemu.behaviour.value {
    case .shipped, .v3: return 48
    case .none: throw Unknown("default of aw-bits", reason: "it depends on the version of this QEMU")
    }
  }
}

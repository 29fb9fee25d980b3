import Facts

/// The memory devices of a machine and what they occupy, in the order in which QEMU creates them (QEMU hw/mem/pc-dimm.c: pc_dimm_pre_plug,
/// pc_dimm_realize; hw/mem/memory-device.c: memory_device_pre_plug; recorded from 7.2.22, 10.0.13 and 11.1.3).
struct MemoryDevices: Sendable {
  /// The result of creating a device.
  enum Outcome: Equatable {
    case added
    case refused(property: String, String)
    /// A value of the device, or of one before it, is not known.
    case unknown
  }

  static let drivers: Set<String> = ["pc-dimm", "nvdimm", "virtio-mem-pci", "virtio-pmem-pci"]

  private let qemu: QEMUProfile
  private let maximum: UInt64?
  /// Bytes for memory devices.
  private let space: UInt64
  private let slotCount: UInt64
  private let nodeCount: Int
  private let hasNVDIMM: Bool
  private var slots = SharedSet<UInt64>()
  /// The first slot that is free.
  private var firstFree: UInt64 = 0
  private var taken: UInt64 = 0
  private var places: MemoryPlaces
  /// Backends that are in use.
  private var used = SharedSet<String>()
  private var isKnown = true

  /// Nil for a machine without memory devices, or whose memory is not known.
  init?(_ machine: MachineConfig, _ memory: MemoryOption, _ qemu: QEMUProfile) {
    // Without ACPI there are none, which each says itself.
    guard [.q35, .i440fx].contains(MachineKind(machine)), machine.hasACPI else { return nil }
    self.qemu = qemu
    let size = MachineConfig.rounded(memory.size ?? MachineConfig.defaultMemory)
    maximum = memory.maximum.flatMap { $0 > size ? $0 : nil }
    space = (memory.maximum ?? 0) - min(memory.maximum ?? 0, size)
    slotCount = memory.maximum == nil ? 0 : memory.slots ?? 0
    nodeCount = max(1, machine.options.filter(\.isNUMANode).count)
    hasNVDIMM = machine.machine.last(where: { $0.name == "nvdimm" }).map { QEMUBool($0.value) == .on } ?? false
    places = MemoryPlaces(machine, memory)
    if let id = machine.machine.last(where: { $0.name == "memory-backend" })?.value.string { used.insert(id) }
    for option in machine.options where option.name == "numa" {
      for item in OptionText.items(option.value.string ?? "", implied: "type") where item.key == "memdev" { used.insert(item.value) }
    }
  }

  /// Whether a device has a backend.
  func uses(_ id: String) -> Bool { used.contains(id) }

  /// Adds a device, or refuses it.
  /// - Parameter backend: the object with an id; nil for one that is not known.
  mutating func add(_ device: DeviceRequest, backend: (String) -> ObjectRequest?) -> Outcome {
    let (outcome, part) = check(device, backend: backend)
    if outcome == .unknown { isKnown = false }
    guard let part else { return outcome }
    if let slot = part.slot {
      slots.insert(slot)
      while slots.contains(firstFree) { firstFree += 1 }
    }
    taken += part.size
    if let range = part.range { places.insert(device.id, range) }
    used.insert(part.backend)
    return outcome
  }

  /// The parts of a machine that a device occupies.
  struct Part {
    let slot: UInt64?
    let size: UInt64
    /// Nil where its address is not known.
    let range: Range<UInt64>?
    let backend: String
  }

  /// Checks a device. One that is refused occupies nothing.
  func check(_ device: DeviceRequest, backend: (String) -> ObjectRequest?) -> (outcome: Outcome, part: Part?) {
    guard isKnown else { return (.unknown, nil) }
    let driver = device.driver ?? ""
    let isModule = driver.hasSuffix("dimm")
    func refused(_ text: String, _ property: String = "driver") -> (Outcome, Part?) { (.refused(property: property, text), nil) }
    // A bus that is named is refused before.
    if isModule, device.has("bus") { return (.unknown, nil) }
    if driver == "nvdimm", let text = MemoryModule.labelRefusal(device) { return refused(text, "label-size") }
    if driver == "nvdimm", !hasNVDIMM { return refused("nvdimm is not enabled: missing 'nvdimm' in '-M'") }
    let link = device.value("memdev")
    if link == nil, !isModule, maximum != nil || qemu.isBefore(10, 0) { return refused("'memdev' property must be set") }
    var object: ObjectRequest?
    if let link {
      object = link.string.flatMap(backend)
      if object == nil { return (.unknown, nil) }
    }
    var slot: UInt64?
    if isModule {
      switch self.slot(of: device) {
      case .free(let free): slot = free
      case .none(let outcome): return (outcome, nil)
      }
      if link == nil { return refused("'memdev' property must be set") }
    } else if maximum == nil {
      return refused(
        qemu.isBefore(10, 0)
          ? "memory devices (e.g. for memory hotplug) are not enabled, please specify the maxmem option"
          : "the configuration is not prepared for memory devices (e.g., for memory hotplug), consider specifying the maxmem option")
    }
    guard let object, let id = object.id, let module = MemoryModule(device, object, qemu) else { return (.unknown, nil) }
    if let text = module.sizeRefusal { return refused(text) }
    if module.size > space - min(space, taken) {
      return refused(
        "not enough space, currently \(taken.hexadecimal) in use of total space for memory devices \(space.hexadecimal)")
    }
    if let unit = module.uneven { return refused("backend memory size must be multiple of \(unit)") }
    var range: Range<UInt64>?
    if let alignment = module.alignment, let address = module.address {
      switch places.place(at: address, size: module.size, alignment: alignment) {
      case .refused(let text): return refused(text, module.addressName)
      case .unknown: break
      case .free(let found): range = found
      }
    }
    if isModule || driver == "virtio-mem-pci", let given = device.value("node") {
      guard case .natural(let node)? = QEMUNumber.integer(of: given) else { return (.unknown, nil) }
      if node >= nodeCount {
        // QEMU hw/virtio/virtio-mem.c: virtio_mem_device_realize.
        let text = isModule ? "'DIMM property node has value \(node)' which exceeds the number of numa nodes: \(nodeCount)"
          : "'node' property has value '\(node)', which exceedsthe number of numa nodes: \(nodeCount)"
        return refused(text, "node")
      }
    }
    if used.contains(id) {
      let text = driver == "virtio-mem-pci" ? "'memdev' property specifies a busy memdev: " : "can't use already busy memdev: "
      return refused(text + id, "memdev")
    }
    if let text = module.blockRefusal { return refused(text) }
    return (.added, Part(slot: slot, size: module.size, range: range, backend: id))
  }

  private enum Slot {
    case free(UInt64)
    case none(Outcome)
  }

  /// QEMU hw/mem/pc-dimm.c: pc_dimm_get_free_slot.
  private func slot(of device: DeviceRequest) -> Slot {
    func refused(_ text: String, _ property: String) -> Slot { .none(.refused(property: property, text)) }
    let given = device.value("slot").map(QEMUNumber.integer(of:))
    if slotCount == 0 {
      guard case .some(.some(.natural(let slot))) = given else {
        return refused("no slots where allocated, please specify the 'slots' option", "driver")
      }
      return refused("invalid slot number \(slot), valid range is [0-\(UInt64.max)]", "slot")
    }
    guard let given else { return firstFree < slotCount ? .free(firstFree) : refused("no free slots available", "driver") }
    guard case .natural(let slot)? = given else { return .none(.unknown) }
    if slot >= slotCount { return refused("invalid slot number \(slot), valid range is [0-\(slotCount - 1)]", "slot") }
    return slots.contains(slot) ? refused("slot \(slot) is busy", "slot") : .free(slot)
  }
}

extension MachineConfig {
  /// The first refusal of a memory device that the machine starts with.
  func moduleFailures(_ memory: MemoryOption, _ qemu: QEMUProfile) -> [LaunchFailure] {
    // No address that a `-global` gives is modelled.
    guard !globals.contains(where: { MemoryDevices.drivers.contains($0.driver) && $0.property.hasSuffix("addr") }),
      var modules = MemoryDevices(self, memory, qemu)
    else { return [] }
    let areAllKnown = areObjectsKnown
    let backends = Dictionary(objects.compactMap { object in object.id.map { ($0, object) } }) { $1 }
    for device in devices where device.driver.map(MemoryDevices.drivers.contains) == true {
      switch modules.add(device.with(settings(ofType: device.driver ?? "", qemu)), backend: { areAllKnown ? backends[$0] : nil }) {
      case .added: continue
      case .unknown: return []
      case .refused(let property, let text):
        return [LaunchFailure(RealizeFailure(.badOption, property: property, text), of: device)]
      }
    }
    return []
  }
}

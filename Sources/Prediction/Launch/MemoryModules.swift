import Facts

/// Memory devices (recorded from 7.2.22, 10.0.13 and 11.1.3).
extension MachineConfig {
  /// Memory devices that a machine starts with: their backends, and the places that `-m` gives (QEMU hw/mem/pc-dimm.c:
  /// pc_dimm_pre_plug, pc_dimm_realize; hw/mem/memory-device.c: memory_device_pre_plug).
  func moduleFailures(_ memory: MemoryOption, _ qemu: QEMUProfile) -> [LaunchFailure] {
    var used = Set([machine.last { $0.name == "memory-backend" }?.value.string].compactMap { $0 })
    for option in options where option.name == "numa" {
      used.formUnion(OptionText.items(option.value.string ?? "", implied: "type").filter { $0.key == "memdev" }.map(\.value))
    }
    // Without ACPI there are none, which each says itself.
    guard hasACPI else { return [] }
    var slots: Set<UInt64> = []
    var taken: UInt64 = 0
    var places = MemoryPlaces(self, memory)
    let areAllKnown = areObjectsKnown
    let backends = Dictionary(objects.compactMap { object in object.id.map { ($0, object) } }) { $1 }
    for device in devices {
      guard let driver = device.driver, ["pc-dimm", "nvdimm", "virtio-mem-pci", "virtio-pmem-pci"].contains(driver) else { continue }
      func failure(_ text: String, _ property: String = "driver") -> [LaunchFailure] {
        [LaunchFailure(RealizeFailure(.badOption, property: property, text), of: device)]
      }
      // A bus that is named is refused before.
      if driver.hasSuffix("dimm"), device.has("bus") { return [] }
      if driver == "nvdimm", machine.last(where: { $0.name == "nvdimm" }).map({ QEMUBool($0.value) != .on }) ?? true {
        return failure("nvdimm is not enabled: missing 'nvdimm' in '-M'")
      }
      let backend = device.value("memdev")
      if backend == nil, !driver.hasSuffix("dimm"), memory.maximum != nil { return failure("'memdev' property must be set") }
      if let backend {
        guard let id = backend.string, areAllKnown, backends[id] != nil else { return [] }
      }
      if driver.hasSuffix("dimm") {
        let count = memory.maximum == nil ? 0 : memory.slots ?? 0
        if count == 0 {
          let slot = device.value("slot").flatMap { $0.string.flatMap(QEMUNumber.integer) ?? QEMUNumber.integer($0) }
          guard case .natural(let slot)? = slot else { return failure("no slots where allocated, please specify the 'slots' option") }
          return failure("invalid slot number \(slot), valid range is [0-\(UInt64.max)]", "slot")
        }
        if let given = device.value("slot") {
          guard case .natural(let slot)? = given.string.flatMap(QEMUNumber.integer) ?? QEMUNumber.integer(given) else { return [] }
          if slot >= count { return failure("invalid slot number \(slot), valid range is [0-\(count - 1)]", "slot") }
          if !slots.insert(slot).inserted { return failure("slot \(slot) is busy", "slot") }
        } else {
          guard let free = (0..<count).first(where: { !slots.contains($0) }) else { return failure("no free slots available") }
          slots.insert(free)
        }
        if backend == nil { return failure("'memdev' property must be set") }
      } else if memory.maximum == nil {
        return failure(
          qemu.isBefore(10, 0)
            ? "memory devices (e.g. for memory hotplug) are not enabled, please specify the maxmem option"
            : "the configuration is not prepared for memory devices (e.g., for memory hotplug), consider specifying the maxmem option")
      }
      guard let id = backend?.string, let object = backends[id], let module = MemoryModule(device, object, qemu) else { return [] }
      if let text = module.sizeRefusal { return failure(text) }
      let space = (memory.maximum ?? 0) - min(memory.maximum ?? 0, MachineConfig.rounded(memory.size ?? MachineConfig.defaultMemory))
      if module.size > space - min(space, taken) {
        return failure(
          "not enough space, currently \(taken.hexadecimal) in use of total space for memory devices "
            + "\(space.hexadecimal)")
      }
      taken += module.size
      if let unit = module.uneven { return failure("backend memory size must be multiple of \(unit)") }
      if let alignment = module.alignment, let address = module.address {
        let text = places.add(device.id, at: address, size: module.size, alignment: alignment)
        if let text { return failure(text, module.addressName) }
      }
      if driver.hasSuffix("dimm"), let node = device.value("node") {
        guard case .natural(let node)? = node.string.flatMap(QEMUNumber.integer) ?? QEMUNumber.integer(node) else { return [] }
        let count = max(1, options.filter(\.isNUMANode).count)
        if node >= count {
          return failure("'DIMM property node has value \(node)' which exceeds the number of numa nodes: \(count)", "node")
        }
      }
      if driver == "virtio-mem-pci", case .natural(let node)? = device.value("node").flatMap({ $0.string.flatMap(QEMUNumber.integer) }) {
        // QEMU hw/virtio/virtio-mem.c: virtio_mem_device_realize.
        let count = max(1, options.filter(\.isNUMANode).count)
        if node >= count {
          return failure("'node' property has value '\(node)', which exceedsthe number of numa nodes: \(count)", "node")
        }
      }
      if !used.insert(id).inserted {
        return failure(
          driver.hasPrefix("virtio-mem") ? "'memdev' property specifies a busy memdev: \(id)" : "can't use already busy memdev: \(id)",
          "memdev")
      }
      if let text = module.blockRefusal { return failure(text) }
    }
    return []
  }
}

/// A memory device with its backend.
private struct MemoryModule {
  /// Bytes that it adds.
  let size: UInt64
  /// The number that divides its address; nil where the host decides.
  let alignment: UInt64?
  /// The address that it asks for, 0 for any; nil for one that is not a number.
  let address: UInt64?
  let addressName: String
  /// The refusal of its own sizes, before QEMU looks for a place.
  let sizeRefusal: String?
  /// The number that should divide its size and does not.
  let uneven: String?
  /// The refusal of a virtio-mem's sizes, which are multiples of a block (QEMU hw/virtio/virtio-mem.c: virtio_mem_device_realize).
  let blockRefusal: String?

  /// Nil where a part is not known.
  init?(_ device: DeviceRequest, _ backend: ObjectRequest, _ qemu: QEMUProfile) {
    guard let driver = device.driver, let id = backend.id, let whole = backend.backendSize else { return nil }
    func number(_ name: String) -> UInt64? {
      guard let value = device.value(name) else { return 0 }
      switch value.string.flatMap(QEMUNumber.integer) ?? QEMUNumber.integer(value) {
      case .natural(let number)?: return number
      case .negative(let number)?: return UInt64(bitPattern: number)
      case nil: return nil
      }
    }
    func bytes(_ name: String) -> UInt64? {
      if let text = device.value(name)?.string, case .bytes(let bytes) = QEMUNumber.size(text) { return bytes }
      return device.value(name)?.string == nil ? number(name) : nil
    }
    addressName = driver.hasSuffix("dimm") ? "addr" : "memaddr"
    address = number(addressName)
    let ofBackend = backend.backendAlignment
    guard driver == "virtio-mem-pci" else {
      blockRefusal = nil
      alignment = ofBackend
      guard driver == "nvdimm", let unit = ofBackend, let label = bytes("label-size") else {
        size = whole
        sizeRefusal = nil
        uneven = ofBackend.flatMap { whole % $0 == 0 ? nil : $0.hexadecimal }
        return
      }
      // QEMU hw/mem/nvdimm.c: nvdimm_set_label_size, nvdimm_prepare_memory_region.
      uneven = nil
      size = whole > label ? (whole - label) / unit * unit : 0
      if device.has("label-size"), label < 128 << 10 {
        sizeRefusal = "Property 'nvdimm.label-size' (\(label.hexadecimal)) is required at least 0x20000"
      } else {
        sizeRefusal = size > 0 ? nil : "the size of memdev \(id) (\(whole.hexadecimal)) is too small to contain nvdimm label "
          + "(\(label.hexadecimal)) and aligned PMEM (\(unit.hexadecimal))"
      }
      return
    }
    size = whole
    guard let given = bytes("block-size"), let requested = bytes("requested-size") else { return nil }
    let smallest: UInt64 = 1 << 20
    if device.has("block-size"), given < smallest || given & (given - 1) != 0 {
      sizeRefusal = given < smallest ? "'block-size' property has to be at least \(smallest.hexadecimal)"
        : "'block-size' property has to be a power of two"
      (alignment, uneven, blockRefusal) = (nil, nil, nil)
      return
    }
    // Without it the size of the host's huge pages counts, which is at least this (observed on a host that does not show its size).
    let block = device.has("block-size") ? given : qemu.isBefore(8, 0) ? 2 << 20 : smallest
    sizeRefusal = nil
    alignment = ofBackend.map { max($0, block) }
    let unit = qemu.isBefore(8, 0) ? alignment : ofBackend
    uneven = unit.flatMap { whole % $0 == 0 ? nil : $0.hexadecimal }
    if requested % block != 0 {
      blockRefusal = "'requested-size' property has to be multiples of 'block-size' (\(block.hexadecimal))"
    } else {
      blockRefusal = whole % block == 0 ? nil
        : "'memdev' property memdev size has to be multiples of'block-size' (\(block.hexadecimal))"
    }
  }
}

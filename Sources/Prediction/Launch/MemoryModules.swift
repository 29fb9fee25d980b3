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
        guard let id = backend.string, areObjectsKnown, objects.contains(where: { $0.id == id }) else { return [] }
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
        let space = (memory.maximum ?? 0) - min(memory.maximum ?? 0, MachineConfig.rounded(memory.size ?? MachineConfig.defaultMemory))
        guard let size = backend?.string.flatMap(backendSize) else { return [] }
        if size > space - min(space, taken) {
          return failure(
            "not enough space, currently 0x\(String(taken, radix: 16)) in use of total space for memory devices "
              + "0x\(String(space, radix: 16))")
        }
        taken += size
      } else if memory.maximum == nil {
        return failure(
          qemu.isBefore(10, 0)
            ? "memory devices (e.g. for memory hotplug) are not enabled, please specify the maxmem option"
            : "the configuration is not prepared for memory devices (e.g., for memory hotplug), consider specifying the maxmem option")
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
      guard let id = backend?.string else { return [] }
      if !used.insert(id).inserted {
        guard driver.hasSuffix("dimm") else { return [] }
        return failure("can't use already busy memdev: \(id)", "memdev")
      }
    }
    return []
  }
}

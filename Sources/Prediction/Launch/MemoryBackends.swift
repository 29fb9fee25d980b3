import Facts

/// Memory backends, and the memory devices that have them (recorded from 7.2.22, 10.0.13 and 11.1.3).
extension MachineConfig {
  private enum BackendValue {
    case bool, size, text
    case choice(Set<String>)
  }

  /// Properties of memory backends in the order in which QEMU reads them (QEMU qapi/qom.json: MemoryBackendProperties,
  /// MemoryBackendFileProperties, MemoryBackendMemfdProperties).
  private static let backendProperties: [String: [(name: String, value: BackendValue)]] = {
    let all: [(String, BackendValue)] = [
      ("dump", .bool), ("host-nodes", .text), ("merge", .bool), ("policy", .choice(["default", "preferred", "bind", "interleave"])),
      ("prealloc", .bool), ("prealloc-threads", .text), ("prealloc-context", .text), ("share", .bool), ("reserve", .bool),
      ("size", .size), ("x-use-canonical-path-for-ramblock-id", .bool),
    ]
    return [
      "memory-backend-ram": all,
      "memory-backend-file": all + [
        ("align", .size), ("offset", .size), ("discard-data", .bool), ("mem-path", .text), ("pmem", .bool), ("readonly", .bool),
        ("rom", .choice(["on", "off", "auto"])),
      ],
      "memory-backend-memfd": all + [("hugetlb", .bool), ("hugetlbsize", .size), ("seal", .bool)],
    ]
  }()

  /// The refusal of a memory backend's properties.
  func backendRefusal(_ object: ObjectRequest, _ qemu: QEMUProfile) -> LaunchFailure? {
    guard let type = object.type, let known = MachineConfig.backendProperties[type] else { return nil }
    func failure(_ text: String, _ property: Property? = nil) -> LaunchFailure {
      LaunchFailure(RealizeFailure(.badObject, text), at: property?.location ?? object.location)
    }
    // Of key=value text all values are strings.
    let isJSON = object.properties.contains { if case .string = $0.value { false } else { true } }
    for (name, kind) in known {
      guard let property = object.properties.last(where: { $0.name == name }) else {
        if name == "size" || name == "mem-path" { return failure("Parameter '\(name)' is missing") }
        continue
      }
      guard case .string(let text) = property.value else { continue }
      if text.utf8.contains(where: { $0 == UInt8(ascii: "$") || $0 == UInt8(ascii: "`") }) { return nil }
      switch kind {
      case .size where isJSON: return failure("Parameter '\(name)' expects uint64", property)
      case .size:
        guard case .bytes = MemoryOption.bytes(text, takesHexSuffix: qemu.isBefore(10, 0)) else {
          return failure("Parameter '\(name)' expects a size value", property)
        }
      case .bool where !isJSON && QEMUBool(property.value) == .invalid:
        return failure("Parameter '\(name)' expects 'on' or 'off'", property)
      case .choice(let values) where !values.contains(text):
        return failure("Parameter '\(name)' does not accept value '\(text)'", property)
      case .bool, .choice, .text: break
      }
    }
    let other = object.properties.first { property in
      !["qom-type", "id"].contains(property.name) && !property.name.contains(".") && !known.contains { $0.name == property.name }
    }
    return other.map { failure(isJSON ? "Parameter '\($0.name)' is unexpected" : "Invalid parameter '\($0.name)'", $0) }
  }

  /// The refusal of a memory backend when QEMU makes it (QEMU backends/hostmem.c: host_memory_backend_set_size,
  /// host_memory_backend_memory_complete).
  func emptyBackend(_ object: ObjectRequest) -> LaunchFailure? {
    guard let type = object.type, MachineConfig.backendProperties[type] != nil, let id = object.id else { return nil }
    if backendSize(id) == 0 {
      return LaunchFailure(RealizeFailure(.badObject, "property 'size' of \(type) doesn't take value '0'"), at: object.location)
    }
    guard let policy = object.string("policy"), policy != "default", !policy.contains("$"), !policy.contains("`"),
      !object.properties.contains(where: { $0.name.hasPrefix("host-nodes") })
    else { return nil }
    return LaunchFailure(RealizeFailure(.badObject, "host-nodes must be set for policy \(policy)"), at: object.location)
  }

  /// Bytes of a memory backend; nil when it does not have them as a number.
  func backendSize(_ id: String) -> UInt64? {
    switch objects.last(where: { $0.id == id })?.properties.last(where: { $0.name == "size" })?.value {
    case .integer(let number)?: return number < 0 ? nil : UInt64(number)
    case .unsigned(let number)?: return number
    case .string(let text)?:
      if case .bytes(let bytes) = MemoryOption.bytes(text, takesHexSuffix: true) { return bytes }
      return nil
    default: return nil
    }
  }

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
      guard let backend = device.value("memdev") else {
        return driver.hasSuffix("dimm") ? failure("'memdev' property must be set") : []
      }
      if driver == "nvdimm", machine.last(where: { $0.name == "nvdimm" }).map({ QEMUBool($0.value) != .on }) ?? true {
        return failure("nvdimm is not enabled: missing 'nvdimm' in '-M'")
      }
      guard let id = backend.string, areObjectsKnown, objects.contains(where: { $0.id == id }) else { return [] }
      if driver.hasSuffix("dimm") {
        let count = memory.maximum == nil ? 0 : memory.slots ?? 0
        if count == 0 { return failure("no slots where allocated, please specify the 'slots' option") }
        if let given = device.value("slot") {
          guard case .natural(let slot)? = given.string.flatMap(QEMUNumber.integer) ?? QEMUNumber.integer(given) else { return [] }
          if slot >= count { return failure("invalid slot number \(slot), valid range is [0-\(count - 1)]", "slot") }
          if !slots.insert(slot).inserted { return failure("slot \(slot) is busy", "slot") }
        } else {
          guard let free = (0..<count).first(where: { !slots.contains($0) }) else { return failure("no free slots available") }
          slots.insert(free)
        }
        let space = (memory.maximum ?? 0) - min(memory.maximum ?? 0, MachineConfig.rounded(memory.size ?? MachineConfig.defaultMemory))
        guard let size = backendSize(id) else { return [] }
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
      if !used.insert(id).inserted {
        guard driver.hasSuffix("dimm") else { return [] }
        return failure("can't use already busy memdev: \(id)", "memdev")
      }
    }
    return []
  }
}

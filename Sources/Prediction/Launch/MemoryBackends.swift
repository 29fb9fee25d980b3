import Facts

/// Memory backends (recorded from 7.2.22, 10.0.13 and 11.1.3).
extension MachineConfig {
  private enum BackendValue {
    case bool, size, text, threads, nodes
    case choice(Set<String>)
  }

  /// Properties of memory backends in the order in which QEMU reads them (QEMU qapi/qom.json: MemoryBackendProperties,
  /// MemoryBackendFileProperties, MemoryBackendMemfdProperties).
  private static let backendProperties: [String: [(name: String, value: BackendValue)]] = {
    let all: [(String, BackendValue)] = [
      ("dump", .bool), ("host-nodes", .nodes), ("merge", .bool), ("policy", .choice(["default", "preferred", "bind", "interleave"])),
      ("prealloc", .bool), ("prealloc-threads", .threads), ("prealloc-context", .text), ("share", .bool), ("reserve", .bool),
      ("size", .size), ("x-use-canonical-path-for-ramblock-id", .bool),
    ]
    return [
      "memory-backend-ram": all, "memory-backend-shm": all,
      "memory-backend-file": all + [
        ("align", .size), ("offset", .size), ("discard-data", .bool), ("mem-path", .text), ("pmem", .bool), ("readonly", .bool),
        ("rom", .choice(["on", "off", "auto"])),
      ],
      "memory-backend-memfd": all + [("hugetlb", .bool), ("hugetlbsize", .size), ("seal", .bool)],
    ]
  }()

  /// The backend whose type exists where the host has SGX.
  private static let epc = "memory-backend-epc"

  /// The refusal of a memory backend's type and properties, which QEMU reads with the command line.
  func backendRefusal(_ object: ObjectRequest, _ qemu: QEMUProfile) -> LaunchFailure? {
    guard let type = object.type, type.hasPrefix("memory-backend"), type != MachineConfig.epc else { return nil }
    func failure(_ text: String, _ property: Property? = nil) -> LaunchFailure {
      LaunchFailure(RealizeFailure(.badObject, text), at: property?.location ?? object.location)
    }
    let isOld = qemu.isBefore(9, 1)
    guard let known = MachineConfig.backendProperties[type], !(isOld && type == "memory-backend-shm") else {
      return failure("Parameter 'qom-type' does not accept value '\(type)'")
    }
    let has = known.filter { !(isOld && ($0.name == "rom" || $0.name == "offset")) }
    for (name, kind) in has {
      guard let property = object.properties.last(where: { $0.name == name }) else {
        if name == "size" || name == "mem-path" { return failure("Parameter '\(name)' is missing") }
        continue
      }
      if property.value.isOfShell { return nil }
      let text = object.isJSON
        ? MachineConfig.jsonRefusal(name, property.value, kind) : MachineConfig.textRefusal(name, property, kind, object, qemu)
      if let text { return failure(text, property) }
    }
    // Parts of a list of JSON have names with a point.
    let parts = object.isJSON ? object.properties.map(\.name).filter { $0.contains(".") } : []
    return unexpected(in: object, besides: has.map(\.name) + parts).map { LaunchFailure(RealizeFailure(.badObject, $0.text), at: $0.place) }
  }

  /// QEMU qapi/opts-visitor.c; of a section and of the human monitor qapi/qobject-input-visitor.c: qobject_input_visitor_new_keyval.
  private static func textRefusal(
    _ name: String, _ property: Property, _ kind: BackendValue, _ object: ObjectRequest, _ qemu: QEMUProfile
  ) -> String? {
    guard let text = property.value.string else { return nil }
    let isOld = qemu.isBefore(10, 0)
    switch kind {
    case .size:
      if case .bytes = MemoryOption.bytes(text, takesHexSuffix: isOld, needsDigit: isOld) { return nil }
      return "Parameter '\(name)' expects \(object.isVisited ? "size" : "a size value")"
    case .bool: return QEMUBool(property.value) == .invalid ? "Parameter '\(name)' expects 'on' or 'off'" : nil
    case .choice(let values): return values.contains(text) ? nil : "Parameter '\(name)' does not accept value '\(text)'"
    case .threads:
      if QEMUNumber.mayBeBinary(text, in: qemu) { return nil }
      if case .natural(let number)? = QEMUNumber.integer(text) {
        return number <= UInt32.max ? nil : "Parameter '\(name)' expects uint32_t"
      }
      return "Parameter '\(name)' expects \(object.isVisited ? "integer" : "a uint64 value")"
    case .nodes where object.isVisited: return "Invalid parameter type for '\(name)', expected: array"
    case .nodes:
      let parts = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map { QEMUNumber.integer(String($0)) }
      let isRange = parts.allSatisfy { if case .natural? = $0 { true } else { false } }
      return isRange ? nil : "Parameter '\(name)' expects a uint64 value or range"
    case .text: return nil
    }
  }

  /// QEMU qapi/qobject-input-visitor.c.
  private static func jsonRefusal(_ name: String, _ value: PropertyValue, _ kind: BackendValue) -> String? {
    func expected(_ type: String) -> String { "Invalid parameter type for '\(name)', expected: \(type)" }
    switch (kind, value) {
    case (.size, .integer), (.size, .unsigned), (.bool, .bool), (.nodes, .array): return nil
    case (.threads, .integer(let number)) where UInt32(exactly: number) != nil: return nil
    case (.threads, .integer), (.threads, .unsigned): return "Parameter '\(name)' expects uint32_t"
    case (.text, .string): return nil
    case (.choice(let values), .string(let text)):
      return values.contains(text) ? nil : "Parameter '\(name)' does not accept value '\(text)'"
    case (.bool, _): return expected("boolean")
    case (.nodes, _): return expected("array")
    case (.text, _), (.choice, _): return expected("string")
    case (.size, _), (.threads, _): return "Parameter '\(name)' expects uint64"
    }
  }

  /// The refusal of a memory backend when QEMU makes it (QEMU backends/hostmem.c: host_memory_backend_set_size,
  /// host_memory_backend_memory_complete; hostmem-file.c, hostmem-memfd.c and hostmem-shm.c).
  func backendFailure(_ object: ObjectRequest, _ qemu: QEMUProfile) -> LaunchFailure? {
    guard let type = object.type, MachineConfig.backendProperties[type] != nil, let id = object.id else { return nil }
    func failure(_ text: String) -> LaunchFailure { LaunchFailure(RealizeFailure(.badObject, text), at: object.location) }
    if object.isJSON, case .integer(let number)? = object.value("size"), number < 0 {
      return LaunchFailure(
        RealizeFailure(.crashingProperty, "find_ram_offset: Assertion `size != 0' failed.", signal: "SIGABRT"), at: object.location)
    }
    if backendSize(id) == 0 { return failure("property 'size' of \(type) doesn't take value '0'") }
    if object.number("prealloc-threads") == 0 { return failure("property 'prealloc-threads' of \(type) doesn't take value '0'") }
    if let context = object.string("prealloc-context"), !context.isEmpty, areObjectsKnown, !objects.contains(where: { $0.id == context }),
      !object.properties.contains(where: \.value.isOfShell)
    { return failure("Device '\(context)' not found") }
    func isOn(_ name: String) -> Bool { object.value(name).map { QEMUBool($0) } == .on }
    func isOff(_ name: String) -> Bool { object.value(name).map { QEMUBool($0) } == .off }
    if isOn("prealloc"), isOff("reserve") { return failure("'prealloc=on' and 'reserve=off' are incompatible") }
    if type == "memory-backend-shm", isOff("share") { return failure("can't create shm backend with `share=off`") }
    if type == "memory-backend-file" {
      if object.string("rom") == "on", !object.properties.contains(where: { $0.name == "readonly" && QEMUBool($0.value) != .off }) {
        return failure("property 'rom' = 'on' is not supported with 'readonly' = 'off'")
      }
      if let align = object.bytes("align"), align % 4096 != 0 || align & (align &- 1) != 0, align != 0 {
        let text = "alignment 0x\(String(align, radix: 16)) must be "
        return failure(text + (align % 4096 != 0 ? "multiples of page size 0x1000" : "a power of two"))
      }
      if let offset = object.bytes("offset"), offset % 4096 != 0 {
        return failure("offset 0x\(String(offset, radix: 16)) must be multiples of page size 0x1000")
      }
    }
    // QEMU ignores an odd one (QEMU util/memfd.c: qemu_memfd_create).
    if type == "memory-backend-memfd", let size = object.bytes("hugetlbsize"), size % 2 == 0, size & (size &- 1) != 0 || size == 0 {
      return failure(
        size == 0 ? "Property 'memory-backend-memfd.hugetlbsize' doesn't take value '0'" : "Hugepage size must be a power of 2")
    }
    if type == "memory-backend-memfd", let size = object.bytes("size"), size % 4096 != 0, size < 1 << 62 {
      let (given, rounded) = (size.hexadecimal, ((size + 4095) & ~4095).hexadecimal)
      let region = isOn("x-use-canonical-path-for-ramblock-id") ? "/objects/\(id)" : id
      return failure(
        qemu.isBefore(9, 1) ? "backing store size \(given) does not match 'size' option \(rounded)"
          : "\(region) backing store size \(given) is too small for 'size' option \(rounded) plus 'offset' option 0x0")
    }
    return nodesFailure(object)
  }

  /// The host's nodes that a backend is bound to.
  private func nodesFailure(_ object: ObjectRequest) -> LaunchFailure? {
    func failure(_ text: String) -> LaunchFailure { LaunchFailure(RealizeFailure(.badObject, text), at: object.location) }
    let nodes = object.properties.filter { $0.name.hasPrefix("host-nodes") }
    let ends = nodes.compactMap { $0.value.string?.split(separator: "-").last.map(String.init) }.compactMap(QEMUNumber.integer)
    // MAX_NODES
    if ends.contains(where: { if case .natural(let node) = $0 { node >= 128 } else { false } }) {
      let first = nodes.compactMap { $0.value.string?.split(separator: "-").first.map(String.init) }.compactMap(QEMUNumber.integer).last
      if case .natural(let node)? = first { return failure("Invalid host-nodes value: \(max(node, 128))") }
      return nil
    }
    let policy = object.properties.last { $0.name == "policy" }?.value ?? .string("default")
    guard let policy = policy.string, !PropertyValue.string(policy).isOfShell, !nodes.contains(where: \.value.isOfShell) else { return nil }
    if policy == "default", !nodes.isEmpty {
      return nodes.contains { $0.value == .array } ? nil : failure(
        "host-nodes must be empty for policy default, or you should explicitly specify a policy other than default")
    }
    return policy != "default" && nodes.isEmpty ? failure("host-nodes must be set for policy \(policy)") : nil
  }

  /// Whether all that decides about an object is modelled and known.
  func isChecked(_ object: ObjectRequest) -> Bool {
    if object.type == "iommufd" { return true }
    guard let type = object.type, type.hasPrefix("memory-backend"), type != MachineConfig.epc else { return false }
    // Files, shared memory, host nodes, huge pages, pages that are touched and the limits of reservations are the host's.
    let isOfHost = type == "memory-backend-file" || type == "memory-backend-shm" || object.properties.contains { property in
      property.name.hasPrefix("host-nodes") || property.name == "reserve"
        || ["hugetlb", "hugetlbsize", "prealloc"].contains(property.name) && QEMUBool(property.value) != .off
        || property.value.string.map { QEMUNumber.mayBeBinary($0, in: nil) } == true
    }
    // No file has more bytes.
    let isTooLarge = object.id.flatMap(backendSize).map { $0 > UInt64(Int64.max) } ?? false
    return !isOfHost && !isTooLarge && !object.properties.contains(where: \.value.isOfShell)
  }

  /// Bytes of a memory backend; nil when it does not have them as a number.
  func backendSize(_ id: String) -> UInt64? { objects.last { $0.id == id }?.backendSize }
}

extension ObjectRequest {
  /// Bytes of a memory backend; nil when it does not have them as a number.
  var backendSize: UInt64? {
    switch properties.last(where: { $0.name == "size" })?.value {
    case .integer(let number)?: return number < 0 ? nil : UInt64(number)
    case .unsigned(let number)?: return number
    case .string(let text)?:
      if case .bytes(let bytes) = MemoryOption.bytes(text, takesHexSuffix: true) { return bytes }
      return nil
    default: return nil
    }
  }

  /// The number that divides address and size of a memory device with the backend; nil where the host decides (QEMU
  /// util/oslib-posix.c: qemu_anon_ram_alloc; system/physmem.c: file_ram_alloc).
  var backendAlignment: UInt64? {
    switch type {
    case "memory-backend-ram": return 2 << 20
    case "memory-backend-memfd": return value("hugetlb").map { QEMUBool($0) == .off } ?? true ? 4096 : nil
    default: return nil
    }
  }
}

extension PropertyValue {
  /// Whether only a shell knows the value, or a part of it.
  var isOfShell: Bool {
    switch self {
    case .unknown: return true
    case .string(let text): return text.utf8.contains { $0 == UInt8(ascii: "$") || $0 == UInt8(ascii: "`") }
    default: return false
    }
  }
}

extension ObjectRequest {
  fileprivate func value(_ name: String) -> PropertyValue? { properties.last { $0.name == name }?.value }

  fileprivate func number(_ name: String) -> UInt64? {
    guard let value = value(name), case .natural(let number)? = QEMUNumber.integer(of: value) else { return nil }
    return number
  }

  fileprivate func bytes(_ name: String) -> UInt64? {
    guard let text = value(name)?.string else { return number(name) }
    if !isJSON, case .bytes(let bytes) = MemoryOption.bytes(text, takesHexSuffix: true) { return bytes }
    return nil
  }
}

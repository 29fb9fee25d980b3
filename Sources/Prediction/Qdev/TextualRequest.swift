import Facts

extension DeviceRequest {
  /// The request as a QEMU reads it. Before 9.2 `device_add` makes text of each scalar, drops the rest, and parses the text as
  /// that of `-device` (QEMU util/qemu-option.c: qemu_opts_from_qdict; observed on 7.2.22).
  public func asRead(by qemu: QEMUProfile) -> DeviceRequest {
    guard plug == .hot, form == .json, libvirt == nil, qemu.isBefore(9, 2) else { return self }
    var last: [String: PropertyValue] = [:]
    for property in properties { last[property.name] = property.value }
    var seen: Set<String> = []
    let texts = properties.compactMap { property -> Property? in
      guard seen.insert(property.name).inserted, let value = last[property.name], let text = value.asText else { return nil }
      // An id is a string, or there is none.
      if property.name == "id", text != value { return nil }
      return Property(name: property.name, value: text, location: property.location)
    }
    var request = DeviceRequest(form: .keyval, plug: plug, properties: texts, location: location)
    request.history = history
    return request
  }
}

extension PropertyValue {
  /// The value as text; nil for one that is dropped.
  fileprivate var asText: PropertyValue? {
    switch self {
    case .bool(let flag): return .string(flag ? "on" : "off")
    case .integer(let number): return .string("\(number)")
    case .unsigned(let number): return .string("\(number)")
    // QEMU writes 17 digits (qobject/qnum.c: qnum_to_string): those of 0.1 are 0.10000000000000001, and are not modelled.
    case .real(let number):
      if abs(number) < 1e17, let whole = Int64(exactly: number) { return .string("\(whole)") }
      let isShort = abs(number) < 1e6 && (number * 1024).rounded() == number * 1024
      return isShort ? .string("\(number)") : .unknown("\(number)")
    case .null, .array, .object: return nil
    case .string, .unknown: return self
    }
  }
}

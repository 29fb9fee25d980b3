import Facts

extension OptionTable {
  /// The same of an option that is written as JSON, whose values have types (QEMU qapi/qobject-input-visitor.c).
  func refusal(ofMembers members: [Property]) -> String? {
    // A short form of two members exists as text only.
    let known = members.map { member in
      let name = String(member.name.prefix { $0 != "[" && $0 != "." })
      return (member: member, name: name, kind: name == "ipv6-net" ? nil : kind(name))
    }
    return known.lazy.compactMap { member, name, kind in kind.flatMap { OptionTable.refusal(member, of: name, $0) } }.first
      ?? known.first { $0.kind == nil && !["type", "id"].contains($0.name) }.map { "Parameter '\($0.name)' is unexpected" }
  }

  private static func refusal(_ member: Property, of name: String, _ kind: Kind) -> String? {
    if member.value.isUnknown { return nil }
    if lists.contains(name) { return refusal(ofListed: member.name, member.value) }
    let value = member.name == name ? member.value : .object
    func wrong(_ type: String) -> String { "Invalid parameter type for '\(name)', expected: \(type)" }
    switch kind {
    case .text: return value.string == nil ? wrong("string") : nil
    case .bool:
      if case .bool = value { return nil }
      return wrong("boolean")
    case .unsigned, .bytes:
      // A negative number is one of the greatest.
      let number: UInt64
      switch value {
      case .integer(let signed): number = UInt64(bitPattern: signed)
      case .unsigned(let unsigned): number = unsigned
      default: return "Parameter '\(name)' expects uint64"
      }
      return kind == .bytes || name.hasSuffix("cookie") || number <= UInt32.max ? nil : "Parameter '\(name)' expects uint32_t"
    case .signed, .number, .size:
      guard case .integer(let number) = value else { return wrong("integer") }
      return name == "hubid" && Int32(exactly: number) == nil ? "Parameter '\(name)' expects int32_t" : nil
    }
  }

  /// Parameters that are lists of objects, each with a text `str` (QEMU qapi/common.json: String).
  private static let lists: Set<String> = ["hostfwd", "guestfwd", "dnssearch"]

  private static func refusal(ofListed name: String, _ value: PropertyValue) -> String? {
    guard let end = name.lastIndex(of: "]") else {
      return value == .array ? nil : "Invalid parameter type for '\(name)', expected: array"
    }
    switch name[name.index(after: end)...] {
    case ".str": return value.string == nil ? "Invalid parameter type for '\(name)', expected: string" : nil
    case "" where value == .object: return "Parameter '\(name).str' is missing"
    case "": return "Invalid parameter type for '\(name)', expected: object"
    default: return "Parameter '\(name)' is unexpected"
    }
  }
}

extension OptionValues {
  /// The refusal of a network that is written as JSON.
  func network(ofMembers members: [Property]) -> String? {
    for name in ["id", "type"] {
      guard let member = members.last(where: { $0.name == name || $0.name.hasPrefix(name + ".") || $0.name.hasPrefix(name + "[") }) else {
        return "Parameter '\(name)' is missing"
      }
      if member.value.isUnknown { return nil }
      if member.name != name || member.value.string == nil { return "Invalid parameter type for '\(name)', expected: string" }
    }
    let texts = members.compactMap { member in OptionValues.text(member.value).map { (String(member.name.prefix { $0 != "[" }), $0) } }
    let type = OptionValues.last("type", texts) ?? ""
    if let text = OptionTable("netdev." + type, release)?.refusal(ofMembers: members) { return text }
    return members.contains(where: \.value.isUnknown) ? nil : network(texts, areChecked: true)
  }

  /// A member's value as a key=value text has it; nil for one that such a text does not have.
  private static func text(_ value: PropertyValue) -> String? {
    switch value {
    case .string(let text): text
    case .bool(let flag): flag ? "on" : "off"
    case .integer(let number): "\(number)"
    case .unsigned(let number): "\(number)"
    default: nil
    }
  }
}

import Facts

@testable import Inputs

/// The options that a definition was lowered to, one a line, in the form of libvirt's logs.
enum LoweredOptions {
  static func text(_ parsed: ParsedInput) -> String {
    let machine = parsed.machine
    var lines: [String] = []
    if let emulator = machine.emulator { lines.append(emulator) }
    if let missing = machine.missingPart { lines.append("# \(missing)") }
    if !machine.machine.isEmpty {
      lines.append("-machine " + machine.machine.map { "\($0.name)=\(plain($0.value))" }.joined(separator: ","))
    }
    lines += machine.options.map { "-\($0.name) \(plain($0.value))" }
    lines += machine.globals.map { "-global \($0.driver).\($0.property)=\($0.value)" }
    lines += machine.objects.map { "-object " + json($0.properties) }
    lines += machine.devices.map { "-device " + json($0.properties) + note($0.libvirt) }
    lines += parsed.plugs.map { "device_add " + json($0.properties) + note($0.libvirt) }
    lines += parsed.problems.map { "# problem at \($0.location.path): \($0.message)" }
    return lines.map { $0 + "\n" }.joined()
  }

  static func json(_ properties: [Property]) -> String {
    "{" + properties.map { "\"\($0.name)\":\(value($0.value))" }.joined(separator: ",") + "}"
  }

  private static func note(_ hostdev: LibvirtHostdev?) -> String {
    guard let hostdev else { return "" }
    let words = [
      hostdev.isManaged ? "managed" : "", hostdev.source?.description ?? "", hostdev.driverModel ?? "",
    ]
    let text = words.filter { !$0.isEmpty }.joined(separator: " ")
    return text.isEmpty ? "" : "  # \(text)"
  }

  private static func plain(_ value: PropertyValue) -> String {
    if case .string(let text) = value { return text }
    return self.value(value)
  }

  private static func value(_ value: PropertyValue) -> String {
    switch value {
    case .string(let text): return "\"\(text)\""
    case .bool(let flag): return "\(flag)"
    case .integer(let number): return "\(number)"
    case .unsigned(let number): return "\(number)"
    case .unknown(let text): return "?\(text)?"
    case .real, .null, .array, .object: return "\(value)"
    }
  }
}

extension MachineConfig {
  /// The value of an option of `-machine`.
  func setting(_ name: String) -> String? { machine.last { $0.name == name }?.value.string }
}

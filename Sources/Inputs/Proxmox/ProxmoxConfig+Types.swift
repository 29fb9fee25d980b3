import Facts
import Syntax

/// Types of values. Proxmox checks them when it reads the file, and leaves a line with another value out
/// (qemu-server PVE/QemuServer.pm: $confdesc, check_type).
extension ProxmoxConfig {
  /// Keys that change the guest. Others, such as `onboot`, decide nothing that is predicted.
  private static let booleans: Set<String> = ["acpi", "freeze", "kvm", "localtime", "numa", "tablet", "tdf", "template"]
  private static let integers: Set<String> = ["balloon", "cores", "smp", "sockets", "vcpus"]

  /// The warning about a line that Proxmox cannot parse.
  static func warning(_ key: String, _ cause: String) -> String { "it warns `unable to parse value of '\(key)'`: \(cause)" }

  /// The cause of that, where the value has another type.
  static func mistyped(_ type: String, _ value: String) -> String { "type check ('\(type)') failed - got '\(value)'" }

  /// The report of an entry whose value has another type than its key, such as `cores: x`; nil for any other.
  func typeProblem(_ entry: Entry) -> InputProblem? {
    let key = entry.key, value = entry.value.text
    if TemplatePlaceholder.isIn(value) { return nil }
    let isBoolean = ProxmoxConfig.booleans.contains(key) && ProxmoxProperties.boolean(value) == nil
    let isInteger = ProxmoxConfig.integers.contains(key) && (value.isEmpty || !value.utf8.allSatisfy(\.isASCIIDigit))
    guard isBoolean || isInteger else { return nil }
    return InputProblem(
      message: "Proxmox starts the machine without the line: "
        + ProxmoxConfig.warning(key, ProxmoxConfig.mistyped(isBoolean ? "boolean" : "integer", value)),
      fix: isBoolean ? "write `\(key): 1` or `\(key): 0`" : "write a number, in digits alone", location: location(entry))
  }
}

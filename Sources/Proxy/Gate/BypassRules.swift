import Common
import Rules
import Syntax

/// Bypasses of the proxy: commands with which a client could make QEMU do what the proxy would refuse.
/// THREATS.md has the reason for each.
enum BypassRules {
  struct Reason {
    let rule: Rule
    let message: String
  }

  /// A QMP command.
  static func match(_ command: String, _ arguments: JSON?) -> Reason? {
    switch command {
    case "object-add": return object(arguments?["qom-type"]?.string)
    case "qom-set": return property(arguments?["property"]?.string)
    case "add_client": return socket(for: arguments?["protocol"]?.string)
    case "migrate", "migrate-incoming", "migrate-recover":
      return runsProgram(arguments ?? .null) ? program(command) : nil
    default: return nil
    }
  }

  /// A human monitor's command.
  static func match(_ command: HMPCommand) -> Reason? {
    switch command.name {
    case "gdbserver":
      return monitor("`gdbserver` opens a port whose `monitor` packets are human monitor commands")
    case "object_add":
      guard let bytes = command.argument?.bytes else { return unreadable(command) }
      // JSON is accepted too where it begins with a brace (QEMU qom/object_interfaces.c).
      if bytes.first == UInt8(ascii: "{") {
        return object((try? JSON.parse(bytes))?["qom-type"]?.string) ?? unreadable(command)
      }
      return object(KeyValueText(bytes, implied: "qom-type").items.last { $0.key == "qom-type" }?.value)
    case "qom-set":
      // -j reads the value as JSON and must come first.
      return command.words.contains { $0.hasSuffix("realized") || $0.contains("\"") }
        ? property("realized") : nil
    case "migrate", "migrate_incoming", "migrate_recover":
      return command.rest.text.contains("exec:") ? program(command.name) : nil
    default: return nil
    }
  }

  static func unreadable(_ command: HMPCommand) -> Reason {
    Reason(
      rule: .malformedInput,
      message: "the arguments of `\(command.name)` cannot be read as QEMU would; use QMP")
  }

  private static func object(_ type: String?) -> Reason? {
    switch type {
    case "monitor-qmp", "monitor-hmp":
      return monitor("`object-add` of `\(type ?? "")` opens a second monitor")
    case "qtest":
      return Reason(
        rule: .guestBackDoor, message: "an object of type `qtest` writes the guest's memory and ports")
    default: return nil
    }
  }

  private static func monitor(_ how: String) -> Reason {
    Reason(rule: .secondMonitor, message: "\(how), which the proxy does not guard")
  }

  private static func property(_ name: String?) -> Reason? {
    guard name == "realized" else { return nil }
    return Reason(
      rule: .realizedArgument,
      message: "setting `realized` plugs and unplugs behind QEMU's own checks; use device_add and device_del")
  }

  private static func socket(for protocolName: String?) -> Reason? {
    guard let protocolName, !["vnc", "spice", "@dbus-display"].contains(protocolName) else { return nil }
    return monitor("`add_client` for the character device `\(protocolName)` may connect a socket to a monitor")
  }

  private static func program(_ command: String) -> Reason {
    Reason(
      rule: .runsAProgram,
      message: "`\(command)` with `exec` makes QEMU run a program, which can do what QEMU can")
  }

  /// `exec:` in a URI, or the transport `exec` of a channel, at any depth.
  private static func runsProgram(_ value: JSON) -> Bool {
    switch value {
    case .object(let members):
      return members.contains { member in
        if member.key == "transport", member.value.string == "exec" { return true }
        if member.key == "uri", let uri = member.value.string, uri.hasPrefix("exec:") { return true }
        return runsProgram(member.value)
      }
    case .array(let items): return items.contains(where: runsProgram)
    default: return false
    }
  }
}

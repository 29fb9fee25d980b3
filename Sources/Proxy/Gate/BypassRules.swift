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
  static func match(_ command: WireText, _ arguments: JSON?) -> Reason? {
    guard let arguments else { return nil }
    switch command {
    case "object-add": return object(arguments.wire("qom-type"))
    case "object-del": return arguments.wire("id").flatMap(deletion)
    case "qom-set": return property(arguments.wire("property"))
    case "add_client": return socket(for: arguments.wire("protocol"))
    case "migrate", "migrate-incoming", "migrate-recover": return ProgramRules.migration(command, arguments)
    case "migrate-set-parameters": return ProgramRules.parameters(arguments)
    case "netdev_add": return ProgramRules.network(arguments)
    default: return nil
    }
  }

  /// A human monitor's command.
  static func match(_ command: HMPCommand) -> Reason? {
    let rest = WireText(bytes: command.rest.bytes)
    switch WireText(command.name) {
    case "gdbserver":
      return monitor("`gdbserver` opens a port whose `monitor` packets are human monitor commands")
    case "object_add":
      // The whole rest of the line (QEMU hmp-commands.hx: object:S), as JSON where it begins with a brace (QEMU
      // qom/object_interfaces.c). Of a key given twice the last counts.
      if rest.bytes.first == UInt8(ascii: "{") {
        guard let arguments = try? JSON.parse(rest.bytes) else { return unreadable(command) }
        return object(arguments.wire("qom-type"))
      }
      let types = KeyValueText(rest.bytes, implied: "qom-type").items.filter { WireText($0.key) == "qom-type" }
      return types.lazy.compactMap { object(WireText($0.value)) }.first
    case "object_del":
      guard let id = command.argument else { return unreadable(command) }
      return deletion(WireText(bytes: id.bytes))
    case "qom-set":
      // -j reads the value as JSON and must come first.
      let words = rest.bytes.split { $0 == 0x20 || (0x09...0x0d).contains($0) }.map { WireText(bytes: $0) }
      if rest.bytes.contains(UInt8(ascii: "\"")), words.count < 2 || (words[0].contains("\"") || words[1].contains("\"")) {
        return unreadable(command)
      }
      let names = words.first == "-j" ? words.dropFirst() : words[...]
      return names.count < 2 ? nil : property(names[names.startIndex + 1])
    case "migrate", "migrate_incoming", "migrate_recover":
      return rest.contains("exec:") ? ProgramRules.program("`\(command.name)` with `exec`") : nil
    case "migrate_set_parameter":
      return rest.contains("cpr-exec") ? ProgramRules.program("`cpr-exec`") : nil
    case "netdev_add":
      guard let text = command.argument else { return unreadable(command) }
      return ProgramRules.network(
        .object(KeyValueText(text.bytes, implied: "type").items.map { .init($0.key, .string($0.value)) }))
    default: return nil
    }
  }

  static func unreadable(_ command: HMPCommand) -> Reason {
    Reason(
      rule: .malformedInput,
      message: "the arguments of `\(command.name)` cannot be read as QEMU would; use QMP")
  }

  private static func object(_ type: WireText?) -> Reason? {
    guard let type else { return nil }
    if isMonitor(type) { return monitor("`object-add` of `\(type)` opens a second monitor") }
    guard type == "qtest" else { return nil }
    return Reason(rule: .guestBackDoor, message: "an object of type `qtest` writes the guest's memory and ports")
  }

  /// Types of objects that are monitors (QEMU 11.1 qapi/qom.json: ObjectType).
  static func isMonitor(_ type: WireText) -> Bool { type == "monitor-qmp" || type == "monitor-hmp" }

  /// Monitors of `-mon` and `-qmp` have names of QEMU's own (QEMU 11.1 monitor/monitor.c); those of `-object` are found by
  /// `MonitorDeletionInquiry`.
  private static func deletion(_ id: WireText) -> Reason? {
    id.hasPrefix("compat_monitor") ? monitorDeleted(id) : nil
  }

  static func monitorDeleted(_ id: WireText) -> Reason {
    Reason(rule: .deletesAMonitor, message: "`\(id)` is a monitor, which another client may use")
  }

  private static func monitor(_ how: String) -> Reason {
    Reason(rule: .secondMonitor, message: "\(how), which the proxy does not guard")
  }

  /// Properties that management programs set while the guest runs: libvirt's balloon polling, virtio-mem, I/O threads,
  /// throttle groups and the ids of D-Bus state.
  private static let properties: Set<WireText> = [
    "guest-stats-polling-interval", "requested-size", "poll-max-ns", "poll-grow", "poll-shrink", "poll-weight",
    "aio-max-batch", "thread-pool-min", "thread-pool-max", "limits", "id-list",
  ]

  private static func property(_ name: WireText?) -> Reason? {
    guard let name, !properties.contains(name) else { return nil }
    if name == "realized" {
      return Reason(
        rule: .realizedArgument,
        message: "setting `realized` plugs and unplugs behind QEMU's own checks; use device_add and device_del")
    }
    return Reason(
      rule: .unlistedQOMProperty, message: "`\(name)` is not among the properties that management programs set in a running guest")
  }

  private static func socket(for protocolName: WireText?) -> Reason? {
    guard let protocolName, !["vnc", "spice", "@dbus-display"].contains(protocolName) else { return nil }
    return monitor("`add_client` for the character device `\(protocolName)` may connect a socket to a monitor")
  }
}

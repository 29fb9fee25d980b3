import Common
import Rules
import Syntax

/// Bypasses of the proxy: commands, also those of the human monitor in the form of QMP's,
/// with which a client could make QEMU do what the proxy would refuse.
/// THREATS.md has the reason for each.
package enum BypassRules {
  struct Reason {
    let rule: Rule
    let message: String
  }

  /// The refusal of a command.
  static func match(_ command: WireText, _ arguments: JSON?) -> Reason? {
    guard let arguments else { return nil }
    switch command {
    case "object-add": return arguments.wires("qom-type").lazy.compactMap(object).first
    case "object-del": return arguments.wire("id").flatMap(deletion)
    case "qom-set": return property(arguments.wire("property"))
    case "add_client": return socket(for: arguments.wire("protocol"))
    case "migrate", "migrate-incoming", "migrate-recover": return ProgramRules.migration(command, arguments)
    case "migrate-set-parameters": return ProgramRules.parameters(arguments)
    case "netdev_add": return ProgramRules.network(arguments) ?? forwarding(arguments)
    case "query-cpu-model-expansion", "query-cpu-model-baseline", "query-cpu-model-comparison":
      return models.lazy.compactMap { processor(arguments[$0]) }.first
    default: return nil
    }
  }

  static func unreadable(_ command: HMPCommand) -> Reason {
    Reason(
      rule: .malformedInput,
      message: "the arguments of `\(command.name)` cannot be read as QEMU would; use QMP")
  }

  static let unreadableImage = Reason(
    rule: .malformedInput, message: "the options behind `json:` cannot be read as QEMU would; give them as JSON with double quotes")

  static let gdbServer = monitor("`gdbserver` opens a port whose `monitor` packets are human monitor commands")

  static func guardedSocket(_ path: WireText) -> Reason {
    Reason(rule: .replacesASocket, message: "`\(path)` is the proxy's own socket, or that of its monitor")
  }

  private static func object(_ type: WireText) -> Reason? {
    if isMonitor(type) { return monitor("`object-add` of `\(type)` opens a second monitor") }
    guard type == "qtest" else { return nil }
    return Reason(rule: .guestBackDoor, message: "an object of type `qtest` writes the guest's memory and ports")
  }

  /// Types of objects that are monitors (QEMU 11.1 qapi/qom.json: ObjectType).
  package static func isMonitor(_ type: WireText) -> Bool { type == "monitor-qmp" || type == "monitor-hmp" }

  /// Monitors of `-mon` and `-qmp` have names of QEMU's own (QEMU 11.1 monitor/monitor.c); those of `-object` are found by
  /// `MonitorDeletionInquiry`.
  private static func deletion(_ id: WireText) -> Reason? {
    id.hasPrefix("compat_monitor") ? monitorDeleted(id) : nil
  }

  static func monitorDeleted(_ id: WireText) -> Reason {
    Reason(rule: .deletesAMonitor, message: "`\(id)` is a monitor, which another client may use")
  }

  static func perhapsMonitor(_ id: WireText) -> Reason {
    Reason(
      rule: .deletesAMonitor, message: "cannot determine whether `\(id)` is a monitor's: QEMU's command line cannot be read")
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
    if name == "realized" { return realized }
    return Reason(
      rule: .unlistedQOMProperty, message: "`\(name)` is not among the properties that management programs set in a running guest")
  }

  private static let realized = Reason(
    rule: .realizedArgument,
    message: "setting `realized` plugs and unplugs behind QEMU's own checks; use device_add and device_del")

  /// The arguments that are models of a processor (QEMU qapi/machine-target.json).
  static let models = ["model", "modela", "modelb"]

  /// QEMU makes a processor of the model, and one that is realized is the guest's (QEMU target/i386/cpu.c: x86_cpu_from_model).
  private static func processor(_ model: JSON?) -> Reason? {
    let properties = model?["props"]?.members ?? []
    if properties.contains(where: { WireText($0.key) == "realized" }) { return realized }
    // QEMU accepts both spellings.
    return properties.contains { ["lbr-fmt", "lbr_fmt"].contains(WireText($0.key)) } ? CrashingCommands.branchRecords : nil
  }

  /// The older form of a character device makes a monitor of a multiplexed one (QEMU net/slirp.c: slirp_guestfwd calls
  /// qemu_chr_new_mux_mon).
  private static func forwarding(_ arguments: JSON) -> Reason? {
    guard ForwardingRule.all(in: arguments).contains(where: \.device.opensMonitor) else { return nil }
    return monitor("`guestfwd` with `mon:` or `mux` opens a human monitor")
  }

  private static func socket(for protocolName: WireText?) -> Reason? {
    guard let protocolName, !["vnc", "spice", "@dbus-display"].contains(protocolName) else { return nil }
    return monitor("`add_client` for the character device `\(protocolName)` may connect a socket to a monitor")
  }
}

import Common
import Facts
import Inputs
import Proxy
import Syntax

/// One monitor of a QEMU command line.
struct LaunchMonitor: Hashable, Sendable {
  enum Kind: Sendable { case qmp, hmp }

  let kind: Kind
  /// The option as written: `-qmp unix:/run/guest.qmp,server=on`.
  let text: String
  let address: MonitorAddress
  /// Offset of the argument with the address in the source of the command line.
  let place: Int?

  /// Every monitor, in the order in which QEMU creates them: objects, then -mon, -qmp and -monitor.
  static func all(of machine: MachineConfig) -> [LaunchMonitor] {
    let objects = machine.objects.compactMap { object -> LaunchMonitor? in
      guard let type = object.type, isMonitor(type) else { return nil }
      let text = "-object \(type),id=\(object.id ?? "")"
      return monitor(type == "monitor-qmp" ? .qmp : .hmp, text, on: object.string("chardev"), of: machine)
    }
    let options = machine.options.compactMap { monitor($0, of: machine) }
    return objects + options + defaults(of: machine)
  }

  private static func isMonitor(_ type: String?) -> Bool { type.map { BypassRules.isMonitor(WireText($0)) } ?? false }

  private static func monitor(_ option: Property, of machine: MachineConfig) -> LaunchMonitor? {
    let value = option.value.string ?? ""
    let text = value.isEmpty ? "-\(option.name)" : "-\(option.name) \(value)"
    switch option.name {
    case "qmp", "qmp-pretty", "monitor":
      let kind: Kind = option.name == "monitor" ? .hmp : .qmp
      if value == "none" { return nil }
      // QEMU system/vl.c: monitor_parse.
      if value.hasPrefix("chardev:") { return monitor(kind, text, on: String(value.dropFirst(8)), of: machine) }
      return LaunchMonitor(
        kind: kind, text: text, address: MonitorAddress(device: value).at(option.location, in: machine),
        place: option.location.range?.lowerBound)
    case "mon":
      let items = KeyValueText(Array(value.utf8), implied: "chardev").items
      func item(_ key: String) -> String? { items.last { $0.key == key }?.value }
      return monitor(item("mode") == "control" ? .qmp : .hmp, text, on: item("chardev"), of: machine)
    case "serial", "parallel", "virtioconsole", "debugcon":
      guard CharacterDeviceText(WireText(value)).opensMonitor else { return nil }
      return LaunchMonitor(kind: .hmp, text: text, address: .other("it shares a console"), place: nil)
    // The packets `monitor` of gdb are commands of the human monitor.
    case "gdb" where value != "none", "s":
      return LaunchMonitor(kind: .hmp, text: "gdb's port (`\(text)`)", address: .other("it is gdb's"), place: nil)
    default: return nil
    }
  }

  /// A monitor on a -chardev.
  private static func monitor(
    _ kind: Kind, _ text: String, on id: String?, of machine: MachineConfig
  ) -> LaunchMonitor {
    for option in machine.options where option.name == "chardev" {
      let items = KeyValueText(Array((option.value.string ?? "").utf8), implied: "backend").items
      guard let id, items.last(where: { $0.key == "id" })?.value == id else { continue }
      let backend = items.last { $0.key == "backend" }?.value ?? ""
      return LaunchMonitor(
        kind: kind, text: text,
        address: backend == "socket"
          ? MonitorAddress(items).at(option.location, in: machine) : .other("its character device is `\(backend)`"),
        place: option.location.range?.lowerBound)
    }
    return LaunchMonitor(
      kind: kind, text: text, address: .other("no -chardev `\(id ?? "")` is on the command line"), place: nil)
  }

  /// QEMU creates an HMP monitor of its own where none is requested (QEMU system/vl.c: default_monitor).
  private static func defaults(of machine: MachineConfig) -> [LaunchMonitor] {
    let isAsked = machine.options.contains { option in
      switch option.name {
      case "monitor", "qmp", "qmp-pretty", "mon", "nodefaults": true
      case "serial", "parallel": option.value.string.map { CharacterDeviceText(WireText($0)).opensMonitor } ?? false
      default: false
      }
    }
    if isAsked || machine.objects.contains(where: { isMonitor($0.type) }) { return [] }
    return [LaunchMonitor(kind: .hmp, text: "QEMU's default monitor", address: .other("it is on a console"), place: nil)]
  }
}

extension LaunchMonitor {
  /// The reason why it cannot be guarded; nil when it can, and for HMP monitors, which are never guarded.
  var refusal: String? {
    guard kind == .qmp, case .other(let reason) = address else { return nil }
    return "`\(text)` cannot be guarded: \(reason)"
  }

  /// The warnings about monitors of a command line, which do not refuse the start.
  static func remarks(_ monitors: [LaunchMonitor], of machine: MachineConfig) -> [String] {
    let remarks = monitors.compactMap(\.remark)
    let isQEMU = machine.emulator.map(InputFormat.isNamedLikeEmulator) ?? false
    if isQEMU || monitors.contains(where: { $0.kind == .qmp }) { return remarks }
    let unseen = "not guarded: the program is not QEMU by its name, and its arguments name no QMP monitor: monitors that it opens are not "
      + "seen. Start QEMU itself with `vfiogate run --guard`, in that program"
    // Its options are not QEMU's: nothing says that there is a default monitor.
    return monitors.filter { $0.place != nil }.compactMap(\.remark) + [unseen]
  }

  /// A warning that does not refuse the start; nil for QMP monitors.
  private var remark: String? {
    kind == .hmp ? "not guarded: \(text) is an HMP monitor: any process that can open it can plug unsafe devices" : nil
  }
}

extension MonitorAddress {
  /// A path in a file of -readconfig cannot be replaced by a connection.
  fileprivate func at(_ place: Location, in machine: MachineConfig) -> MonitorAddress {
    guard case .listens = self, place.source != machine.source else { return self }
    return .other("it is described in `\(place.source)`, which is not rewritten")
  }
}

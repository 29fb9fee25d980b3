import Facts
import QMP
import Syntax

/// One command that tries a plug.
struct PlannedPlug {
  let command: Command
  /// Whether its refusal is that of the plug; a substitute only takes the place for the plugs behind it.
  let decides: Bool

  /// The plug, without its host device, and then what takes its place.
  static func trials(of request: DeviceRequest, spare: Int) -> [PlannedPlug] {
    let (own, substitute) = PlannedDevice(request).plug(spare: spare)
    return [PlannedPlug(command: command(own, request), decides: true)]
      + (substitute.map { [PlannedPlug(command: Command("device_add", $0), decides: false)] } ?? [])
  }

  /// A plug before the one that is tried, of a device that the running QEMU has: what takes its place is enough.
  static func repetition(of request: DeviceRequest) -> Command {
    let (own, substitute) = PlannedDevice(request).plug(spare: 0)
    return substitute.map { Command("device_add", $0) } ?? command(own, request)
  }

  /// Plugs of the type itself that look it up and then find no bus. After a module of another build the next one that is loaded ends
  /// QEMU (QEMU util/module.c: module_load_dso), so the type is looked up twice, the second time by the plug unless that has a
  /// substitute of another type. Each refusal after the first takes 60 milliseconds (QEMU 7.2 monitor: drain_call_rcu).
  static func lookups(of request: DeviceRequest) -> [Command] {
    guard let driver = request.driver else { return [] }
    let lookup = Command("device_add", ["driver": .string(driver), "bus": "vfiogate-lookup"])
    return PlannedDevice(request).plug(spare: 0).own["driver"] == .string(driver) ? [lookup] : [lookup, lookup]
  }

  /// The creation of a backend without a connection for each one that the plug names. QEMU refuses those that it has; the others
  /// may have been made since the machine's start, as libvirt does just before a plug.
  /// - Parameter hub: a number that no other call gets.
  static func backends(of request: DeviceRequest, hub: Int) -> [(property: String, command: Command)] {
    ["netdev", "drive", "chardev"].compactMap { property in
      guard let id = request.string(property) else { return nil }
      let name = JSON.string(id)
      switch property {
      case "netdev": return (property, Command("netdev_add", ["type": "hubport", "id": name, "hubid": .integer(Int64(hub))]))
      case "drive":
        let disk: JSON = ["driver": "null-co", "node-name": name, "read-zeroes": true, "size": .integer(PlannedOption.diskSize)]
        return (property, Command("blockdev-add", disk))
      default: return (property, Command("chardev-add", ["id": name, "backend": ["type": "null", "data": [:]]]))
      }
    }
  }

  private static func command(_ arguments: JSON, _ request: DeviceRequest) -> Command {
    guard request.form == .keyval, let members = arguments.members else { return Command("device_add", arguments) }
    // The human monitor's form.
    let text = OptionText.keyval(members.compactMap { member in member.value.string.map { (member.key, $0) } })
    return Command("human-monitor-command", ["command-line": .string("device_add " + text)])
  }

  /// QEMU's text when it refused.
  func refusal(_ reply: Result<JSON, CommandError>) -> String? {
    switch reply {
    case .failure(let error): return error.text
    case .success(let value):
      // The human monitor prints errors (QEMU monitor/hmp-cmds.c: hmp_handle_error).
      guard let text = value.string, !text.isEmpty else { return nil }
      let line = text.hasPrefix("Error: ") ? String(text.dropFirst(7)) : text
      return line.split(whereSeparator: \.isNewline).joined(separator: "\n")
    }
  }
}

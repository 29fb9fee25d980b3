import Syntax

/// The shape of a QMP command, as far as it decides whether QEMU executes it (recorded from 11.1.3).
enum QMPCommandText {
  /// The arguments of commands that plugs depend on, and that are not checked elsewhere: those that are needed come first, and are
  /// strings (QEMU qapi/qdev.json, qom.json and misc.json).
  private static let commands: [String: (needed: [String], optional: [String])] = [
    "device_del": (["id"], []), "object-del": (["id"], []), "human-monitor-command": (["command-line"], ["cpu-index"]),
  ]

  /// QEMU's text about a command that it does not execute; nil for any other message (QEMU qapi/qmp-dispatch.c:
  /// qmp_dispatch_check_obj; qapi/qobject-input-visitor.c).
  static func refusal(of message: JSON) -> String? {
    guard let name = message["execute"]?.string else { return nil }
    let members = (message.members ?? []).map(\.key)
    if let other = members.first(where: { !["execute", "arguments", "id"].contains($0) }) {
      return "QMP input member '\(other)' is unexpected"
    }
    guard let (needed, optional) = commands[name] else { return nil }
    let arguments = message["arguments"]
    for argument in needed {
      guard let value = arguments?[argument] else { return "Parameter '\(argument)' is missing" }
      if value.string == nil { return "Invalid parameter type for '\(argument)', expected: string" }
    }
    let other = arguments?.members?.first { !needed.contains($0.key) && !optional.contains($0.key) }
    return other.map { "Parameter '\($0.key)' is unexpected" }
  }
}

import Facts
import Syntax

/// Character devices that listen and wait for their first client: QEMU accepts it in its main thread.
enum WaitingSockets {
  /// The refusal of a QMP command, or of one of the human monitor in the form of QMP's.
  static func refusal(of command: WireText, _ arguments: JSON) -> BypassRules.Reason? {
    let waits: Bool
    switch command {
    case "chardev-add", "chardev-change":
      if let backend = arguments["backend"], backend.members != nil {
        // It waits only where `wait` is given (QEMU chardev/char-socket.c: qmp_chardev_open_socket).
        let data = backend["data"]
        waits = backend.wire("type") == "socket" && data?["wait"] == .bool(true) && data?["server"] != .bool(false)
      } else {
        // Key=value text has another default.
        waits = arguments.wires("backend").contains("socket") && waitsForClient(arguments)
      }
    case "netdev_add": waits = ForwardingRule.all(in: arguments).contains { waitsForClient($0.device.options) }
    default: waits = false
    }
    guard waits else { return nil }
    return BypassRules.Reason(rule: .blockingFile, message: "QEMU, and the guest with it, would wait for the socket's first client")
  }

  /// Whether a socket with options of key=value text waits (QEMU chardev/char-socket.c: qemu_chr_parse_socket).
  private static func waitsForClient(_ options: JSON) -> Bool {
    options.isOn("server", default: false) && options.isOn("wait", default: true)
  }
}

extension JSON {
  /// A boolean of key=value text, whose last value counts; another text is refused.
  func isOn(_ name: WireText, default value: Bool) -> Bool { wires(name).last.map { QEMUBool($0.description) == .on } ?? value }
}

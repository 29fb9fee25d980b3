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
        // Key=value text has another default (qemu_chr_parse_socket).
        waits = arguments.wires("backend").contains("socket") && isOn("server", arguments, default: false)
          && isOn("wait", arguments, default: true)
      }
    case "netdev_add": waits = BlockingFiles.forwarded(arguments).contains(where: listens)
    default: waits = false
    }
    guard waits else { return nil }
    return BypassRules.Reason(rule: .blockingFile, message: "QEMU, and the guest with it, would wait for the socket's first client")
  }

  private static func isOn(_ name: WireText, _ options: JSON, default value: Bool) -> Bool {
    options.wires(name).last.map { ["on", "yes", "true", "y"].contains($0) } ?? value
  }

  /// Whether a rule such as `tcp:10.0.2.100:80-unix:PATH,server=on` listens and waits (QEMU chardev/char.c: qemu_chr_parse_compat).
  private static func listens(_ rule: WireText) -> Bool {
    guard let dash = rule.bytes.firstIndex(of: UInt8(ascii: "-")) else { return false }
    let options = KeyValueText(Array(rule.bytes[(dash + 1)...]), implied: "backend").items.map { JSON.Member($0.key, .string($0.value)) }
    return isOn("server", .object(options), default: false) && isOn("wait", .object(options), default: true)
  }
}

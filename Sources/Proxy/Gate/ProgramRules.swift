import Rules
import Syntax

/// Commands that make QEMU run a program of the client's choice.
enum ProgramRules {
  static func program(_ how: String) -> BypassRules.Reason {
    BypassRules.Reason(
      rule: .runsAProgram, message: "\(how) makes QEMU run a program, which can do what QEMU can")
  }

  /// `exec:` in a URI, or the transport `exec` of a channel, at any depth.
  static func migration(_ command: WireText, _ arguments: JSON) -> BypassRules.Reason? {
    runsProgram(arguments) ? program("`\(command)` with `exec`") : nil
  }

  private static func runsProgram(_ value: JSON) -> Bool {
    switch value {
    case .object(let members):
      return members.contains { member in
        let text = member.value.wire
        switch WireText(member.key) {
        case "transport" where text == "exec": return true
        case "uri" where text?.hasPrefix("exec:") == true: return true
        default: return runsProgram(member.value)
        }
      }
    case .array(let items): return items.contains(where: runsProgram)
    default: return false
    }
  }

  /// The program that a migration with the mode `cpr-exec` becomes (QEMU 11.1 migration/cpr-exec.c).
  /// The human monitor names one parameter, and its value may be in quotes.
  static func parameters(_ arguments: JSON) -> BypassRules.Reason? {
    let isCommand = arguments["cpr-exec-command"] != nil || arguments.wire("parameter") == "cpr-exec-command"
    let value = arguments.wire("parameter") == "mode" ? arguments.wire("value") : nil
    let isMode = arguments.wire("mode") == "cpr-exec" || value?.contains("cpr-exec") == true
    return isCommand || isMode ? program("`cpr-exec`") : nil
  }

  /// QEMU's own bridge helper, where distributions install it.
  private static let bridgeHelpers: Set<WireText> = [
    "/usr/lib/qemu/qemu-bridge-helper", "/usr/libexec/qemu-bridge-helper", "/usr/local/libexec/qemu-bridge-helper",
  ]

  /// Programs of a network backend (QEMU qapi/net.json). Where none is named, QEMU runs its own.
  static func network(_ arguments: JSON) -> BypassRules.Reason? {
    let types = arguments.wires("type")
    // Scripts that are not named are /etc/qemu-ifup and /etc/qemu-ifdown, unless QEMU does not open the interface itself.
    if types.contains("tap"), !["fd", "fds", "helper"].contains(where: { arguments[$0] != nil }),
      let script = ["script", "downscript"].first(where: { arguments[$0] == nil })
    {
      return program("a tap network without `\(script)=no`")
    }
    for member in arguments.members ?? [] {
      let text = member.value.wire
      // Key=value text has the members of a member as `guestfwd.0.str`.
      switch WireText(member.key).split(".")[0] {
      case "helper":
        if let text, bridgeHelpers.contains(text) { continue }
        return program("`helper` of a network backend")
      case "script", "downscript":
        // "no" is none. An empty one is not run either (QEMU net/tap.c: net_init_tap).
        if text == "no" || text == "" { continue }
        return program("`\(member.key)` of a network backend")
      case "path" where types.isEmpty || types.contains("passt"): return program("`path` of a passt network")
      // The folder's name becomes a part of the server's configuration, which may name programs.
      case "smb": return program("`smb` of a user network")
      default: continue
      }
    }
    return ForwardingRule.all(in: arguments).contains(where: \.device.isProgram) ? program("`guestfwd` with `cmd`") : nil
  }
}

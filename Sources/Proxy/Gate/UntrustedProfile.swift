import Common
import Rules
import Syntax

/// The profile `untrusted`: commands whose effect ends at the guest, and of those that change it only the allowed ones.
extension QMPCommandFilter {
  /// The refusal of a command by its class, before anything else is inspected.
  func outsideProfile(_ about: CommandContext) -> BypassRules.Reason? {
    let command = about.command
    guard let kind = CommandClass.named(command) else {
      return options.profile == .untrusted ? QMPCommandFilter.unknown(command) : nil
    }
    guard options.profile == .untrusted, !allowed.contains(command) else { return nil }
    switch kind {
    case .open: return outsideProfile(open: about)
    case .guest: return outside("`\(command)` changes the guest, and was not allowed (`--allow \(command)`)")
    case .host: return outside("`\(command)` has effects beyond the guest")
    case .judged: return outsideProfile(judged: about)
    }
  }

  /// Whether a command may be allowed: in `untrusted` what changes the guest alone, in `guest-safety` what is not known. Nil
  /// when it may.
  public static func refusalToAllow(_ name: String, in profile: Profile) -> String? {
    let command = WireText(name)
    switch profile {
    case .untrusted:
      switch CommandClass.named(command) {
      case .guest?: return nil
      case .judged? where command == "device_del": return nil
      case .open?: return "`\(name)` passes without it"
      case .judged?: return "the arguments of `\(name)` decide"
      case .host?: return "`\(name)` has effects beyond the guest: a client that may use it is trusted (`--profile guest-safety`)"
      case nil: return "`\(name)` is not a command of QMP that this vfiogate knows"
      }
    case .guestSafety:
      if HumanCommands.types(command) == nil { return nil }
      return "`\(name)` is a known command of the human monitor, and passes unless it does harm"
    }
  }

  static func unknown(_ command: WireText) -> BypassRules.Reason {
    BypassRules.Reason(
      rule: .unknownCommand, message: "this vfiogate does not know the command `\(command)`, so it cannot say what it does")
  }

  static let otherDescriptor = BypassRules.Reason(
    rule: .outsideProfile,
    message: "only descriptors of vfio devices (/dev/vfio/devices/) are passed on: QEMU could wait, when it closes another file, for the "
      + "peer or the server that it belongs to")

  private func outside(_ message: String) -> BypassRules.Reason { .init(rule: .outsideProfile, message: message) }

  /// QEMU makes an object of the type whose properties it lists, and crashes with some.
  private func outsideProfile(open about: CommandContext) -> BypassRules.Reason? {
    switch about.command {
    case "device-list-properties", "qom-list-properties":
      guard let type = about.message.arguments?.wire("typename"), !type.hasPrefix("vfio-pci") else { return nil }
      return outside("only the properties of `vfio-pci` are listed")
    case "query-cpu-model-expansion", "query-cpu-model-baseline", "query-cpu-model-comparison":
      let models = BypassRules.models.compactMap { about.message.arguments?[$0] }
      guard models.contains(where: { $0["props"].map { $0.members?.isEmpty != true } ?? false }) else { return nil }
      return outside("`props` sets any property of a processor")
    default: return nil
    }
  }

  private func outsideProfile(judged about: CommandContext) -> BypassRules.Reason? {
    let arguments = about.message.arguments
    switch about.command {
    case "device_add": return outsideProfile(plug: arguments, about.client.number)
    case "device_del":
      guard let id = arguments?.wire("id"), plugged[id] == nil else { return nil }
      return outside("`\(id)` was not plugged through the proxy, and `device_del` was not allowed (`--allow device_del`)")
    case "closefd":
      guard let name = arguments?.wire("fdname"), owners[name] == nil else { return nil }
      return outside("the descriptor `\(name)` did not come from a client of the proxy")
    default: return nil
    }
  }

  /// Properties of vfio-pci that name nothing of the host but the function. `sysfsdev` is a path, which a client could
  /// change between the check and the plug.
  private static let properties: Set<WireText> = [
    "driver", "id", "bus", "addr", "host", "fd", "iommufd", "ats", "multifunction", "acpi-index", "bootindex", "rombar",
    "failover_pair_id", "vf-token", "enable-migration", "x-no-mmap", "x-req", "x-msix-relocation",
  ]

  private func outsideProfile(plug arguments: JSON?, _ client: Int) -> BypassRules.Reason? {
    guard let members = arguments?.members else { return nil }
    guard arguments?.wire("driver") == "vfio-pci" else { return outside("only devices of type `vfio-pci` are plugged") }
    for member in members where !QMPCommandFilter.properties.contains(WireText(member.key)) {
      return outside("the property `\(member.key)` is not among those that untrusted clients may set")
    }
    guard let fd = arguments?["fd"], fd.wire.map({ owners[$0] == client }) != true else { return nil }
    return outside("`fd` is not a name that the client gave to a descriptor of its own")
  }
}

import Common
import Facts
import Glibc
import Host
import Inputs
import Prediction
import QMP
import Rules
import Syntax

/// The command filter of `vfiogate proxy`: refuses commands that crash the guest, bypass the proxy, or will fail.
public final class QMPCommandFilter: CommandFilter {
  /// The effect of a refusal.
  public enum Mode: String, Sendable, CaseIterable {
    /// A refused command does not reach QEMU.
    case enforce
    /// Every command reaches QEMU; refusals are only logged.
    case observe
  }

  /// Options of the filter.
  public struct Options: Sendable {
    /// The host that QEMU runs on.
    public var host: HostChoice = .live
    /// The effect of a refusal.
    public var mode: Mode = .enforce
    /// Allowed findings, and changed severities.
    public var policy = PolicyFile.none
    /// The effect of an undetermined rule. Nil refuses it only if it is about a crash of the guest.
    public var onUnknown: OnUnknown?
    /// Whether to add the effective `ats` to plugs that leave it out.
    public var pinsATS = false
    /// QEMU's process id, for its files in /proc; nil when it is not known.
    public var process: pid_t?
    /// QEMU's -global options, if the caller started it; nil reads them from its process.
    public var globals: Known<[GlobalProperty]>?

    /// Whether plugs are tried on a scratch QEMU.
    public var rehearses = true
    /// The program of the scratch QEMU; nil is that of the running one.
    public var emulator: String?

    /// Creates the defaults: the live host, enforced, without a policy.
    public init() {}
  }

  let options: Options
  let log: ProxyLog
  let reserve = DescriptorReserve()
  /// Nil where plugs are not tried, or QEMU's process is not known.
  let scratch: ScratchQEMU?
  var ledger = DescriptorLedger()
  /// Host functions of devices that were plugged through the proxy, by id.
  var plugged: [String: PCIAddress] = [:]

  /// Creates a filter that logs its decisions.
  public init(_ options: Options, log: ProxyLog) {
    self.options = options
    self.log = log
    scratch = options.rehearses ? options.process.map { ScratchQEMU(process: $0, emulator: options.emulator) } : nil
  }

  /// The client that gave each descriptor its name: QEMU has one set of names for all clients of a monitor.
  var owners: [WireText: Int] = [:]

  /// Drops the names of the client's descriptors.
  public func clientGone(_ client: ProxyPeer) {
    for (name, owner) in owners where owner == client.number { owners[name] = nil }
  }

  /// Forwards, refuses, or begins a decision.
  public func inspect(_ message: ClientMessage, from client: ProxyPeer) -> ProxyInspection {
    guard let name = message.command else { return .pass }
    let about = CommandContext(message: message, client: client, command: WireText(name))
    if let reason = BypassRules.match(about.command, message.arguments) { return refuse(reason, about) }
    if let reason = foreignName(about) { return refuse(reason, about) }
    if let reason = numberInUse(about) { return refuse(reason, about) }
    switch about.command {
    case "device_add":
      return plug(message.arguments.flatMap { PlugRequest.read($0, source: "device_add") }, about)
    case "human-monitor-command": return human(message, about)
    case "getfd", "add-fd":
      // A descriptor of an earlier command would be given the name, unseen.
      guard !message.descriptors.isEmpty else { return .refuse(QMPCommandFilter.noDescriptor) }
      return .inquire(DescriptorInquiry(self, about))
    case "closefd": return .inquire(DescriptorInquiry(self, about))
    case "remove-fd": return .inquire(RemoveFdInquiry(self, about))
    case "object-add": return object(message, about)
    case "object-del":
      guard let id = message.arguments?.wire("id") else { return .pass }
      return .inquire(MonitorDeletionInquiry(self, id, about))
    default: return .pass
    }
  }

  /// QEMU's own answer (QEMU monitor/fds.c: qmp_getfd, qmp_add_fd).
  private static let noDescriptor = CommandError(
    errorClass: "GenericError", text: "No file descriptor supplied via SCM_RIGHTS")

  /// Whether a network backend names the number of a descriptor that a device uses: QEMU closes it when the backend fails or
  /// is deleted.
  private func numberInUse(_ about: CommandContext) -> BypassRules.Reason? {
    guard about.command == "netdev_add", let arguments = about.message.arguments, !ledger.numbersInUse.isEmpty else {
      return nil
    }
    let texts = ["fd", "fds", "vhostfd", "vhostfds"].compactMap { arguments.wire($0) }
      + [arguments["addr"]?.wire("str")].compactMap { $0 }
    let numbers = texts.flatMap { $0.split(":") }.compactMap(\.number)
    guard let number = numbers.first(where: ledger.numbersInUse.contains) else { return nil }
    return BypassRules.Reason(
      rule: .fdInUse,
      message: "descriptor \(number) was given to QEMU as `fd=\(number)`, and a network backend that fails closes it under the "
        + "running device")
  }

  /// Whether the command names a descriptor of another client, which only that client may replace, close and use.
  func foreignName(_ about: CommandContext) -> BypassRules.Reason? {
    let key: String
    switch about.command {
    case "getfd", "closefd": key = "fdname"
    case "device_add", "object-add": key = "fd"
    default: return nil
    }
    guard let name = about.message.arguments?.wire(key), let owner = owners[name], owner != about.client.number
    else { return nil }
    return BypassRules.Reason(
      rule: .fdOfAnotherClient, message: "the descriptor `\(name)` belongs to client \(owner)")
  }

  /// The subject of a log line.
  struct CommandContext {
    let message: ClientMessage
    let client: ProxyPeer
    let command: WireText
  }

  private func plug(_ request: DeviceRequest?, _ about: CommandContext) -> ProxyInspection {
    // Without arguments QEMU reports the error itself.
    guard let request else { return .pass }
    if let reason = CrashingRequests.match(request) ?? crash(on: request) { return refuse(reason, about) }
    return request.isVFIO ? .inquire(PlugInquiry(self, request, about)) : .pass
  }

  private func human(_ message: ClientMessage, _ about: CommandContext) -> ProxyInspection {
    guard let line = message.arguments?["command-line"]?.string, let command = HMPCommand(line) else {
      return .pass
    }
    if let reason = BypassRules.match(command) { return refuse(reason, about) }
    switch WireText(command.name) {
    case "device_add":
      guard let request = PlugRequest.read(command, source: "device_add") else {
        return refuse(BypassRules.unreadable(command), about)
      }
      return plug(request, about)
    case "object_del":
      return .inquire(MonitorDeletionInquiry(self, WireText(bytes: command.argument?.bytes ?? []), about))
    default: return .pass
    }
  }

  /// QEMU accepts an iommufd object around any descriptor, unchecked.
  private func object(_ message: ClientMessage, _ about: CommandContext) -> ProxyInspection {
    guard message.arguments?.wire("qom-type") == "iommufd", let fd = message.arguments?.wire("fd") else {
      return .pass
    }
    if ledger.isIOMMUFD(fd, process: options.process) == .known(false) {
      return refuse(
        BypassRules.Reason(
          rule: .iommufdWrongDescriptor,
          message: "the descriptor `\(fd)` is not /dev/iommu; QEMU accepts it and every attach fails"),
        about)
    }
    return .inquire(DescriptorInquiry(self, about))
  }

  /// - Returns: the refusal, or in observe mode its log line.
  func refuse(_ reason: BypassRules.Reason, _ about: CommandContext) -> ProxyInspection {
    note(.refused, about, rules: [reason.rule], text: reason.message)
    return options.mode == .observe ? .pass : .refuse(QMPCommandFilter.error(reason))
  }

  /// The refusal as a step of a decision, or in observe mode its log line and the command.
  func step(_ reason: BypassRules.Reason, _ about: CommandContext) -> DecisionStep {
    if case .refuse(let error) = refuse(reason, about) { return .refuse(error) }
    return .pass(instead: nil)
  }

  static func error(_ reason: BypassRules.Reason) -> CommandError {
    CommandError(errorClass: "GenericError", text: "vfiogate: refused: \(reason.rule.name): \(reason.message)")
  }

  enum Verdict: String { case accepted, warned, refused }

  /// One line of the log for one decision.
  func note(
    _ verdict: Verdict, _ about: CommandContext, device: String? = nil, rules: [Rule] = [], text: String? = nil,
    facts: [String] = [], milliseconds: Int64 = 0
  ) {
    var fields = [JSON.Member("peer", .string("\(about.client)")), .init("command", .string("\(about.command)"))]
    if let id = about.message.id { fields.append(.init("id", id)) }
    if let device { fields.append(.init("device", .string(device))) }
    let would = verdict == .refused && options.mode == .observe
    fields.append(.init("verdict", .string(would ? "would-refuse" : verdict.rawValue)))
    fields.append(.init("rules", .array(rules.map { .string($0.name) })))
    if let text { fields.append(.init("text", .string(text))) }
    if !facts.isEmpty { fields.append(.init("facts", .array(facts.map { .string($0) }))) }
    fields.append(.init("ms", .integer(milliseconds)))
    log.write(verdict == .accepted ? .info : .warning, "decision", fields, client: about.client.number)
  }
}

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

  /// The clients that the filter protects from. THREATS.md states what each profile promises.
  public enum Profile: String, Sendable, CaseIterable {
    /// The guest from clients that mean well: everything passes that is not known to do harm.
    case guestSafety = "guest-safety"
    /// Guest and host from clients that are not trusted: only commands of a list pass.
    case untrusted
  }

  /// Options of the filter.
  public struct Options: Sendable {
    /// The clients that are protected from.
    public var profile = Profile.guestSafety
    /// Commands that pass although the profile would refuse them; bypasses are refused regardless.
    public var allowed: [String] = []
    /// Paths of the proxy's own socket and of the guarded monitor.
    public var sockets: [String] = []
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
    /// QEMU's command line, if the caller starts it; nil reads it from its process.
    public var machine: MachineConfig?

    /// Whether plugs are tried on a scratch QEMU.
    public var rehearses = true
    /// The program of the scratch QEMU; nil is that of the running one.
    public var emulator: String?

    /// Creates the defaults: the live host, enforced, without a policy.
    public init() {}
  }

  var options: Options
  let log: ProxyLog
  let allowed: Set<WireText>
  let reserve = DescriptorReserve()
  /// Nil where plugs are not tried, or QEMU's process is not known.
  var scratch: ScratchQEMU?
  var ledger = DescriptorLedger()
  /// Host functions of devices that were plugged through the proxy, by id.
  var plugged: [WireText: PCIAddress] = [:]
  /// The list of requests that are known to crash QEMU.
  var knownCrash: (DeviceRequest) -> BypassRules.Reason? = CrashingRequests.match
  /// Determines whether a descriptor is that of a vfio device.
  var isVFIODevice: (Int32) -> Bool = {
    if case .known(.some) = VFIODescriptor.device(behind: $0) { true } else { false }
  }
  /// Reads QEMU's locked memory.
  var lockedMemory: (pid_t?) throws(Unknown) -> LockedMemoryUse = { process throws(Unknown) in try .read(of: process) }
  /// The guest's states, as far as they decide about commands.
  var runStates = RunStates()
  /// Primaries of failover pairs that QEMU keeps back, by id.
  var hidden: [WireText: HiddenPrimary] = [:]
  /// Whether those of QEMU's command line are among them.
  var hasReadHidden = false
  /// Character devices of monitors, once QEMU's command line was read.
  var monitorDevices: MonitorDevices?

  /// The host where it is not the live one, once it was read: nothing in it changes.
  var recordedHost: Facts.Host?
  /// Properties of the guest that QEMU has reported.
  let guestProperties = GuestProperties()

  /// Forgets the guest's properties: a device has gone, and another may have its path.
  public func deviceGone(_ id: WireText?) {
    guestProperties.forget()
    scratch?.hasLost(id)
    runStates.unplugging = runStates.unplugging.filter { id == nil ? !$0.hasPrefix("/") : $0 != id }
  }

  /// Creates a filter that logs its decisions.
  public init(_ options: Options, log: ProxyLog) {
    self.options = options
    self.log = log
    allowed = Set(options.allowed.map { WireText($0) })
    prepareTrials()
  }

  /// The client that gave each descriptor its name: QEMU has one set of names for all clients of a monitor.
  var owners: [WireText: Int] = [:]

  /// Drops the names of the client's descriptors.
  public func clientGone(_ client: ProxyPeer) -> [WireText] {
    let names = owners.filter { $0.value == client.number }.map(\.key)
    for name in names {
      owners[name] = nil
      ledger.keep(name, nil)
    }
    return names
  }

  /// Forwards, refuses, or begins a decision.
  public func inspect(_ message: ClientMessage, from client: ProxyPeer) -> ProxyInspection {
    guard let name = message.command else { return .pass }
    let about = CommandContext(message: message, client: client, command: WireText(name))
    if let reason = outsideProfile(about) { return refuse(reason, about) }
    if CommandClass.named(about.command) == nil {
      note(.warned, about, text: "this vfiogate does not know the command")
    }
    switch about.command {
    case "device_add":
      return plug(message.arguments.flatMap { PlugRequest.read($0, source: "device_add") }, message.arguments, about)
    case "human-monitor-command": return orTried(human(message, about), about)
    case "getfd", "add-fd":
      // A descriptor of an earlier command would be given the name, unseen.
      guard !message.descriptors.isEmpty else { return .refuse(QMPCommandFilter.noDescriptor) }
      if options.profile == .untrusted, !message.descriptors.map(\.number).allSatisfy(isVFIODevice) {
        return refuse(QMPCommandFilter.otherDescriptor, about)
      }
      return passing(about)
    case "closefd": return passing(about)
    case "remove-fd": return .inquire(RemoveFdInquiry(self, about))
    default: return orTried(inspect(about.command, message.arguments, about), about)
    }
  }

  private func orTried(_ decision: ProxyInspection, _ about: CommandContext) -> ProxyInspection {
    guard case .pass = decision else { return decision }
    return triedList(about) ?? .pass
  }

  private func passing(_ about: CommandContext) -> ProxyInspection {
    foreignName(about).map { refuse($0, about) } ?? .inquire(DescriptorInquiry(self, about))
  }

  /// Decides about a QMP command, or one of the human monitor in the form of QMP's.
  private func inspect(_ command: WireText, _ arguments: JSON?, _ about: CommandContext) -> ProxyInspection {
    if let reason = BypassRules.match(command, arguments) { return refuse(reason, about) }
    if let reason = endedMonitor(command, arguments) { return refuse(reason, about) }
    if let reason = arguments.flatMap({ CrashingCommands.match(command, $0) }) { return refuse(reason, about) }
    guard let trees = try? BlockOptions.trees(in: command, arguments) else { return refuse(BypassRules.unreadableImage, about) }
    if let reason = arguments.flatMap(guardedSocket) ?? blockingFile(command, arguments) { return refuse(reason, about) }
    if command == "object-add", let reason = wrongIOMMUFD(arguments) { return refuse(reason, about) }
    if let reason = trees.lazy.compactMap(CrashingCommands.tree).first { return refuse(reason, about) }
    let first: [(any CommandDecision)?] = [
      CrashInquiry.of(command, arguments, self, about),
      CrashInquiry.ofThrottle(command, trees, self, about), CrashInquiry.ofNodes(command, arguments, self, about),
      BlockValues.ofManagers(trees, self, about), ObjectRecord.of(command, arguments, scratch),
      UnplugInquiry.of(command, arguments, self, about),
    ]
    if let use = descriptorUse(command, arguments, about) {
      guard case .inquire(let decision) = use else { return use }
      return DecisionChain.of(first + [decision]) ?? use
    }
    switch command {
    case "object-del":
      guard let id = arguments?.wire("id") else { return .pass }
      return DecisionChain.of(first + [MonitorDeletionInquiry(self, id, about)]) ?? .pass
    case "qom-set":
      guard arguments?.wire("property") == "requested-size", let path = arguments?.wire("path"), let value = arguments?["value"]
      else { return .pass }
      return .inquire(MemoryPlugInquiry(self, .requested(value, path: path), about))
    default: return DecisionChain.of(first) ?? .pass
    }
  }

  private func guardedSocket(_ value: JSON) -> BypassRules.Reason? { sockets.named(in: value).map(BypassRules.guardedSocket) }

  /// QEMU's own answer (QEMU monitor/fds.c: qmp_getfd, qmp_add_fd).
  private static let noDescriptor = CommandError(
    errorClass: "GenericError", text: "No file descriptor supplied via SCM_RIGHTS")

  private var sockets: GuardedSockets { GuardedSockets(paths: options.sockets, process: options.process) }

  /// Whether the command names a descriptor of another client, which only that client may replace, close and use.
  func foreignName(_ about: CommandContext) -> BypassRules.Reason? {
    foreignName(NamedDescriptors(about.message.arguments), about)
  }

  /// The subject of a log line.
  struct CommandContext {
    let message: ClientMessage
    let client: ProxyPeer
    let command: WireText
  }

  private func plug(_ request: DeviceRequest?, _ arguments: JSON?, _ about: CommandContext) -> ProxyInspection {
    // Without arguments QEMU reports the error itself.
    guard let request else { return .pass }
    if let reason = knownCrash(request) { return refuse(reason, about) }
    // Before the trial: a scratch QEMU would open the file too.
    if let reason = blockingFile("device_add", arguments) { return refuse(reason, about) }
    guard let scratch else { return survivor(request, arguments, about) }
    return .wait(WaitingTrial(self, scratch.trial(of: .plug(request)), about) { [unowned self] in survivor(request, arguments, about) })
  }

  /// A plug that crashes nothing as far as known.
  private func survivor(_ request: DeviceRequest, _ arguments: JSON?, _ about: CommandContext) -> ProxyInspection {
    if let reason = arguments.flatMap(guardedSocket) { return refuse(reason, about) }
    if request.isVFIO {
      return foreignName(about).map { refuse($0, about) } ?? .inquire(PlugInquiry(self, request, about))
    }
    if request.driver.map({ WireText($0).hasPrefix("vfio-user-pci") }) == true { return .inquire(VFIOUserInquiry(self, about)) }
    if let size = MemoryPlugInquiry.size(of: request) {
      return DecisionChain.of([CrashInquiry.ofSharedMemory(request, self, about), MemoryPlugInquiry(self, size, about)]) ?? .pass
    }
    return descriptorUse("device_add", arguments, about) ?? .pass
  }

  private func human(_ message: ClientMessage, _ about: CommandContext) -> ProxyInspection {
    guard let line = message.arguments?.wire("command-line"), let command = HMPCommand(Word(line.bytes, at: 0)) else {
      return .pass
    }
    let name = WireText(command.name)
    guard HumanCommands.types(name) != nil else {
      return allowed.contains(name) ? .pass : refuse(QMPCommandFilter.unknown(name), about)
    }
    if name == "gdbserver" { return refuse(BypassRules.gdbServer, about) }
    if let reason = CrashingCommands.match(command) { return refuse(reason, about) }
    let rest = WireText(bytes: command.rest.bytes), hasMode = rest.contains("-r") || rest.contains("-b")
    if name == "calc_dirty_rate" { return inspect("calc-dirty-rate", hasMode ? ["mode": "dirty-ring"] : [:], about) }
    do throws(HumanCommands.Unreadable) {
      guard let (name, arguments) = try HumanCommands.asQMP(command) else {
        if WireText(bytes: command.rest.bytes).contains("json:") { return refuse(BypassRules.unreadable(command), about) }
        if let reason = guardedSocket(.string(command.rest.text)) ?? blockingFile(command) { return refuse(reason, about) }
        return DecisionChain.of([CrashInquiry.of(WireText(command.name), nil, self, about)]) ?? .pass
      }
      guard name == "device_add" else { return inspect(name, arguments, about) }
      guard let request = PlugRequest.read(command, source: "device_add") else { throw HumanCommands.Unreadable() }
      // A question about the properties of a type.
      if request.has("help") || request.has("?"), let reason = request.driver.flatMap({ CrashingCommands.listing(WireText($0)) }) {
        return refuse(reason, about)
      }
      return plug(request, arguments, about)
    } catch {
      return refuse(BypassRules.unreadable(command), about)
    }
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

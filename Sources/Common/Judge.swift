import Facts
import Inputs
import Prediction
import Report
import Rules
import Syntax

/// Checks a definition, for `lint`, `run`, the hooks and the proxy. It holds a host, a QEMU, the rules and the policy, and
/// can check any number of definitions. An object, because its parts are large.
public final class Judge: Sendable {
  /// The host that definitions run on.
  public let host: Facts.Host
  /// The QEMU whose behaviour is predicted.
  public let qemu: QEMUProfile
  /// The rules to run.
  public let rules: [Rule]
  /// Allowed findings, and changed severities.
  public let policy: PolicyFile

  /// Creates a judge.
  public init(host: Facts.Host, qemu: QEMUProfile, rules: [Rule] = Rule.all, policy: PolicyFile = .none) {
    self.host = host
    self.qemu = qemu
    self.rules = rules
    self.policy = policy
  }

  /// Predicts and checks one definition.
  /// - Parameters:
  ///   - source: the text that was parsed, for excerpts.
  ///   - running: the machine that plugs go into, when it is known.
  ///   - topology: what that QEMU reports of its PCI topology; without it that of the machine is modelled.
  ///   - descriptors: the host function behind each passed descriptor, by the value of `fd`.
  ///   - rehearse: asks the QEMU that will run what it does with the machine and the plugs; nil asks none.
  public func check(
    _ source: SourceText, _ parsed: ParsedInput, running: MachineConfig? = nil, topology: Guest? = nil,
    descriptors: [String: Known<PCIAddress?>] = [:],
    rehearse: ((MachineConfig, [DeviceRequest]) -> Known<RehearsalResult>)? = nil
  ) -> LintResult {
    let whole = machine(of: parsed, running: running)
    var decided = policy.policy
    // Appending nothing would copy the array that all definitions share.
    if !whole.parsed.allowances.isEmpty { decided.allowances += whole.parsed.allowances }
    if !whole.parsed.pins.isEmpty { decided.pins += whole.parsed.pins }
    let parsed = whole.parsed
    let target = LintTarget(
      machine: whole.machine, plugs: whole.plugs, problems: parsed.problems + (whole.cut.map { [$0] } ?? []), host: host, qemu: qemu,
      descriptors: descriptors, running: topology, policy: decided, rehearsal: rehearse?(whole.machine, whole.plugs))
    return LintResult(
      source: source, target: target, report: RuleRunner.check(target, by: rules),
      further: [policy.source].compactMap { $0 } + parsed.sources, firstLine: parsed.firstLine)
  }

  /// The machine of a definition with what the host decides of it, the plugs, and the devices above the cap.
  public func machine(
    of parsed: ParsedInput, running: MachineConfig? = nil
  ) -> (parsed: ParsedInput, machine: MachineConfig, plugs: [DeviceRequest], cut: InputProblem?) {
    let parsed = parsed.proxmox.map { machine in machine.lowered(isArm: host.isArm) { self.host.functions(ofSlot: $0) } }
      ?? parsed.lowered(networks: host.libvirtNetwork)
    var machine = parsed.joined(to: running), plugs = parsed.plugs
    let cut = DeviceCap.cut(&machine.devices, plugs: &plugs, globals: machine.globals.count)
    return (parsed, machine, plugs, cut)
  }
}

extension ParsedInput {
  /// A plug's machine: the running guest's command line, with what the stream itself creates.
  fileprivate func joined(to running: MachineConfig?) -> MachineConfig {
    guard var machine = running, !plugs.isEmpty else { return self.machine }
    machine.objects += self.machine.objects
    machine.lastCommands = self.machine.lastCommands
    machine.unreadParts += self.machine.unreadParts
    machine.unsupportedAttributes = self.machine.unsupportedAttributes
    return machine
  }
}

extension Facts.Host {
  /// The functions that share a slot with an address; unknown of a host that was not inspected.
  fileprivate func functions(ofSlot address: PCIAddress) -> Known<[PCIAddress]> {
    let found = devices.keys.filter { ($0.domain, $0.bus, $0.slot) == (address.domain, address.bus, address.slot) }
    if found.isEmpty, case .unknown(let unknown) = device(at: address) { return .unknown(unknown) }
    return .known(found.sorted())
  }
}

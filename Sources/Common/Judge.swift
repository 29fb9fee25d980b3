import Facts
import Inputs
import Prediction
import Report
import Rules
import Syntax

/// Judges one definition: what `lint`, `run`, the hooks and the proxy have in common. It holds what is
/// known of a host and of a QEMU, and what is decided, and can be asked about any number of definitions. One of each is
/// made, and handed around.
public final class Judge: Sendable {
  public let host: Facts.Host
  public let qemu: QEMUProfile
  public let rules: [Rule]
  public let policy: PolicyFile

  public init(host: Facts.Host, qemu: QEMUProfile, rules: [Rule] = Rule.all, policy: PolicyFile = .none) {
    self.host = host
    self.qemu = qemu
    self.rules = rules
    self.policy = policy
  }

  /// - Parameters:
  ///   - source: what was parsed, for excerpts.
  ///   - running: the machine that plugs go into, when it is known.
  ///   - topology: what that QEMU reports of its PCI topology; without it that of the machine is modelled.
  ///   - descriptors: which host function a passed descriptor is, by the value of `fd`.
  public func judge(
    _ source: SourceText, _ parsed: ParsedInput, running: MachineConfig? = nil, topology: Guest? = nil,
    descriptors: [String: Known<PCIAddress?>] = [:]
  ) -> LintResult {
    let parsed = parsed.proxmox.map { machine in machine.lowered { self.host.functions(ofSlot: $0) } } ?? parsed
    var decided = policy.policy
    // Appending nothing would copy the array that all definitions share.
    if !parsed.allowances.isEmpty { decided.allowances += parsed.allowances }
    var machine = parsed.joined(to: running), plugs = parsed.plugs
    let cut = DeviceCap.cut(&machine.devices, plugs: &plugs)
    let target = LintTarget(
      machine: machine, plugs: plugs, problems: parsed.problems + (cut.map { [$0] } ?? []), host: host, qemu: qemu,
      descriptors: descriptors, running: topology, policy: decided)
    return LintResult(
      source: source, target: target, report: RuleRunner.check(target, by: rules),
      further: [policy.source].compactMap { $0 } + parsed.sources)
  }
}

extension ParsedInput {
  /// A plug's machine: the running guest's command line, with what the stream itself creates.
  fileprivate func joined(to running: MachineConfig?) -> MachineConfig {
    guard var machine = running, !plugs.isEmpty else { return self.machine }
    machine.objects += self.machine.objects
    if let unsupported = self.machine.libvirt?.unsupportedAttributes {
      machine.libvirt?.unsupportedAttributes = unsupported
    }
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

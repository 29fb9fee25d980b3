import Common
import Facts
import QMP
import Syntax

/// A command that names descriptors, and is none of those that only pass or close them: network backends, character devices,
/// migrations, objects and others. QEMU closes what it was given when such a command fails, or later.
final class DescriptorUse: CommandDecision {
  private let gate: QMPCommandFilter
  private let about: QMPCommandFilter.CommandContext
  private let named: NamedDescriptors
  /// The user's path in QEMU's object tree, where it has one.
  private let user: WireText?
  /// Whether an object is made of /dev/iommu.
  private let isIOMMUFD: Bool
  /// Whether a guest is read from the descriptor: libvirt restores one from a file or pipe that QEMU has inherited.
  private let isIncoming: Bool
  private var hasAsked = false

  init(
    _ gate: QMPCommandFilter, _ named: NamedDescriptors, _ command: WireText, _ arguments: JSON?,
    _ about: QMPCommandFilter.CommandContext
  ) {
    self.gate = gate
    self.about = about
    self.named = named
    user = DescriptorLedger.user(of: command, arguments)
    isIOMMUFD = command == "object-add" && arguments?.wire("qom-type") == "iommufd"
    isIncoming = command == "migrate-incoming"
  }

  func proceed(_ answers: [Result<JSON, CommandError>]) -> DecisionStep {
    // While this command waited, another client may have given its descriptor the name.
    if let reason = gate.foreignName(named, about) { return gate.step(reason, about) }
    guard !named.numbers.isEmpty else { return .pass(instead: nil) }
    guard hasAsked else {
      hasAsked = true
      return .ask(DescriptorLedger.questions)
    }
    gate.ledger.forgetUsers(missingFrom: answers, hidden: gate.hidden.keys)
    for number in named.numbers.sorted() {
      // That of an object of another file is refused before.
      let isRight = Known.known(isIOMMUFD || isIncoming && !gate.isQEMUsOwn(number))
      if let reason = gate.numberInUse(number, isRight: isRight) { return gate.step(reason, about) }
    }
    return .pass(instead: nil)
  }

  /// Records the numbers as used, and names as consumed.
  package func answered(_ reply: Result<JSON, CommandError>) {
    gate.used(named, by: user, reply)
  }
}

extension QMPCommandFilter {
  /// The inquiry about descriptors that a command names; nil when it names none.
  func descriptorUse(_ command: WireText, _ arguments: JSON?, _ about: CommandContext) -> ProxyInspection? {
    switch command {
    // They have inquiries of their own; none of the others gives a device a descriptor by these words.
    case "getfd", "add-fd", "closefd", "remove-fd", "qom-set": return nil
    default: break
    }
    let named = NamedDescriptors(arguments)
    if let reason = foreignName(named, about) { return refuse(reason, about) }
    if command == "netdev_add", let reason = missingVhost(arguments) { return refuse(reason, about) }
    guard !named.numbers.isEmpty || !named.names.isEmpty else { return nil }
    return .inquire(DescriptorUse(self, named, command, arguments, about))
  }

  /// The refusal of an iommufd object: QEMU accepts one around any descriptor, unchecked.
  func wrongIOMMUFD(_ arguments: JSON?) -> BypassRules.Reason? {
    guard arguments?.wires("qom-type").contains("iommufd") == true else { return nil }
    for fd in arguments?.wires("fd") ?? [] where ledger.isIOMMUFD(fd, process: options.process) == .known(false) {
      return BypassRules.Reason(
        rule: .iommufdWrongDescriptor,
        message: "the descriptor `\(fd)` is not /dev/iommu; QEMU accepts it and every attach fails")
    }
    return nil
  }

  /// The refusal of a tap network without what it needs for vhost: a descriptor that a client has sent, or the host's device. QEMU
  /// 7.2 only warns, and then fails an assertion (QEMU net/tap.c: net_init_tap_one; observed on 7.2.22); 11.1 refuses it.
  private func missingVhost(_ arguments: JSON?) -> BypassRules.Reason? {
    guard let arguments, arguments.wires("type").contains("tap") else { return nil }
    let all = arguments.wires("vhostfd") + arguments.wires("vhostfds").flatMap { $0.split(":") }
    if let name = all.first(where: { $0.number == nil && ledger.entry($0) == nil }) {
      return .init(
        rule: .crashesQEMU, message: "no descriptor was sent as `\(name)`: on such a vhost descriptor QEMU 7.2 crashes with SIGABRT")
    }
    if let name = all.first(where: { ledger.entry($0)?.isVhostNet == false }) {
      return .init(rule: .crashesQEMU, message: "the descriptor `\(name)` is not /dev/vhost-net: QEMU 7.2 crashes with SIGABRT")
    }
    let isGiven = if case .bool(true)? = arguments["vhost"] { true } else { arguments.isOn("vhost", default: false) }
    guard all.isEmpty, isGiven, let process = options.process, QEMUPath(process: process).isMissing("/dev/vhost-net") else { return nil }
    return .init(rule: .crashesQEMU, message: "`vhost` without /dev/vhost-net: QEMU 7.2 crashes with SIGABRT, and later ones refuse it")
  }

  /// The refusal of a number that QEMU uses, or may use: one that did not come through the proxy may be any of QEMU's own.
  /// - Parameter isRight: whether the descriptor is of the kind that the command expects; false where any would do.
  func numberInUse(_ number: Int32, isRight: Known<Bool>) -> BypassRules.Reason? {
    func refusal(_ why: String) -> BypassRules.Reason { .init(rule: .fdInUse, message: "descriptor \(number) " + why) }
    switch ledger.numbersInUse[number] {
    case DescriptorLedger.unnamed?:
      return refusal("was given to QEMU before, which may use it or another file under the number: it has to be sent again (add-fd)")
    case .some: return refusal("was given to QEMU as `fd=\(number)`, and a second user closes it under the first")
    case nil: break
    }
    if ledger.entry(WireText(String(number))) != nil { return nil }
    switch isRight {
    case .known(true): return nil
    case .known(false): return refusal("did not come through the proxy: QEMU may need it, and the command may close it")
    case .unknown(let unknown):
      return options.onUnknown == .warn
        ? nil : refusal("did not come through the proxy, and cannot be read: QEMU may need it (\(unknown))")
    }
  }

  /// Whether QEMU has opened the descriptor for its own work, as far as that can be read: a device, or an object of the kernel
  /// without a file. The guest that is to be read does not run yet.
  func isQEMUsOwn(_ number: Int32) -> Bool {
    guard let process = options.process, let target = DescriptorLedger.target(number, of: process) else { return false }
    let own: [WireText] = ["/dev/", "anon_inode:"]
    return own.contains(where: target.hasPrefix)
  }

  /// Records what QEMU's answer says about descriptors that a command named.
  func used(_ named: NamedDescriptors, by user: WireText?, _ reply: Result<JSON, CommandError>) {
    // QEMU closes a number when the command fails or its network is deleted, and opens another file under it.
    let isAccepted = PlugInquiry.failure(reply) == nil
    for number in named.numbers { ledger.numbersInUse[number] = isAccepted ? user ?? DescriptorLedger.unnamed : DescriptorLedger.unnamed }
    // A command that failed may have left the name: it remains its client's.
    guard isAccepted else { return }
    for name in named.names {
      ledger.keep(name, nil)
      owners[name] = nil
    }
  }

  /// Whether a command names a descriptor of another client, which only that client may use.
  func foreignName(_ named: NamedDescriptors, _ about: CommandContext) -> BypassRules.Reason? {
    for name in named.names {
      guard let owner = owners[name], owner != about.client.number else { continue }
      return BypassRules.Reason(rule: .fdOfAnotherClient, message: "the descriptor `\(name)` belongs to client \(owner)")
    }
    return nil
  }
}

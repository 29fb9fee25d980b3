import Common
import QMP
import Syntax

/// getfd, add-fd and closefd: sent alone, and recorded in the ledger when QEMU has accepted them.
final class DescriptorInquiry: CommandDecision {
  private let gate: QMPCommandFilter
  private let about: QMPCommandFilter.CommandContext
  private let entry: DescriptorLedger.Entry?

  init(_ gate: QMPCommandFilter, _ about: QMPCommandFilter.CommandContext) {
    self.gate = gate
    self.about = about
    // QEMU keeps the first and closes the others.
    entry = gate.reserve.lend { about.message.descriptors.first.map { DescriptorLedger.Entry($0.number) } }
  }

  /// Asks about the owner again: while this command waited, another client may have given its descriptor the name.
  func proceed(_ answers: [Result<JSON, CommandError>]) -> DecisionStep {
    gate.foreignName(about).map { gate.step($0, about) } ?? .pass(instead: nil)
  }

  /// Records descriptors that QEMU has accepted.
  package func answered(_ reply: Result<JSON, CommandError>) {
    guard case .success(let value) = reply else { return }
    let arguments = about.message.arguments
    switch about.command {
    case "getfd":
      guard let name = arguments?.wire("fdname") else { return }
      gate.ledger.keep(name, entry)
      gate.owners[name] = about.client.number
    case "closefd":
      guard let name = arguments?.wire("fdname") else { return }
      gate.ledger.keep(name, nil)
      gate.owners[name] = nil
    default: if case .integer(let number)? = value["fd"], let number = Int32(exactly: number) { gate.ledger.opened(number, entry) }
    }
  }
}

/// remove-fd closes a set's descriptors although a device may use their bare numbers.
final class RemoveFdInquiry: CommandDecision {
  private let gate: QMPCommandFilter
  private let about: QMPCommandFilter.CommandContext
  private var questions: GuestQuery

  init(_ gate: QMPCommandFilter, _ about: QMPCommandFilter.CommandContext) {
    self.gate = gate
    questions = GuestQuery(gate.guestProperties, and: [Command("query-fdsets")])
    self.about = about
  }

  func proceed(_ answers: [Result<JSON, CommandError>]) -> DecisionStep {
    switch questions.proceed(answers) {
    case .ask(let commands): .ask(commands)
    case .done(let guest): decide(guest)
    }
  }

  private func decide(_ guest: QOMSnapshot) -> DecisionStep {
    gate.follow(guest)
    for number in numbers {
      if gate.ledger.numbersInUse[number] != nil {
        return refuse(
          "descriptor \(number) was given to QEMU as `fd=\(number)`, and removing its set closes it under the running device, or "
            + "another file that has the number now")
      }
      // A descriptor that came through here and was not used, or is not vfio's, may be closed.
      if let entry = gate.ledger.entries[WireText(String(number))], entry.function == .known(nil), !entry.isIOMMUFD {
        continue
      }
      let strangers = guest.vfioByDescriptor.contains { $0.map { gate.plugged[WireText($0)] == nil } ?? true }
      guard strangers else { continue }
      let process = gate.options.process
      let isCdev = gate.reserve.lend { gate.ledger.function(WireText(String(number)), process: process) }
      if case .known(nil)? = isCdev, gate.ledger.isIOMMUFD(WireText(String(number)), process: process) == .known(false) {
        continue
      }
      guard gate.options.onUnknown != .warn else { continue }
      return refuse(
        "descriptor \(number) may be that of a running vfio device, and removing its set closes it under the device")
    }
    return .pass(instead: nil)
  }

  private func refuse(_ message: String) -> DecisionStep {
    gate.step(BypassRules.Reason(rule: .fdInUse, message: message), about)
  }

  /// The descriptors that would be closed.
  private var numbers: [Int32] {
    let arguments = about.message.arguments
    if case .integer(let one)? = arguments?["fd"] { return Int32(exactly: one).map { [$0] } ?? [] }
    let sets = try? questions.otherAnswers.first?.get()
    let set = (sets?.array ?? []).first { $0["fdset-id"] == arguments?["fdset-id"] }
    return (set?["fds"]?.array ?? []).compactMap { item in
      if case .integer(let number)? = item["fd"] { return Int32(exactly: number) }
      return nil
    }
  }

  /// Forgets the numbers of the removed set.
  package func answered(_ reply: Result<JSON, CommandError>) {
    guard case .success = reply else { return }
    for number in numbers { gate.ledger.keep(WireText(String(number)), nil) }
  }
}

/// object-del of an object that is a monitor, whose type only QEMU knows.
final class MonitorDeletionInquiry: CommandDecision {
  private let gate: QMPCommandFilter
  private let about: QMPCommandFilter.CommandContext
  private let id: WireText
  private var hasAsked = false

  init(_ gate: QMPCommandFilter, _ id: WireText, _ about: QMPCommandFilter.CommandContext) {
    self.gate = gate
    self.about = about
    self.id = id
  }

  func proceed(_ answers: [Result<JSON, CommandError>]) -> DecisionStep {
    guard hasAsked else {
      hasAsked = true
      return .ask([Command("qom-list", ["path": "/objects"])])
    }
    guard case .success(let list)? = answers.first else {
      let reason = BypassRules.Reason(
        rule: .deletesAMonitor, message: "cannot determine whether `\(id)` is a monitor: QEMU did not list its objects")
      return gate.options.onUnknown == .warn ? .pass(instead: nil) : gate.step(reason, about)
    }
    let types = (list.array ?? []).filter { $0.wire("name") == id }.compactMap { $0.wire("type") }
    let isMonitor = types.contains { $0 == "child<monitor-qmp>" || $0 == "child<monitor-hmp>" }
    return isMonitor ? gate.step(BypassRules.monitorDeleted(id), about) : .pass(instead: nil)
  }

  /// Does nothing: the reply is only forwarded.
  package func answered(_ reply: Result<JSON, CommandError>) {}
}

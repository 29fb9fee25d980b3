import Common
import Facts
import Prediction
import QMP
import Rules
import Syntax

/// One plug of a vfio-pci device: QEMU is asked about its guest, the host is read, and the rules
/// decide. Afterwards QEMU's reply is compared with the prediction.
package final class PlugInquiry: CommandDecision {
  let gate: QMPCommandFilter
  let request: DeviceRequest
  private let about: QMPCommandFilter.CommandContext
  private let start = ContinuousClock.now
  private var questions: GuestQuery
  private(set) var prediction: RealizePrediction?

  init(_ gate: QMPCommandFilter, _ request: DeviceRequest, _ about: QMPCommandFilter.CommandContext) {
    self.gate = gate
    questions = GuestQuery(gate.guestProperties)
    self.request = request
    self.about = about
  }

  /// The next questions to QEMU, or the decision.
  package func proceed(_ answers: [Result<JSON, CommandError>]) -> DecisionStep {
    switch questions.proceed(answers) {
    case .ask(let commands): .ask(commands)
    case .done(let guest): decide(guest)
    }
  }

  private func decide(_ guest: QOMSnapshot) -> DecisionStep {
    // While the command waited, another client may have given its descriptor the name.
    if let reason = gate.foreignName(about) { return refuse(reason) }
    gate.readHiddenPrimaries()
    gate.follow(guest)
    if let number = request.string("fd").flatMap({ WireText($0).number }),
      let reason = gate.numberInUse(number, isRight: isDevice(number))
    {
      return refuse(reason)
    }
    if let reason = gate.sharesWithVFIOUser(guest, isVFIOUser: false) { return refuse(reason) }
    let profile = guest.profile
    let globals = gate.options.machine.map(PlugInquiry.globals) ?? gate.reserve.lend { PlugInquiry.globals(of: gate.options.process) }
    let machine = gate.machine(guest, globals: globals)
    let descriptors = gate.reserve.lend { self.descriptors }
    let host: Facts.Host
    do { host = try gate.reserve.lend { try self.host(machine, descriptors) } } catch { return cannotLook(error) }
    // No policy allows a crash of the guest, or makes it less than an error.
    var policy = gate.options.policy.policy
    policy.allowances.removeAll { Rule.named($0.rule)?.crashesGuest == true }
    policy.overrides.removeAll { Rule.named($0.rule)?.crashesGuest == true }
    // A primary that QEMU will keep back is judged as the guest will have it: a running guest's standbys are not modelled.
    let definition = LintTarget(
      machine: machine, plugs: [request], problems: [], host: host, qemu: profile, descriptors: descriptors,
      running: guest.guest(), policy: policy)
    let judgement = RuleRunner.check(definition)
    prediction = definition.predictions.first
    return act(judgement, profile, globals)
  }

  /// Whether a descriptor is that of a vfio device; a group's is found as none.
  private func isDevice(_ number: Int32) -> Known<Bool> {
    switch gate.reserve.lend({ gate.ledger.function(WireText(String(number)), process: gate.options.process) }) {
    case .known(let function)?: .known(function != nil)
    case .unknown(let unknown)?: .unknown(unknown)
    case nil: .unknown("descriptor \(number)", "QEMU's process is not known")
    }
  }

  private func act(_ judgement: RuleReport, _ profile: QEMUProfile, _ globals: Known<[GlobalProperty]>) -> DecisionStep {
    let errors = judgement.findings.filter { $0.severity == .error }
    let open = judgement.undetermined.filter { $0.severity == .error }
    let facts = judgement.findings.flatMap(\.evidence) + open.map { "\($0.rule): \($0.unknown)" }
    let others = judgement.findings.filter { $0.severity != .error }
    if let first = errors.first {
      return refuse(.init(rule: first.reportedBy, message: first.message), errors.map(\.reportedBy), facts)
    }
    if let unknown = open.first(where: { refuses($0.reportedBy) }) {
      let message = "cannot determine whether it applies: \(unknown.unknown)"
      return refuse(.init(rule: unknown.reportedBy, message: message), nil, facts)
    }
    let warnings = prediction?.warnings.display ?? []
    let sees = prediction?.guestSeesATS.display.map { $0 ? "guest sees ATS" : "guest sees no ATS" }
    let pins = gate.options.pinsATS && gate.options.mode == .enforce
    let unpinned = pins && !request.has("ats") && !globals.isKnown ? "`ats` is not added" : nil
    gate.note(
      others.isEmpty && open.isEmpty ? .accepted : .warned, about, device: device,
      rules: others.map(\.reportedBy) + open.map(\.reportedBy),
      text: (others.map(\.message) + warnings + [sees, unpinned].compactMap { $0 }).joined(separator: "; "), facts: facts,
      milliseconds: milliseconds)
    return .pass(instead: pins ? PinnedATS.command(about, request, profile, globals) : nil)
  }

  private func refuses(_ rule: Rule) -> Bool {
    switch gate.options.onUnknown {
    case .refuse: return true
    case .warn: return false
    case nil: return rule.crashesGuest
    }
  }

  /// - Parameter rules: all rules that refuse it; nil for that of the reason.
  private func refuse(_ reason: BypassRules.Reason, _ rules: [Rule]? = nil, _ facts: [String] = []) -> DecisionStep {
    gate.note(
      .refused, about, device: device, rules: rules ?? [reason.rule], text: reason.message, facts: facts, milliseconds: milliseconds)
    guard gate.options.mode == .enforce else { return .pass(instead: nil) }
    return .refuse(QMPCommandFilter.error(reason))
  }

  private func cannotLook(_ error: any Error) -> DecisionStep {
    refuse(.init(rule: .hostUnavailable, message: "cannot read host state: \(error)"), [], [])
  }

  var device: String { prediction?.name ?? request.id ?? request.driver ?? "device" }

  private var milliseconds: Int64 {
    let taken = (ContinuousClock.now - start).components
    return taken.seconds * 1000 + taken.attoseconds / 1_000_000_000_000_000
  }
}

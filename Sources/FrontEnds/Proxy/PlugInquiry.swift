import Facts
import Glibc
import Inputs
import Prediction
import QMP
import Rules
import Syntax

/// One plug of a vfio-pci device: QEMU is asked about its guest, the host is looked at, and the rules
/// decide. Afterwards QEMU's reply is held against the prediction.
final class PlugInquiry: ProxyInquiry {
  private let gate: PlugGate
  private let request: DeviceRequest
  private let about: PlugGate.Subject
  private let start = ContinuousClock.now
  private var questions: GuestQuestions?
  private var prediction: RealizePrediction?
  private var wasRefused = false

  init(_ gate: PlugGate, _ request: DeviceRequest, _ about: PlugGate.Subject) {
    self.gate = gate
    self.request = request
    self.about = about
  }

  func proceed(_ answers: [Result<JSON, CommandError>]) -> ProxyStep {
    guard var asked = questions else {
      if answers.isEmpty { return .ask(GuestQuestions.first) }
      var first = GuestQuestions(answers)
      let more = first.second()
      questions = first
      return .ask(more)
    }
    asked.take(answers)
    return decide(asked)
  }

  private func decide(_ guest: GuestQuestions) -> ProxyStep {
    let profile = QEMUQuestion.profile(name: "the running QEMU", listing: guest.listing)
    let globals = gate.options.process.flatMap(PlugInquiry.globals)
    let machine = guest.machine(source: "the running guest", globals: globals ?? [], plugged: gate.plugged)
    let descriptors = self.descriptors
    let host: Facts.Host
    do { host = try self.host(machine, descriptors) } catch { return cannotLook(error) }
    var definition = Definition(
      machine: machine, plugs: [request], problems: [], host: host, qemu: profile, descriptors: descriptors,
      running: guest.guest())
    // No policy makes a dead guest acceptable.
    definition.policy = gate.options.policy.policy
    definition.policy.allowances.removeAll { PlugInquiry.killing.contains($0.rule) }
    let judgement = Judgement.judge(definition)
    prediction = definition.predictions.first
    return act(judgement, profile, globals ?? [])
  }

  private func act(_ judgement: Judgement, _ profile: QEMUProfile, _ globals: [GlobalProperty]) -> ProxyStep {
    let errors = judgement.findings.filter { $0.severity == .error }
    let open = judgement.undetermined.filter { $0.severity == .error }
    let facts = judgement.findings.flatMap(\.evidence) + open.map { "\($0.rule): \($0.unknown)" }
    let others = judgement.findings.filter { $0.severity != .error }
    if let first = errors.first {
      return refuse(first.rule, first.message, errors.map(\.rule), facts)
    }
    if let unknown = open.first(where: { refuses($0.rule) }) {
      return refuse(unknown.rule, "cannot tell whether it applies: \(unknown.unknown)", [unknown.rule], facts)
    }
    let warnings = prediction?.warnings.display ?? []
    let sees = prediction?.guestSeesATS.display.map { $0 ? "guest sees ATS" : "guest sees no ATS" }
    gate.note(
      others.isEmpty && open.isEmpty ? .accepted : .warned, about, device: device, rules: others.map(\.rule) + open.map(\.rule),
      text: (others.map(\.message) + warnings + [sees].compactMap { $0 }).joined(separator: "; "), facts: facts,
      milliseconds: milliseconds)
    return .pass(instead: pinned(profile, globals))
  }

  private func refuses(_ rule: String) -> Bool {
    switch gate.options.onUnknown {
    case .refuse: return true
    case .warn: return false
    case nil: return PlugInquiry.killing.contains(rule)
    }
  }

  /// Rules about what ends the guest, and not only the plug.
  private static let killing: Set<String> = ["mixed-backends", "fd-without-id", "realized-argument"]

  private func refuse(_ rule: String, _ message: String, _ rules: [String], _ facts: [String]) -> ProxyStep {
    gate.note(.refused, about, device: device, rules: rules, text: message, facts: facts, milliseconds: milliseconds)
    guard gate.options.mode == .enforce else { return .pass(instead: nil) }
    wasRefused = true
    return .refuse(PlugGate.error(rule, message))
  }

  private func cannotLook(_ error: any Error) -> ProxyStep {
    refuse("malformed-input", "the host could not be looked at: \(error)", [], [])
  }

  private var device: String { prediction?.name ?? request.id ?? request.driver ?? "device" }

  private var milliseconds: Int64 {
    let taken = (ContinuousClock.now - start).components
    return taken.seconds * 1000 + taken.attoseconds / 1_000_000_000_000_000
  }
}

/// What a decision rests on.
extension PlugInquiry {
  private var descriptors: [String: Known<PCIAddress?>] {
    guard let fd = request.string("fd"), let function = gate.ledger.function(fd, process: gate.options.process) else { return [:] }
    return [fd: function]
  }

  /// What QEMU itself holds is in nobody else's use, and what this process may open says nothing about
  /// a QEMU that runs as somebody else.
  private func host(
    _ machine: MachineRequest, _ descriptors: [String: Known<PCIAddress?>]
  ) throws -> Facts.Host {
    let addresses = (machine.devices + [request]).compactMap { $0.hostAddress(descriptors) }
    var host = try gate.options.host.load(only: Set(addresses))
    guard case .live = gate.options.host else { return host }
    host = host.without(Set([gate.options.process.map { Int($0) }, Int(getpid())].compactMap { $0 }))
    if let process = gate.options.process, !PlugInquiry.runsAsWe(process) {
      let reason = "QEMU runs as another user"
      host.user = .unknown("QEMU's user", reason)
      host.memlock = .unknown("QEMU's memlock limit", reason)
      host.iommufd = .unknown("QEMU's access to /dev/iommu", reason)
      host.vfioContainer = .unknown("QEMU's access to /dev/vfio/vfio", reason)
    }
    return host
  }

  private static func runsAsWe(_ process: pid_t) -> Bool {
    var status = stat()
    // SAFETY: stat reads the path and fills the structure that it is given.
    return stat("/proc/\(process)", &status) == 0 && status.st_uid == geteuid()
  }

  /// -global applies to hot plugs too, and no QMP command shows it.
  private static func globals(of process: pid_t) -> [GlobalProperty]? {
    guard let source = try? InputFile.read("/proc/\(process)/cmdline", limit: ParsedDefinition.maximumSize) else { return nil }
    return ParsedDefinition.parse(source, as: .nul).machine.globals
  }

  /// The command with the `ats` that it would have written out; nil to leave it as it is.
  private func pinned(_ profile: QEMUProfile, _ globals: [GlobalProperty]) -> [UInt8]? {
    guard gate.options.pinsATS, gate.options.mode == .enforce, request.property("ats") == nil, case .known(let names) = profile.properties,
      names.contains("ats")
    else { return nil }
    let given = globals.last { $0.property == "ats" && ["vfio-pci", "vfio-pci-device"].contains($0.driver) }?.value
    let value = given.flatMap { ["on", "off", "auto"].contains($0) ? $0 : nil } ?? "auto"
    let bytes = about.message.bytes
    if about.command == "device_add" {
      guard let place = JSONPlaces(bytes).range(of: ["arguments"]) else { return nil }
      let at = place.lowerBound + 1
      return Array(bytes[..<at]) + Array(#""ats":"\#(value)","#.utf8) + Array(bytes[at...])
    }
    // In quotes the text ends before the last quote.
    guard let line = about.message.arguments?["command-line"]?.string, !line.contains("\"") else { return nil }
    let pinned = String(line.trimmingSuffix { $0 == " " }) + ",ats=" + value
    let members = about.message.json.members?.map { member in
      member.key == "arguments" ? JSON.Member("arguments", PlugInquiry.replacing(member.value, pinned)) : member
    }
    return members.map { Array(JSON.object($0).qemuText().utf8) }
  }

  private static func replacing(_ arguments: JSON, _ line: String) -> JSON {
    .object((arguments.members ?? []).map { $0.key == "command-line" ? .init($0.key, .string(line)) : $0 })
  }
}

extension String {
  fileprivate func trimmingSuffix(_ isDropped: (Character) -> Bool) -> Substring {
    var rest = self[...]
    while let last = rest.last, isDropped(last) { rest.removeLast() }
    return rest
  }
}

/// What QEMU made of it.
extension PlugInquiry {
  func answered(_ reply: Result<JSON, CommandError>) {
    let failure = PlugInquiry.failure(reply)
    if failure == nil {
      if let id = request.id, let host = prediction?.host { gate.plugged[id] = host }
      if let number = request.string("fd").flatMap({ Int32($0) }) { gate.ledger.numbersInUse.insert(number) }
    }
    // Resolving a name consumes it, also when the plug then fails.
    if let name = request.string("fd"), Int32(name) == nil {
      gate.ledger.keep(name, nil)
      gate.owners[name] = nil
    }
    compare(failure)
  }

  private func compare(_ failure: String?) {
    guard let prediction else { return }
    let predicted: String?
    switch prediction.realize {
    case .ok: predicted = nil
    case .fails, .crashes: predicted = prediction.failure?.text
    case .undetermined:
      return gate.log.write(.info, "result", [.init("device", .string(device)), .init("qemu", .string(failure ?? "plugged"))])
    }
    // QEMU prints descriptors' numbers, which nobody else can know.
    let isAsPredicted = predicted == failure || predicted.map { $0.contains("fd=N") } == true && failure != nil
    gate.log.write(
      isAsPredicted ? .info : .error, isAsPredicted ? "result" : "mismatch",
      [
        .init("device", .string(device)), .init("predicted", .string(predicted ?? "plugged")),
        .init("qemu", .string(failure ?? "plugged")),
      ])
  }

  /// QEMU's words, nil for success. The human monitor answers in text.
  private static func failure(_ reply: Result<JSON, CommandError>) -> String? {
    switch reply {
    case .failure(let error): return error.text
    case .success(let value):
      let lines = (value.string ?? "").split(whereSeparator: \.isNewline)
      return lines.first { $0.hasPrefix("Error: ") }.map { String($0.dropFirst(7)) }
    }
  }
}

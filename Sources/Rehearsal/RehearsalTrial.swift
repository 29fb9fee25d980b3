import Common
import Facts
import Glibc
import QMP
import Syntax

/// The QEMUs of one rehearsal: one with substitutes for all vfio devices, and one for each kind of vfio device, which stops
/// at it. A limited number runs at once.
struct RehearsalTrial {
  typealias Start = (_ arguments: [String], _ spares: Int, _ isLimited: Bool) throws(Unknown) -> RehearsalProcess

  let plan: RehearsalPlan
  private let source: String
  let deadline: Deadline
  let start: Start
  /// The QEMU with the whole machine; in its place another without a limit of memory where it needs that.
  private(set) var whole: RehearsalProcess
  private var isLimited = true
  /// The QEMUs with a vfio device itself.
  private let own: TrialQueue

  /// Starts the first ones.
  /// - Parameters:
  ///   - isRunning: whether the machine runs already, so that its own vfio devices need no trial.
  ///   - width: maximum number of QEMUs that run at once, at least two.
  init(
    _ plan: RehearsalPlan, source: String, isRunning: Bool, width: Int, deadline: Deadline, start: @escaping Start
  ) throws(Unknown) {
    self.plan = plan
    self.source = source
    self.deadline = deadline
    self.start = start
    // Plugs have descriptors too.
    whole = try start(plan.arguments(), plan.spares + 8, true)
    own = try TrialQueue(isRunning ? [] : plan.kinds, limit: width - 1) { index throws(Unknown) in
      try start(plan.arguments(own: index), plan.spares, true)
    }
  }

  /// Waits for their answers.
  mutating func run() throws(Unknown) -> RehearsalResult.Outcome {
    var outcomeOfDevice: RehearsalResult.Outcome?
    while outcomeOfDevice == nil, let one = try own.next() { outcomeOfDevice = try outcome(ofDevice: one.index, one.process) }
    if case .refused? = outcomeOfDevice, let outcomeOfDevice {
      // It says which accelerator it takes.
      _ = try? whole.answer(until: deadline)
      return outcomeOfDevice
    }
    guard case .stopped(let end, let error) = try whole.answer(until: deadline) else { return outcomeOfDevice ?? .started }
    // Only a crash without the device is not the device's.
    if let outcomeOfDevice, case .exit? = end { return outcomeOfDevice }
    let stop = try stop(end, error, parts: plan.parts.map(\.arguments), plan.arguments())
    if case .unlimited(let process) = stop {
      (whole, isLimited) = (process, false)
      return outcomeOfDevice ?? .started
    }
    guard case .message(let message) = stop, let index = message.part.flatMap({ plan.parts[$0].vfio }) else {
      return outcome(stop)
    }
    // The substitute was refused: the device itself decides.
    if let outcome = try outcome(ofDevice: index, start(plan.arguments(own: index), plan.spares, true)) { return outcome }
    if RehearsalTrial.isChecked(afterRealize: message) { return outcome(stop, isOfDevice: true) }
    return .notRehearsed("the substitute for `\(plan.devices[index].request.location.path)` was refused: \(message.text)")
  }

  /// The accelerator that QEMU has taken once it has answered (QEMU system/vl.c: configure_accelerators).
  var accelerator: String {
    let text = whole.process.errorText
    return plan.accelerators.last { text.contains("falling back to \($0)") } ?? plan.accelerators[0]
  }

  /// Outcome of trying a vfio device itself; nil when it accepted all but its host device, or stopped before it.
  private func outcome(ofDevice index: Int, _ process: RehearsalProcess) throws(Unknown) -> RehearsalResult.Outcome? {
    guard case .stopped(let end, let error) = try process.answer(until: deadline) else { return nil }
    var parts = plan.parts.map(\.arguments)
    guard let place = plan.parts.firstIndex(where: { $0.vfio == index }) else { return nil }
    parts[place] = plan.devices[index].own
    switch try stop(end, error, parts: parts, plan.arguments(own: index)) {
    case .crash(let signal): return crash(signal, plan.parts[place])
    case .message(let message) where message.part == place && !RehearsalTrial.isAccepted(message):
      return outcome(.message(message), isOfDevice: true)
    default: return nil
    }
  }

  /// Whether QEMU stopped only because there is no host device.
  private static func isAccepted(_ message: QEMUMessage) -> Bool {
    message.text.contains(PlannedDevice.acceptedText) || message.text.contains("error bind device fd")
  }

  /// Whether the PCI core refuses it after the device's own realize (QEMU hw/pci/pci.c: pci_qdev_realize), which the device itself
  /// does not reach.
  private static func isChecked(afterRealize message: QEMUMessage) -> Bool {
    ["romfile", "ROM", "failover", "hotplug"].contains(where: message.text.contains)
  }

  /// Parts that QEMU had accepted at an outcome. It creates objects before devices, and devices of key=value text before those of
  /// JSON (QEMU system/vl.c: qemu_create_cli_devices).
  func accepted(at outcome: RehearsalResult.Outcome) -> [Location: RehearsalResult.Extent] {
    let place: Location
    switch outcome {
    case .started: return extents(plan.parts)
    // Ids are checked while the command line is read.
    case .refused(let text, _, _) where RehearsalTrial.isAboutNames(text): return [:]
    case .refused(_, let location, _), .crashed(_, let location, _), .exited(_, let location, _): place = location
    case .notRehearsed: return [:]
    }
    guard let stop = plan.parts.firstIndex(where: { $0.isDevice && $0.location == place }) else { return [:] }
    let isJSON = plan.parts[stop].isJSON
    return extents(plan.parts.enumerated().filter { index, part in
      !part.isDevice || (part.isJSON == isJSON ? index < stop : isJSON)
    }.map(\.element))
  }

  private func extents(_ parts: [RehearsalPlan.Part]) -> [Location: RehearsalResult.Extent] {
    var all: [Location: RehearsalResult.Extent] = [:]
    // Only the id of a replaced object was the definition's.
    for part in parts where !(part.arguments.first == "-object" && part.isChanged) {
      for place in [part.location].compactMap({ $0 }) + part.properties { all[place] = part.extent }
    }
    return all
  }

  private enum Stop {
    case message(QEMUMessage)
    case crash(String)
    case ours(String)
    /// It starts where its memory is not limited.
    case unlimited(RehearsalProcess)
  }

  /// - Parameter arguments: of the QEMU that stopped.
  private func stop(
    _ end: QEMUProcess.End?, _ error: String, parts: [[String]], _ arguments: [String]
  ) throws(Unknown) -> Stop {
    let message = message(error, parts)
    if case .signal(let number)? = end {
      // A QEMU that gets no memory aborts, with no message from some releases.
      let process = try start(arguments, plan.spares + 8, false)
      switch try process.answer(until: deadline) {
      case .started: return .unlimited(process)
      case .stopped(.signal(number), _): break
      case .stopped(_, let error):
        return self.message(error, parts).map { .message($0) } ?? .ours("QEMU needs more memory than a rehearsal may use")
      }
      guard let name = RehearsalTrial.signals[number] else {
        throw Unknown("rehearsal", reason: "QEMU was ended by signal \(number)")
      }
      return .crash(name)
    }
    if let message { return .message(message) }
    let text = QEMUMessage.lastLine(of: error).map { ": \($0)" } ?? ""
    throw Unknown("rehearsal", reason: "QEMU stopped without a message of its own\(text)")
  }

  func message(_ error: String, _ parts: [[String]]) -> QEMUMessage? {
    QEMUMessage(error, parts: parts, program: plan.program ?? "")
  }

  /// Signals of a program's own fault (signal(7)).
  static let signals: [Int32: String] = [
    SIGSEGV: "SIGSEGV", SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP",
  ]

  private func outcome(_ stop: Stop, isOfDevice: Bool = false) -> RehearsalResult.Outcome {
    switch stop {
    case .crash(let signal): return crash(signal, nil)
    case .ours(let reason): return .notRehearsed(reason)
    case .unlimited: return .started
    case .message(let message):
      let part = message.part.map { plan.parts[$0] }
      if plan.ownCause(accelerator).explains(message.text) {
        return .notRehearsed("QEMU's refusal may be about the rehearsal's accelerator or backends: \(message.text)")
      }
      let isDefinitions = isOfDevice || RehearsalTrial.isAboutNames(message.text) || RehearsalTrial.isAboutPlaces(message.text)
        || PlannedDevice.isAboutDefinitionsDriver(message.text) || RehearsalTrial.isAboutProperties(message.text, of: part)
        || RehearsalTrial.isAboutDrive(message.text, of: part) || RehearsalTrial.isOfUserNetwork(part)
      if !isDefinitions, let part, part.isChanged || part.location == nil {
        return .notRehearsed("what replaced \(part.name) was refused: \(message.text)")
      }
      let place = part?.location ?? self.place(of: message)
      let model = part?.model
      let text = model.map { message.text.replacing("for device '\($0.substitute)'", with: "for device '\($0.own)'") } ?? message.text
      return .refused(text: plan.withOwnNames(text), location: place, about: part?.name ?? "the definition")
    }
  }

  private func crash(_ signal: String, _ part: RehearsalPlan.Part?) -> RehearsalResult.Outcome {
    .crashed(signal: signal, location: part?.location ?? everything, about: part?.name ?? "the definition")
  }

  private var everything: Location { Location(source: source, range: nil, path: "") }

  /// The option that a message without an option's name is about.
  private func place(of message: QEMUMessage) -> Location {
    let words = [("machine type", "-machine"), ("CPU model", "-cpu"), ("-cpu.", "-cpu"), ("SMP", "-smp"), ("memory size", "-m")]
    let option = words.first { message.text.contains($0.0) }?.1
    return plan.parts.first { $0.arguments.first == option && $0.location != nil }?.location ?? everything
  }

  /// Backends that were made for plugs.
  typealias Made = [Location: [RehearsalResult.Change]]

  /// Plugs into the started machine, in their order.
  /// - Parameter earlier: plugs before those, whose refusal says nothing about them; what needs them is refused itself.
  /// - Returns: the first refusal, or the end of QEMU at a plug; and the backends that were made for the plugs.
  func plug(
    _ plugs: [DeviceRequest], after earlier: [DeviceRequest]
  ) throws(Unknown) -> (outcome: RehearsalResult.Outcome, made: Made) {
    let first = try plug(plugs, after: earlier, whole)
    switch first.outcome {
    case .crashed where isLimited, .exited where isLimited: break
    default: return first
    }
    // A QEMU that gets no memory ends too. Where there is no time to see, the first counts.
    guard let again = try? start(plan.arguments(), plan.spares + 8, false), case .started? = try? again.answer(until: deadline),
      let second = try? plug(plugs, after: earlier, again)
    else { return first }
    return second
  }

  private func plug(
    _ plugs: [DeviceRequest], after earlier: [DeviceRequest], _ process: RehearsalProcess
  ) throws(Unknown) -> (outcome: RehearsalResult.Outcome, made: Made) {
    var made: Made = [:]
    var refusal: RehearsalResult.Outcome?
    var hub = plan.parts.count + 1
    for request in earlier {
      hub += 1
      for command in PlannedPlug.backends(of: request, hub: hub).map(\.command) + [PlannedPlug.repetition(of: request)] {
        if case .stopped(let end, let error) = try process.execute(command, until: deadline) {
          return (try ended(end, error, at: request), made)
        }
      }
    }
    var types: Set<String> = []
    for request in plugs {
      hub += 1
      for command in types.insert(request.driver ?? "").inserted ? PlannedPlug.lookups(of: request) : [] {
        if case .stopped(let end, let error) = try process.execute(command, until: deadline) {
          return (try ended(end, error, at: request), made)
        }
      }
      for (property, command) in PlannedPlug.backends(of: request, hub: hub) {
        guard case .reply(.success) = try process.execute(command, until: deadline) else { continue }
        made[request.location, default: []].append(
          RehearsalResult.Change(
            what: "`\(property)` of `\(request.location.path)`",
            why: "one without a connection: the machine starts without `\(request.string(property) ?? "")`", isUntried: true))
      }
      for trial in PlannedPlug.trials(of: request, spare: plan.firstSpare + plan.spares) {
        let reply: Result<JSON, CommandError>
        switch try process.execute(trial.command, until: deadline) {
        case .reply(let answer): reply = answer
        case .stopped(let end, let error): return (try ended(end, error, at: request), made)
        }
        guard let text = trial.refusal(reply), trial.decides else { continue }
        if text.contains(PlannedDevice.acceptedText) || text.contains("error bind device fd") { continue }
        refusal = refusal ?? .refused(text: text, location: request.location, about: "`\(request.location.path)`")
        break
      }
    }
    return (refusal ?? .started, made)
  }

  /// Whether a refusal is of a user network, which has nothing that the definition does not have.
  private static func isOfUserNetwork(_ part: RehearsalPlan.Part?) -> Bool {
    part?.arguments.first == "-netdev" && part?.arguments.last?.contains("type=user") == true
  }

  /// Outcome of a plug at which QEMU ended.
  private func ended(_ end: QEMUProcess.End?, _ error: String, at request: DeviceRequest) throws(Unknown) -> RehearsalResult.Outcome {
    let about = "`\(request.location.path)`"
    switch end {
    case .signal(let number)?:
      guard let signal = RehearsalTrial.signals[number] else {
        throw Unknown("rehearsal", reason: "QEMU was ended by signal \(number)")
      }
      return .crashed(signal: signal, location: request.location, about: about)
    case .exit?:
      let message = QEMUMessage(endingWith: error)
      if plan.ownCause(accelerator).explains(message.text, isLimited: false) {
        return .notRehearsed("QEMU's exit may be about the rehearsal's accelerator or backends: \(message.text)")
      }
      return .exited(text: message.text, location: request.location, about: about)
    case nil: throw Unknown("rehearsal", reason: "QEMU stopped answering at \(about)")
    }
  }
}

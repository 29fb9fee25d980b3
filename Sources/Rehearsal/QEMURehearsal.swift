import Common
import Facts
import Glibc
import QMP
import Syntax

/// Rehearses definitions with one QEMU: starts it with their own options and without anything of the host, and ends it. Each
/// process has limits of time and memory, no network and no core dump, and ends with this one.
public struct QEMURehearsal: Sendable {
  /// Time limit of one definition.
  public static let patience = Duration.seconds(10)
  /// RLIMIT_DATA of each QEMU, in bytes. The guest's memory is shared and not reserved, and does not count.
  private static let dataLimit: UInt64 = 4 << 30

  private let program: String
  private let directory: String
  /// Version and path of the QEMU, for the output.
  public let qemu: String
  let patience: Duration
  private let width: Int

  /// Number of QEMUs that run at once: one for each processor, and at least two.
  public static var processors: Int { max(2, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

  /// - Parameters:
  ///   - program: path of a program that has answered as a QEMU.
  ///   - qemu: its version and path, for the output.
  ///   - patience: time limit of one definition.
  ///   - width: maximum number of QEMUs of one definition that run at once, at least two.
  public init(
    program: String, qemu: String, patience: Duration = QEMURehearsal.patience, width: Int = QEMURehearsal.processors
  ) {
    self.patience = patience
    self.width = width
    directory = QEMURehearsal.workingDirectory
    // The programs have another working directory.
    self.program = program.hasPrefix("/") || !program.contains("/") ? program : directory + "/" + program
    self.qemu = qemu
  }

  /// Absolute path of the working directory; the root where it has none.
  private static var workingDirectory: String {
    guard let path = getcwd(nil, 0) else { return "/" }
    defer { free(path) }
    return String(cString: path)
  }

  /// Whether a plug is tried with another device in its place, or without some of its properties.
  public static func replaces(_ plug: DeviceRequest) -> Bool { PlannedDevice(plug).extent == .replaced }

  /// Starts the machine, then plugs.
  /// - Parameters:
  ///   - earlier: plugs before those, which the running QEMU has accepted.
  ///   - continues: whether to try what comes after a plug that is refused.
  /// - Returns: unknown when QEMU gave no answer: it cannot be started, does not answer in time, or prints what no QEMU prints.
  public func run(
    _ machine: MachineConfig, plugs: [DeviceRequest] = [], after earlier: [DeviceRequest] = [], continues: Bool = false
  ) -> Known<RehearsalResult> {
    start(machine, plugs: plugs, after: earlier).finish(qemu: qemu, continues: continues)
  }

  /// Starts the QEMUs and does not wait for them.
  public func start(
    _ machine: MachineConfig, plugs: [DeviceRequest] = [], after earlier: [DeviceRequest] = []
  ) -> StartedRehearsal {
    let plan = RehearsalPlan(
      machine, plugs: earlier + plugs, firstSpare: QEMUProcess.Confinement.firstSpare, directory: directory,
      program: program)
    let isOrdered = plugs.contains { !$0.history.unplugged.isEmpty || !$0.history.absentObjects.isEmpty }
    let order = isOrdered ? "the stream unplugs devices, or makes objects behind the plugs that name them" : nil
    if let obstacle = plan.obstacle ?? otherProgram(machine) ?? order {
      return StartedRehearsal(plan: plan, earlier: earlier, plugs: plugs, state: .success(.obstacle(obstacle)))
    }
    do throws(Unknown) {
      let trial = try RehearsalTrial(
        plan, source: machine.source, isRunning: !plugs.isEmpty, width: width, deadline: Deadline(after: patience),
        start: start)
      return StartedRehearsal(plan: plan, earlier: earlier, plugs: plugs, state: .success(.trial(trial)))
    } catch {
      return StartedRehearsal(plan: plan, earlier: earlier, plugs: plugs, state: .failure(error))
    }
  }

  /// QEMUs of other targets refuse this one's machines.
  private func otherProgram(_ machine: MachineConfig) -> String? {
    func target(_ name: String) -> Substring? {
      let name = name.split(separator: "/").last ?? ""
      return name.hasPrefix("qemu-system-") ? name.dropFirst("qemu-system-".count) : nil
    }
    guard let ours = target(program), let theirs = target(machine.emulator ?? ""), ours != theirs else { return nil }
    return "the definition is for qemu-system-\(theirs), and \(program) is another"
  }

  func start(_ arguments: [String], spares: Int, isLimited: Bool) throws(Unknown) -> RehearsalProcess {
    do {
      let process = try QEMUProcess(
        path: program, arguments: arguments,
        confinement: QEMUProcess.Confinement(data: isLimited ? QEMURehearsal.dataLimit : .max, spares: spares))
      return RehearsalProcess(process: process)
    } catch {
      throw Unknown("rehearsal", reason: "\(error)")
    }
  }
}

/// A rehearsal that runs. Its QEMUs end with it.
public struct StartedRehearsal {
  enum State {
    case trial(RehearsalTrial)
    case obstacle(String)
  }

  let plan: RehearsalPlan
  let earlier: [DeviceRequest]
  let plugs: [DeviceRequest]
  let state: Result<State, Unknown>

  /// Waits for the answers.
  /// - Parameters:
  ///   - qemu: version and path of the QEMU, for the output.
  ///   - continues: whether to try what comes after a plug that is refused.
  public func finish(qemu: String, continues: Bool = false) -> Known<RehearsalResult> {
    var outcome: RehearsalResult.Outcome
    var accepted: [Location: RehearsalResult.Extent] = [:]
    var made: [Location: [RehearsalResult.Change]] = [:]
    var accelerator: String?
    var laterSignal: String?
    do throws(Unknown) {
      switch try state.get() {
      case .obstacle(let reason): outcome = .notRehearsed(reason)
      case .trial(var trial):
        outcome = try trial.run()
        if outcome == .started, plugs.isEmpty {
          var refusal = try trial.refusedReading()
          if refusal == nil { refusal = try trial.refusedBackend() }
          if refusal == nil { refusal = try trial.refusedOnMonitor() }
          outcome = refusal ?? outcome
        }
        accelerator = trial.accelerator
        accepted = trial.accepted(at: outcome)
        if outcome == .started, !plugs.isEmpty {
          (outcome, made) = try trial.plug(plugs, after: earlier)
          if outcome == .started {
            for plug in plugs { accepted[plug.location] = made[plug.location] == nil ? PlannedDevice(plug).extent : .replaced }
          }
          if continues, case .refused = outcome, let plug = plugs.last { laterSignal = trial.signal(afterRefusalOf: plug, after: earlier) }
        }
      }
    } catch {
      return .unknown(error)
    }
    return .known(
      RehearsalResult(
        qemu: qemu, accelerator: accelerator, outcome: outcome, rehearsed: plan.rehearsed,
        changes: plan.changes + plugs.flatMap { made[$0.location] ?? [] }, accepted: accepted,
        laterSignal: laterSignal))
  }
}

/// One QEMU of a rehearsal.
struct RehearsalProcess {
  /// Its behaviour.
  enum Answer {
    case started
    case stopped(QEMUProcess.End?, error: String)
  }

  let process: QEMUProcess

  /// Waits until its machine is created, or until it stops.
  func answer(until deadline: Deadline) throws(Unknown) -> Answer {
    do {
      _ = try process.connection.negotiate(until: deadline)
      // Commands wait for the machine; the greeting does not.
      _ = try process.connection.execute(Command("query-status"), until: deadline)
      return .started
    } catch {
      return try stopped(error)
    }
  }

  /// A command's reply, or how QEMU ended instead.
  enum Reply {
    case reply(Result<JSON, CommandError>)
    case stopped(QEMUProcess.End?, error: String)
  }

  /// Sends a command.
  func execute(_ command: Command, until deadline: Deadline) throws(Unknown) -> Reply {
    do { return .reply(try process.connection.execute(command, until: deadline)) } catch {
      guard case .stopped(let end, let text) = try stopped(error) else { return .stopped(nil, error: "") }
      return .stopped(end, error: text)
    }
  }

  private func stopped(_ failure: QMPFailure) throws(Unknown) -> Answer {
    switch failure.cause {
    case .ended(.byPeer, _), .system(_, errno: ECONNRESET), .system(_, errno: EPIPE):
      return ended()
    case .ended(.violation, _):
      // QEMU prints some lists on standard output and then refuses.
      let (end, error) = process.finish()
      if case .exit(1)? = end, !error.isEmpty { return .stopped(end, error: error) }
      throw Unknown("rehearsal", reason: "\(process.explain(failure))")
    case .timedOut:
      // A process that a script has started beside QEMU keeps the connection open.
      let reason = "\(process.explain(failure))"
      let answer = ended()
      if case .stopped(.some, _) = answer { return answer }
      throw Unknown("rehearsal", reason: reason)
    default: throw Unknown("rehearsal", reason: "\(process.explain(failure))")
    }
  }

  private func ended() -> Answer {
    let (end, error) = process.finish()
    // A shell's status for a program that was killed; QEMU has none so high.
    if case .exit(let status)? = end, RehearsalTrial.signals[status - 128] != nil {
      return .stopped(.signal(status - 128), error: error)
    }
    return .stopped(end, error: error)
  }
}

import CLinux
import Common
import Facts
import Glibc
import Inputs
import QMP
import Rehearsal
import Syntax

/// Tries plugs on a scratch QEMU: the running QEMU's program, with its command line and the plugs before, without anything of the
/// host. Only a crash counts: what else it refuses, the running QEMU answers itself, and the log says that it was not tried.
package final class ScratchQEMU {
  /// Limit of plugs before that are repeated, which take some milliseconds each.
  private static let historyLimit = 256

  private let process: Int32
  private let program: String
  /// Plugs that a scratch QEMU and the running one have accepted, oldest first.
  private(set) var history: [DeviceRequest] = []
  /// Arguments of `object-add` that the running QEMU has accepted, oldest first.
  private(set) var objects: [JSON] = []
  /// Ids of devices that the running QEMU has released, other than those of the history.
  private(set) var released: Set<WireText> = []
  /// The running machine, once it was read.
  private var machine: Known<MachineConfig>?

  /// - Parameters:
  ///   - process: QEMU's process id.
  ///   - emulator: path of the program to start; nil is that of the process, also when its file was replaced since.
  package init(process: Int32, emulator: String? = nil) {
    self.process = process
    program = emulator ?? "/proc/\(process)/exe"
  }

  /// The trial that runs: they run one after the other, each with what was created before.
  private weak var active: ScratchTrial?

  /// The descriptor of the trial that runs, and the moment at which it is given up.
  var awaited: (descriptor: Int32, until: ContinuousClock.Instant)? { active?.awaited }

  /// The descriptor is readable, or the moment has come.
  func awoken() { active?.read() }

  /// A trial, which begins when its outcome is asked for.
  func trial(of candidate: ScratchTrial.Candidate) -> ScratchTrial { ScratchTrial(self, candidate) }

  /// Starts the process of a trial, unless another runs.
  /// - Returns: nil where it has to wait.
  func start(_ trial: ScratchTrial) throws(Unknown) -> (process: pid_t, descriptor: Int32)? {
    guard isFree else { return nil }
    let work = try work(of: trial.candidate)
    var end: Int32 = -1
    let process = clinux_fork_helper(&end)
    if process < 0 { throw Unknown("rehearsal", reason: "fork: \(errnoText(-process))") }
    guard process == 0 else {
      active = trial
      return (process, end)
    }
    let text = Array(work(QEMURehearsal(program: program, qemu: program)).text.utf8)
    // SAFETY: the buffer's own count is passed. A text of one line fits into a pipe.
    _ = text.withUnsafeBytes { write(end, $0.baseAddress, $0.count) }
    _exit(0)
  }

  private func work(of candidate: ScratchTrial.Candidate) throws(Unknown) -> (QEMURehearsal) -> ScratchTrial.Outcome {
    switch candidate {
    case .list(let command, _):
      return { rehearsal in
        switch rehearsal.signal(at: command) {
        case .known(let signal): signal.map { .crashed(signal: $0) } ?? .created
        case .unknown(let unknown): .unknown(unknown.reason)
        }
      }
    case .plug(let request):
      let machine = withoutReleased(withObjects(try runningMachine().value), before: request)
      let before = history(before: request)
      return { rehearsal in .init(rehearsal.run(machine, plugs: [request], after: before, continues: true), of: request) }
    }
  }

  /// Whether a trial can begin.
  var isFree: Bool { active?.isSettled ?? true }

  /// A device that QEMU has released is not there before later plugs, nor what was on its buses.
  /// - Parameter id: nil for a device without one: it may be any of those.
  func hasLost(_ id: WireText?) {
    let isOfCommandLine = !history.contains { $0.id.map { WireText($0) } == id }
    history = history.without { $0.id.map { WireText($0) } == id }
    // Ids of all plugs would add up as long as the guest runs.
    if let id, isOfCommandLine { released.insert(id) }
  }

  /// The running QEMU has made an object.
  func hasMade(_ object: JSON) { objects.append(object) }

  /// The running QEMU has deleted an object.
  func hasDeleted(object id: WireText) { objects.removeAll { $0.wire("id") == id } }

  /// The machine with the objects that were made since its start.
  private func withObjects(_ machine: MachineConfig) -> MachineConfig {
    let made = objects.compactMap { arguments -> ObjectRequest? in
      guard let properties = PlugRequest.read(arguments, source: "object-add")?.properties else { return nil }
      let place = Location(source: "an earlier object-add", range: nil, path: arguments.wire("id")?.description ?? "object")
      return ObjectRequest(properties: properties, location: place, isJSON: true)
    }
    var machine = machine
    machine.objects.removeAll { object in object.id.map { id in made.contains { $0.id == id } } ?? false }
    machine.objects += made
    return machine
  }

  /// A refused plug leaves nothing that later ones could meet.
  func hasCreated(_ request: DeviceRequest) {
    // Its refusal or crash in a later trial is not that of the later plug, which has the same location.
    let place = Location(source: "an earlier plug", range: nil, path: request.id ?? request.driver ?? "device")
    let earlier = DeviceRequest(form: request.form, plug: request.plug, properties: request.properties, location: place)
    history = Array((history(before: request) + [earlier]).suffix(ScratchQEMU.historyLimit))
  }

  /// Plugs that are repeated before a request. The history stays until the plug has gone well: QEMU may refuse it because nothing
  /// was unplugged.
  private func history(before request: DeviceRequest) -> [DeviceRequest] {
    let rivals = PlugRivals(request, among: history + (machine?.display?.devices ?? []))
    return history.without(rivals.contains)
  }

  /// The machine without the devices of its command line that QEMU has released.
  private func withoutReleased(_ machine: MachineConfig, before request: DeviceRequest) -> MachineConfig {
    let rivals = PlugRivals(request, among: machine.devices + history)
    var machine = machine
    machine.devices = machine.devices.without { device in
      rivals.contains(device) || device.id.map { released.contains(WireText($0)) } ?? false
    }
    return machine
  }

  private func runningMachine() -> Known<MachineConfig> {
    if let machine { return machine }
    let found: Known<MachineConfig>
    switch PlugInquiry.machine(of: process) {
    case .success(let read): found = .known(read)
    case .failure(let error): return .unknown("QEMU's command line", "\(error)")
    }
    machine = found
    return found
  }
}

/// An object that is made or deleted, which later trials have or have not.
final class ObjectRecord: CommandDecision {
  private let scratch: ScratchQEMU
  private let isMade: Bool
  private let arguments: JSON

  private init(_ scratch: ScratchQEMU, isMade: Bool, _ arguments: JSON) {
    (self.scratch, self.isMade, self.arguments) = (scratch, isMade, arguments)
  }

  /// The record of a command; nil for one that makes and deletes no object, or without trials.
  static func of(_ command: WireText, _ arguments: JSON?, _ scratch: ScratchQEMU?) -> ObjectRecord? {
    guard let scratch, let arguments, command == "object-add" || command == "object-del" else { return nil }
    return ObjectRecord(scratch, isMade: command == "object-add", arguments)
  }

  func proceed(_ answers: [Result<JSON, CommandError>]) -> DecisionStep { .pass(instead: nil) }

  /// Records what QEMU has accepted.
  func answered(_ reply: Result<JSON, CommandError>) {
    guard PlugInquiry.failure(reply) == nil else { return }
    if isMade { scratch.hasMade(arguments) } else if let id = arguments.wire("id") { scratch.hasDeleted(object: id) }
  }
}

extension QMPCommandFilter {
  /// The trial that runs.
  public var awaited: (descriptor: Int32, until: ContinuousClock.Instant)? { scratch?.awaited }

  /// Reads the trial's answer.
  public func awoken() { scratch?.awoken() }
}

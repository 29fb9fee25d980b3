import CLinux
import Common
import Facts
import Glibc
import Inputs
import QMP
import Rehearsal
import Syntax

/// Tries plugs on a scratch QEMU: the running QEMU's program, with its command line and the plugs before, without anything of the
/// host. Only a crash counts: what else it refuses, the running QEMU answers itself.
package final class ScratchQEMU {
  /// Limit of plugs before that are repeated, which take some milliseconds each.
  private static let historyLimit = 256
  /// Time limit of one plug; its client waits meanwhile.
  private static let patience = Duration.seconds(3)

  private let process: Int32
  private let program: String
  /// Plugs that scratch QEMUs have accepted, oldest first.
  private(set) var history: [DeviceRequest] = []
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

  /// A trial of a plug. It begins when its outcome is asked for.
  package func trial(of request: DeviceRequest) -> ScratchTrial { ScratchTrial(self, request) }

  /// Starts the process of a trial, unless another runs.
  /// - Returns: nil where it has to wait.
  func start(_ trial: ScratchTrial) throws(Unknown) -> (process: pid_t, descriptor: Int32)? {
    guard isFree else { return nil }
    let machine = try runningMachine().value
    let request = trial.request
    let before = history(before: request)
    var end: Int32 = -1
    let process = clinux_fork_helper(&end)
    if process < 0 { throw Unknown("rehearsal", reason: "fork: \(errnoText(-process))") }
    guard process == 0 else {
      active = trial
      return (process, end)
    }
    let result = QEMURehearsal(program: program, qemu: program, patience: ScratchQEMU.patience)
      .run(machine, plugs: before + [request])
    let text = Array(ScratchTrial.Outcome(result, of: request).text.utf8)
    // SAFETY: the buffer's own count is passed. A text of one line fits into a pipe.
    _ = text.withUnsafeBytes { write(end, $0.baseAddress, $0.count) }
    _exit(0)
  }

  /// Whether a trial can begin.
  var isFree: Bool { active == nil || active?.outcome != nil }

  /// A device that QEMU has released is not plugged before later ones.
  func hasLost(_ id: WireText) { history.removeAll { $0.id.map { WireText($0) } == id } }

  /// A refused plug leaves nothing that later ones could meet.
  func hasCreated(_ request: DeviceRequest) {
    // Its refusal or crash in a later trial is not that of the later plug, which has the same location.
    let place = Location(source: "an earlier plug", range: nil, path: request.id ?? request.driver ?? "device")
    let earlier = DeviceRequest(form: request.form, plug: request.plug, properties: request.properties, location: place)
    history = Array((history(before: request) + [earlier]).suffix(ScratchQEMU.historyLimit))
  }

  /// Plugs that are repeated before a request. A device that is plugged again, or at the place of another, was unplugged
  /// before. The history stays until the plug has gone well: QEMU may refuse it because nothing was unplugged.
  private func history(before request: DeviceRequest) -> [DeviceRequest] {
    history.filter { earlier in
      let isAgain = earlier.id != nil && earlier.id == request.id
      let place = request.value("addr")
      return !isAgain && !(place != nil && earlier.value("addr") == place && earlier.bus == request.bus)
    }
  }

  private func runningMachine() -> Known<MachineConfig> {
    if let machine { return machine }
    let path = "/proc/\(process)/cmdline"
    let found: Known<MachineConfig>
    do throws(PathError) {
      let source = try InputFile.read(path, limit: ParsedInput.maximumSize)
      found = .known(ParsedInput.parse(source, as: .nul, follow: InputFile.follower(from: path, roots: nil)).machine)
    } catch {
      return .unknown("QEMU's command line", "\(error)")
    }
    machine = found
    return found
  }
}

extension QMPCommandFilter {
  /// The trial that runs.
  public var awaited: (descriptor: Int32, until: ContinuousClock.Instant)? { scratch?.awaited }

  /// Reads the trial's answer.
  public func awoken() { scratch?.awoken() }
}

import Common
import Facts
import Inputs
import Rehearsal
import Rules

/// Tries plugs on a scratch QEMU: the running QEMU's program, with its command line and the plugs before, without anything of the
/// host. Only a crash counts: what else it refuses, the running QEMU answers itself.
package final class ScratchQEMU {
  /// Plugs before that are repeated.
  private static let historyLimit = 32
  /// Time limit of one plug; the proxy's clients wait meanwhile.
  private static let patience = Duration.seconds(3)

  private let process: Int32
  private let program: String
  private var history: [DeviceRequest] = []
  /// The running machine, once it was read.
  private var machine: Known<MachineConfig>?

  /// - Parameters:
  ///   - process: QEMU's process id.
  ///   - emulator: path of the program to start; nil is that of the process, also when its file was replaced since.
  package init(process: Int32, emulator: String? = nil) {
    self.process = process
    program = emulator ?? "/proc/\(process)/exe"
  }

  /// Tries a plug.
  /// - Returns: the signal that the scratch QEMU crashed with; nil when it did not.
  /// - Throws: the reason why there is no answer.
  package func crash(on request: DeviceRequest) throws(Unknown) -> String? {
    let machine = try runningMachine().value
    // A device that is plugged again was unplugged before.
    history.removeAll { earlier in
      earlier.id != nil && earlier.id == request.id
        || earlier.bus != nil && earlier.bus == request.bus && earlier.value("addr") == request.value("addr")
    }
    let result = try QEMURehearsal(program: program, qemu: program, patience: ScratchQEMU.patience)
      .run(machine, plugs: history + [request]).value
    switch result.outcome {
    case .crashed(let signal, let place, _) where place == request.location: return signal
    case .notRehearsed(let reason): throw Unknown("rehearsal", reason: reason)
    // A refused plug leaves nothing that later ones could meet.
    case .started: history = Array((history + [request]).suffix(ScratchQEMU.historyLimit))
    default: break
    }
    return nil
  }

  private func runningMachine() -> Known<MachineConfig> {
    if let machine { return machine }
    let path = "/proc/\(process)/cmdline"
    let found: Known<MachineConfig>
    do throws(PathError) {
      let source = try InputFile.read(path, limit: ParsedInput.maximumSize)
      found = .known(ParsedInput.parse(source, as: .nul, follow: InputFile.follower(from: path, roots: nil)).machine)
    } catch {
      found = .unknown("QEMU's command line", "\(error)")
    }
    machine = found
    return found
  }
}

extension QMPCommandFilter {
  /// The refusal of a plug that a scratch QEMU crashes on.
  func crash(on request: DeviceRequest) -> BypassRules.Reason? {
    guard let scratch else { return nil }
    do throws(Unknown) {
      guard let signal = try scratch.crash(on: request) else { return nil }
      let name = request.id.map { "`\($0)`" } ?? request.driver.map { "`\($0)`" } ?? "a device"
      return BypassRules.Reason(
        rule: .crashesQEMU, message: "a scratch QEMU crashed with \(signal) on \(name), and the guest would be lost")
    } catch {
      log.write(.warning, "rehearsal", [.init("reason", .string("the plug was not tried: \(error.reason)"))])
      return nil
    }
  }
}

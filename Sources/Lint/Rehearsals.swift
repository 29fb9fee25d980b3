import Common
import Facts
import Glibc
import Inputs
import Rehearsal

/// `--rehearse PATH|emulator`: the QEMU that definitions are tried with.
public enum RehearsalChoice: Sendable, Hashable {
  /// None is started.
  case none
  /// This program.
  case program(String)
  /// The program that each definition names.
  case emulator
}

/// The QEMUs of a run, each asked once whether it is one.
struct Rehearsals {
  private let choice: RehearsalChoice
  private var known: [String: Known<QEMURehearsal>] = [:]

  /// - Parameter asked: the QEMU that was asked for its properties already.
  init(_ choice: RehearsalChoice, asked: QEMUChoice, profile: QEMUProfile) {
    self.choice = choice
    if case .program(let path) = asked { known[path] = .known(QEMURehearsal(program: path, qemu: profile.name)) }
  }

  /// Asks a program before the first definition, so that its failure is one message.
  /// - Throws: `QMPFailure` when it is not a QEMU that answers.
  mutating func begin() throws(QMPFailure) {
    guard case .program(let path) = choice, known[path] == nil else { return }
    known[path] = .known(QEMURehearsal(program: path, qemu: try QEMUChoice.program(path).profile().name))
  }

  /// Number of definitions whose QEMUs run at once.
  var width: Int { choice == .none ? 1 : max(2, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

  /// Starts the rehearsal of a definition; nil when none is wanted.
  /// - Returns: waits for the answer.
  mutating func start(_ machine: MachineConfig, plugs: [DeviceRequest]) -> (() -> Known<RehearsalResult>)? {
    let rehearsal: Known<QEMURehearsal>
    switch choice {
    case .none: return nil
    case .program(let path): rehearsal = known[path] ?? .known(QEMURehearsal(program: path, qemu: path))
    case .emulator: rehearsal = ofEmulator(of: machine)
    }
    switch rehearsal {
    case .unknown(let unknown): return { .unknown(unknown) }
    case .known(let rehearsal):
      let started = rehearsal.start(machine, plugs: plugs)
      return { started.finish(qemu: rehearsal.qemu) }
    }
  }

  private mutating func ofEmulator(of machine: MachineConfig) -> Known<QEMURehearsal> {
    // Its obstacle says more than a missing name.
    guard machine.libvirt == nil else { return .known(QEMURehearsal(program: "", qemu: "")) }
    guard let name = machine.program else { return .unknown("rehearsal", "the definition names no QEMU") }
    guard let path = Executable.find(name) else { return .unknown("rehearsal", "`\(name)` is not in PATH") }
    if let known = known[path] { return known }
    let asked: Known<QEMURehearsal>
    do { asked = .known(QEMURehearsal(program: path, qemu: try QEMUChoice.program(path).profile().name)) } catch {
      asked = .unknown("rehearsal", "\(error)")
    }
    known[path] = asked
    return asked
  }
}

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

/// The QEMUs of a run, each asked once for its properties.
struct Rehearsals {
  private let choice: RehearsalChoice
  private var known: [String: Known<QEMUProfile>] = [:]

  /// - Parameter asked: the QEMU that was asked for its properties already.
  init(_ choice: RehearsalChoice, asked: QEMUChoice, profile: QEMUProfile) {
    self.choice = choice
    if case .program(let path) = asked { known[path] = .known(profile) }
  }

  /// Asks a program before the first definition, so that its failure is one message.
  /// - Throws: `QMPFailure` when it is not a QEMU that answers.
  mutating func begin() throws(QMPFailure) {
    guard case .program(let path) = choice, known[path] == nil else { return }
    known[path] = .known(try QEMUChoice.program(path).profile())
  }

  /// Number of definitions whose QEMUs run at once, two of each.
  var width: Int { choice == .none ? 1 : QEMURehearsal.processors }

  /// Starts the rehearsal of a definition; nil when none is wanted.
  /// - Returns: waits for the answer.
  mutating func start(_ machine: MachineConfig, plugs: [DeviceRequest]) -> (() -> Known<RehearsalResult>)? {
    let program: Known<String>
    switch choice {
    case .none: return nil
    case .program(let path): program = .known(path)
    case .emulator: program = Rehearsals.emulator(of: machine)
    }
    switch program.flatMap({ path in profile(of: path).map { (path, $0.name) } }) {
    case .unknown(let unknown): return { .unknown(unknown) }
    case .known(let (path, qemu)):
      let started = QEMURehearsal(program: path, qemu: qemu, width: 2).start(machine, plugs: plugs)
      return { started.finish(qemu: qemu) }
    }
  }

  /// The QEMU that a definition names, where `--rehearse emulator` permits to start it; nil where it does not, or the program
  /// does not answer.
  mutating func emulatorProfile(of machine: MachineConfig) -> QEMUProfile? {
    guard choice == .emulator, case .known(let path) = Rehearsals.emulator(of: machine) else { return nil }
    guard case .known(let profile) = profile(of: path) else { return nil }
    return profile
  }

  private static func emulator(of machine: MachineConfig) -> Known<String> {
    guard let name = machine.program else { return .unknown("rehearsal", "the definition names no QEMU") }
    guard let path = Executable.find(name) else { return .unknown("rehearsal", "`\(name)` is not in PATH") }
    return .known(path)
  }

  private mutating func profile(of path: String) -> Known<QEMUProfile> {
    if let known = known[path] { return known }
    let asked: Known<QEMUProfile>
    do { asked = .known(try QEMUChoice.program(path).profile()) } catch { asked = .unknown("rehearsal", "\(error)") }
    known[path] = asked
    return asked
  }
}

import Common
import Facts
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

  /// Rehearses a definition; nil when none is wanted.
  mutating func rehearsal(of machine: MachineConfig) -> ((MachineConfig, [DeviceRequest]) -> Known<RehearsalResult>)? {
    switch choice {
    case .none: return nil
    case .program(let path): return rehearse(path)
    case .emulator:
      guard machine.libvirt == nil else { return rehearse("") }
      guard let name = machine.program else { return { _, _ in .unknown("rehearsal", "the definition names no QEMU") } }
      guard let path = Executable.find(name) else { return { _, _ in .unknown("rehearsal", "`\(name)` is not in PATH") } }
      if known[path] == nil {
        do {
          known[path] = .known(QEMURehearsal(program: path, qemu: try QEMUChoice.program(path).profile().name))
        } catch { known[path] = .unknown("rehearsal", "\(error)") }
      }
      return rehearse(path)
    }
  }

  private func rehearse(_ path: String) -> (MachineConfig, [DeviceRequest]) -> Known<RehearsalResult> {
    let rehearsal = known[path] ?? .known(QEMURehearsal(program: path, qemu: path))
    return { machine, plugs in rehearsal.flatMap { $0.run(machine, plugs: plugs) } }
  }
}

import Common
import Facts
import QMP

extension QEMURehearsal {
  /// Asks a QEMU without a machine twice: a module of another build ends QEMU when the next is loaded (QEMU util/module.c:
  /// module_load_dso).
  /// - Parameter list: a command that changes nothing.
  /// - Returns: the name of the signal that ended it; nil when it answered.
  public func signal(at list: Command) -> Known<String?> {
    let deadline = Deadline(after: patience)
    do throws(Unknown) {
      let process = try start(QEMUProcess.arguments, spares: 0, isLimited: true)
      guard case .started = try process.answer(until: deadline) else { return .unknown("rehearsal", "the scratch QEMU does not start") }
      for _ in 0..<2 {
        guard case .stopped(let end, _) = try process.execute(list, until: deadline) else { continue }
        if case .signal(let number)? = end, let name = RehearsalTrial.signals[number] { return .known(name) }
        return .unknown("rehearsal", "the scratch QEMU stopped answering")
      }
      return .known(nil)
    } catch {
      return .unknown(error)
    }
  }
}

import Prediction
import QMP
import Syntax

/// Unplugs of devices of some types crash QEMU: their type is asked for first.
final class UnplugInquiry: CommandDecision {
  private let gate: QMPCommandFilter
  private let about: QMPCommandFilter.CommandContext
  private let id: WireText

  private init(_ gate: QMPCommandFilter, _ about: QMPCommandFilter.CommandContext, _ id: WireText) {
    (self.gate, self.about, self.id) = (gate, about, id)
  }

  /// The inquiry about a command; nil for one that unplugs nothing.
  static func of(
    _ command: WireText, _ arguments: JSON?, _ gate: QMPCommandFilter, _ about: QMPCommandFilter.CommandContext
  ) -> UnplugInquiry? {
    guard command == "device_del", let id = arguments?.wire("id") else { return nil }
    return UnplugInquiry(gate, about, id)
  }

  func proceed(_ answers: [Result<JSON, CommandError>]) -> DecisionStep {
    guard let answer = answers.first else {
      // An id may be a path (QEMU system/qdev-monitor.c: find_device_state).
      let path = id.hasPrefix("/") ? "\(id)" : "/machine/peripheral/\(id)"
      return .ask([Command("qom-get", ["path": .string(path), "property": "type"])])
    }
    // QEMU refuses the unplug of a device that there is not.
    guard let type = (try? answer.get())?.wire, let crash = QEMUCrash.unplug(of: "\(type)") else { return .pass(instead: nil) }
    return gate.step(.init(rule: .crashesQEMU, message: "`\(id)`: \(crash.text)"), about)
  }

  /// Does nothing: the reply is only forwarded.
  func answered(_ reply: Result<JSON, CommandError>) {}
}

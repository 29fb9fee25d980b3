import Prediction
import QMP
import Syntax

/// Unplugs of devices of some types crash QEMU: their type is asked for first.
final class UnplugInquiry: CommandDecision {
  private let gate: QMPCommandFilter
  private let about: QMPCommandFilter.CommandContext
  private let id: WireText
  private var type: String?
  private var bus: WireText?
  private var isCompletedByReset = false

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
    // An id may be a path (QEMU system/qdev-monitor.c: find_device_state).
    let path = id.hasPrefix("/") ? "\(id)" : "/machine/peripheral/\(id)"
    func property(_ path: String, _ name: String) -> DecisionStep {
      .ask([Command("qom-get", ["path": .string(path), "property": .string(name)])])
    }
    guard let answer = answers.first else { return property(path, "type") }
    let text = (try? answer.get())?.wire
    guard let type else {
      // QEMU refuses the unplug of a device that there is not.
      guard let text else { return .pass(instead: nil) }
      type = "\(text)"
      if let crash = QEMUCrash.unplug(of: "\(text)") {
        return gate.step(.init(rule: .crashesQEMU, message: "`\(id)`: \(crash.text)"), about)
      }
      return QEMUCrash.abortsAtReset(unplugOf: "\(text)") ? property(path, "parent_bus") : .pass(instead: nil)
    }
    guard let bus else {
      bus = text ?? ""
      return property("\(text ?? "")", "hotplug-handler")
    }
    // A port or bridge that is its bus's own handler keeps the device at a reset; ACPI completes the unplug.
    isCompletedByReset = text.map { $0 == "" || !bus.hasPrefix(WireText("\($0)/")) } ?? true
    return .pass(instead: nil)
  }

  /// Writes down an unplug that a reset must not complete. The event that a device has gone comes after the reply.
  func answered(_ reply: Result<JSON, CommandError>) {
    guard isCompletedByReset, PlugInquiry.failure(reply) == nil else { return }
    // The event of a device without an id has its path alone.
    gate.runStates.unplugging.insert(id.hasPrefix("/machine/peripheral/") ? id.split("/").last ?? id : id)
  }
}

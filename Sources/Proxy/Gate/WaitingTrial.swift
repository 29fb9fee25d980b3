import Common
import QMP
import Rehearsal
import Rules
import Syntax

/// A command that waits for its trial.
final class WaitingTrial: CommandTrial {
  private let gate: QMPCommandFilter
  private let trial: ScratchTrial
  private let about: QMPCommandFilter.CommandContext
  private let rest: () -> ProxyInspection

  /// - Parameter rest: decides about a command that does not crash.
  init(
    _ gate: QMPCommandFilter, _ trial: ScratchTrial, _ about: QMPCommandFilter.CommandContext, rest: @escaping () -> ProxyInspection
  ) {
    self.gate = gate
    self.trial = trial
    self.about = about
    self.rest = rest
  }

  var inspection: ProxyInspection? {
    guard let outcome = trial.isToBegin ? gate.reserve.lend({ trial.poll() }) : trial.poll() else { return nil }
    switch outcome {
    case .crashed(let signal): return refuse("a scratch QEMU crashed with \(signal) on \(name), and the guest would be lost")
    case .crashedLater(let signal, let text):
      return refuse(
        "a scratch QEMU refused \(name), and crashed with \(signal) when it was plugged again or the guest was reset: `\(text)`")
    case .exited(let text): return refuse("a scratch QEMU exited on \(name), and the guest would be lost: `\(text)`")
    case .unknown(let reason):
      gate.log.write(.warning, "rehearsal", [.init("reason", .string("\(what) was not tried: \(reason)"))])
    case .refused(let text):
      let reason = "\(what) was tried no further: a scratch QEMU refuses it: `\(text)`"
      gate.log.write(.warning, "rehearsal", [.init("reason", .string(reason))], client: about.client.number)
    case .created:
      guard case .plug(let request) = trial.candidate, QEMURehearsal.replaces(request) else { break }
      let reason = "\(name) was tried without what connects it to the host"
      gate.log.write(.warning, "rehearsal", [.init("reason", .string(reason))], client: about.client.number)
    }
    guard case .plug = trial.candidate else { return rest() }
    switch rest() {
    case .pass: return .inquire(TriedPlug(trial))
    case .inquire(let decision): return .inquire(DecisionChain([decision, TriedPlug(trial)]))
    case let other: return other
    }
  }

  private var name: String { trial.candidate.name }

  private var what: String {
    if case .plug = trial.candidate { "the plug" } else { name }
  }

  private func refuse(_ message: String) -> ProxyInspection {
    gate.refuse(BypassRules.Reason(rule: .crashesQEMU, message: message), about)
  }
}

/// A plug whose answer its trial waits for.
private final class TriedPlug: CommandDecision {
  private let trial: ScratchTrial

  init(_ trial: ScratchTrial) { self.trial = trial }

  func proceed(_ answers: [Result<JSON, CommandError>]) -> DecisionStep { .pass(instead: nil) }

  /// Settles the trial.
  func answered(_ reply: Result<JSON, CommandError>) { trial.answered(isAccepted: PlugInquiry.failure(reply) == nil) }
}

extension QMPCommandFilter {
  /// The trial of a list, for which QEMU loads all its modules or makes an object: which of them crash depends on its version, and
  /// modules of another build, after an update, end it (QEMU util/module.c: module_load_dso). Nil for another command, and where
  /// nothing is tried.
  func triedList(_ about: CommandContext) -> ProxyInspection? {
    guard let scratch, let list = QMPCommandFilter.list(about.command, about.message.arguments) else { return nil }
    let name: WireText = about.command == "human-monitor-command" ? "info qdm" : about.command
    return .wait(WaitingTrial(self, scratch.trial(of: .list(list, name: name)), about) { .pass })
  }

  private static func list(_ command: WireText, _ arguments: JSON?) -> Command? {
    switch command {
    case "qom-list-types": break
    case "device-list-properties", "qom-list-properties":
      // Never in a module.
      if arguments?.wire("typename")?.hasPrefix("vfio-pci") == true { return nil }
    case "human-monitor-command":
      guard let line = arguments?.wire("command-line"), let human = HMPCommand(Word(line.bytes, at: 0)), WireText(human.name) == "info",
        let list = WireText(bytes: human.rest.bytes).words.first, list == "qdm" || list.hasPrefix("qdm/")
      else { return nil }
    default: return nil
    }
    return Command(command.description, arguments)
  }
}

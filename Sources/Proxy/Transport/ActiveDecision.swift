import Common
import QMP
import Syntax

/// The one decision that is being made.
struct ActiveDecision {
  let client: ProxyClient
  let message: ClientMessage
  let inquiry: any CommandDecision
  var asked: [CommandID] = []
  var answers: [Result<JSON, CommandError>] = []
  /// The command itself has been sent to QEMU.
  var isSent = false
}

extension Proxy {
  /// Begins a decision when QEMU has no other command in progress.
  func start(_ inquiry: any CommandDecision, _ message: ClientMessage, _ client: ProxyClient) -> Bool {
    guard job == nil, inFlight.isEmpty, monitor.outbox.isEmpty, !routing.isOpen else { return false }
    client.held = nil
    client.outstanding += 1
    job = ActiveDecision(client: client, message: message, inquiry: inquiry)
    proceed([])
    return true
  }

  /// Takes the next step of the active decision.
  func proceed(_ answers: [Result<JSON, CommandError>]) {
    guard var current = job else { return }
    switch current.inquiry.proceed(answers) {
    case .ask(let commands):
      current.answers = []
      current.asked = commands.map { command in
        let id = monitor.ask(command)
        inFlight.append(.own(id))
        return id
      }
      job = current
      monitor.flush()
      if commands.isEmpty { proceed([]) }
    case .pass(let instead):
      current.isSent = true
      job = current
      send(instead ?? current.message.bytes, current.message.descriptors, .job(current.client))
    case .refuse(let error):
      current.client.outstanding -= 1
      job = nil
      _ = refuse(current.message, error, current.client)
    }
  }

  /// The client of the active decision has disconnected before its command was sent.
  func cancelJob() {
    guard let current = job else { return }
    closeAll(current.message.descriptors)
    // QEMU still answers the questions; the answers are dropped.
    job = nil
  }
}

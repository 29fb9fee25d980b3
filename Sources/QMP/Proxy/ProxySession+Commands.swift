import Syntax

/// The direction from clients to QEMU.
extension ProxySession {
  /// Limit of pending replies; QEMU's own queue is shorter.
  private static let inFlightLimit = 1024

  /// Limit of one client's pending replies where several are served: QEMU answers in order, and another client's next command
  /// waits for all of them. Two keep QEMU busy.
  private static let clientLimit = 2

  /// Limit of unread bytes of a client, in bytes, above which it gets no more answers of the proxy's own: its next message waits.
  private static let answerLimit = 1 << 20

  /// Processes messages of all clients, beginning behind the one whose command was sent last.
  func processAll() {
    let first = clients.firstIndex { $0.peer.number > turn } ?? 0
    for client in clients[first...] + clients[..<first] { process(client) }
  }

  /// Whether a reply of the proxy's own can be sent now: after everything that QEMU owes the client, and not
  /// in the middle of an event.
  private func mayAnswer(_ client: SessionClient) -> Bool {
    client.outstanding == 0 && client.outbox.byteCount <= ProxySession.answerLimit
      && !(routing.isOpen && routing.recipients.contains { $0 === client })
  }

  /// Processes a client's messages, as far as is possible now. One that has gone has none.
  private func process(_ client: SessionClient) {
    client.frame()
    while let pending = client.inbox.first {
      var hasBeenTried = false
      if case .wait = pending.verdict { hasBeenTried = true }
      guard take(pending.item, of: client) else { break }
      client.inbox.removeFirst()
      if client.inbox.isEmpty { client.frame() }
      // Others, whose plugs have waited for the trial, are served first.
      if hasBeenTried { break }
    }
    overtake(client)
  }

  /// - Returns: false when it has to wait.
  private func take(_ item: ClientStream.Item, of client: SessionClient) -> Bool {
    switch item {
    case .refused(let text):
      guard mayAnswer(client) else { return false }
      client.send(
        LocalReply(error: CommandError(errorClass: "GenericError", text: text), id: nil, isPretty: monitor.isPretty))
      notices.append(.notJSON(client.peer, answer: text))
      return true
    case .message(let message):
      if let held = client.held { return start(held, message, client) }
      // A reply of the proxy's own must not overtake replies that QEMU still owes.
      if !client.negotiation.needsNoAnswer(message) {
        guard mayAnswer(client) else { return false }
        switch client.negotiation.respond(to: message) {
        case .pass: break
        case .success:
          client.send(LocalReply(id: message.id, isPretty: monitor.isPretty))
          return true
        case .failure(let error):
          refuse(message, error, client)
          return true
        }
      }
      return pass(message, client)
    }
  }

  private func pass(_ message: ClientMessage, _ client: SessionClient) -> Bool {
    let overtakes = message.isOutOfBand
    let isFree = inFlight.count < ProxySession.inFlightLimit
      && (overtakes || job == nil && deciding == nil && (options.clients == 1 || client.outstanding < ProxySession.clientLimit))
    client.waitsForOutOfBand = isFree && !overtakes && options.clients > 1 && !outOfBand.isEmpty
    guard toQEMU.isEmpty, isFree, !client.waitsForOutOfBand else { return false }
    switch verdict(about: message, 0, client) {
    case .pass:
      if overtakes { return send(outOfBand: message, client) }
      turn = client.peer.number
      if !message.descriptors.isEmpty, message.takesDescriptor { return hold(UnconditionalPass(), message, client) }
      // QEMU would assign other descriptors to a later command that asks for one.
      toQEMU.add(message.canonicalBytes)
      inFlight.append(.client(client, id: message.id))
      client.outstanding += 1
      return true
    case .refuse(let error):
      guard mayAnswer(client) else { return false }
      refuse(message, error, client)
      return true
    case .inquire(let inquiry):
      turn = client.peer.number
      return hold(inquiry, message, client)
    case .wait(let trial):
      guard let decided = trial.inspection else { return false }
      turn = client.peer.number
      client.inbox[0].verdict = decided
      return pass(message, client)
    }
  }

  /// The filter's answer about a message of the inbox. It is asked once for each message, because it logs refusals.
  func verdict(about message: ClientMessage, _ index: Int, _ client: SessionClient) -> ProxyInspection {
    if let known = client.inbox[index].verdict { return known }
    let verdict = filter.inspect(message, from: client.peer)
    client.inbox[index].verdict = verdict
    return verdict
  }

  func refuse(_ message: ClientMessage, _ error: CommandError, _ client: SessionClient) {
    client.send(LocalReply(error: error, id: message.id, isPretty: monitor.isPretty))
  }
}

/// A decision that is made already and waits until QEMU has no other command in progress.
private final class UnconditionalPass: CommandDecision {
  func proceed(_ answers: [Result<JSON, CommandError>]) -> DecisionStep { .pass(instead: nil) }
  /// Does nothing: the reply is only forwarded.
  func answered(_ reply: Result<JSON, CommandError>) {}
}

import Syntax

/// Commands out of band.
extension ProxySession {
  /// Sends out-of-band commands before the other messages in the inbox. A refused one keeps its place. A client that has not
  /// negotiated it is answered in `ClientNegotiation`.
  func overtake(_ client: SessionClient) {
    var index = 1
    while index < client.inbox.count {
      guard case .message(let message) = client.inbox[index].item, message.isOutOfBand,
        client.negotiation.needsNoAnswer(message), toQEMU.isEmpty,
        case .pass = verdict(about: message, index, client), send(outOfBand: message, client)
      else {
        index += 1
        continue
      }
      client.inbox.remove(at: index)
    }
  }

  /// - Returns: false when its reply could not be distinguished: another client's command with the
  ///   same id is in progress.
  func send(outOfBand message: ClientMessage, _ client: SessionClient) -> Bool {
    if options.clients > 1 {
      let id = message.id?.qemuText()
      let taken = inFlight.all.contains { debt in
        if case .client(let other, let used) = debt { return other !== client && used?.qemuText() == id }
        return false
      }
      guard !taken, !outOfBand.contains(where: { $0.id?.qemuText() == id }) else { return false }
    }
    toQEMU.add(message.canonicalBytes)
    outOfBand.append((client, message.id))
    client.outstanding += 1
    return true
  }
}

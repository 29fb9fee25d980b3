import Syntax

/// Commands out of band.
extension ProxySession {
  /// Limit of one client's commands in progress, as of QEMU's own queue (QEMU monitor/monitor-internal.h: QMP_REQ_QUEUE_LEN_MAX).
  private static let outOfBandLimit = 8

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

  /// - Returns: false when it has to wait: its reply could not be distinguished, because another client's command with the same id
  ///   is in progress or one with a decision, or it is the turn of a command in band.
  func send(outOfBand message: ClientMessage, _ client: SessionClient) -> Bool {
    if options.clients > 1, outOfBand.count(where: { $0.client === client }) >= ProxySession.outOfBandLimit { return false }
    func text(_ id: JSON?) -> String? { id?.qemuText(isPretty: monitor.isPretty) }
    let id = text(message.id)
    // A command that waits for replies to earlier ones goes first, or a stream of them would hold it back for ever.
    if clients.contains(where: \.waitsForOutOfBand) || deciding != nil && inFlight.isEmpty { return false }
    if let job, text(job.message.id) == id { return false }
    if options.clients > 1 {
      let taken = inFlight.all.contains { debt in
        if case .client(let other, let used) = debt { return other !== client && text(used) == id }
        return false
      }
      guard !taken, !outOfBand.contains(where: { text($0.id) == id }) else { return false }
    }
    toQEMU.add(message.canonicalBytes)
    // A pretty reply has the id one level deeper: at most 4 blanks more for each CR LF.
    outOfBand.append((client, message.id, (id?.utf8.count ?? 0) * (monitor.isPretty ? 3 : 1)))
    client.outstanding += 1
    return true
  }
}

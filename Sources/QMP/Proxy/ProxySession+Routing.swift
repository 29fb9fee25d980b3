import Syntax

/// The destination of the current message of QEMU.
struct ProxyRouting {
  enum Purpose {
    /// Forwarded to the recipients at once.
    case carried
    /// Forwarded and parsed: the reply to a command with a decision.
    case watched(SessionClient)
    case own(CommandID)
    /// Not decided yet: the id, which comes last, shows whether it is in band.
    case undecided
  }

  var isOpen = false
  var purpose = Purpose.carried
  var recipients: [SessionClient] = []
  var collected: [UInt8] = []
  /// Whether the message is larger than is parsed.
  var isCut = false
}

/// The direction from QEMU to clients.
extension ProxySession {
  /// Forwards pieces of messages.
  /// - Parameter descriptors: descriptors that arrived with the last of the pieces.
  func route(_ pieces: [ServerStream.Piece], _ descriptors: [OwnedDescriptor]) {
    for (index, piece) in pieces.enumerated() where ending == nil {
      if piece.kind == .event { inspectEvent(piece, isWhole: !routing.isOpen && piece.isEnd) }
      if !routing.isOpen { open(piece.kind) }
      let isLast = index == pieces.count - 1
      for client in routing.recipients {
        client.outbox.add(stream.buffer[piece.range], descriptors: isLast && routing.recipients.count == 1 ? descriptors : [])
      }
      collect(piece.range)
      if piece.isEnd { messageEnded() }
    }
  }

  /// Reports the end of a device (QAPI event DEVICE_DELETED). Of an event that has arrived in parts the name is not looked for.
  private func inspectEvent(_ piece: ServerStream.Piece, isWhole: Bool) {
    let text = stream.buffer[piece.range]
    guard isWhole else { return filter.deviceGone(nil) }
    guard WireText(bytes: text).contains("DEVICE_DELETED") else { return }
    let event = try? JSON.parse(Array(text))
    filter.deviceGone(event?.wire("event") == "DEVICE_DELETED" ? event?["data"]?.wire("device") : nil)
  }

  private func open(_ kind: ServerStream.Kind) {
    routing = ProxyRouting()
    routing.isOpen = true
    switch kind {
    case .greeting: fail("QEMU sent a second greeting")
    case .event: routing.recipients = clients.filter(\.negotiation.isNegotiated)
    case .reply where !outOfBand.isEmpty: routing.purpose = .undecided
    case .reply: openInBand()
    }
  }

  func openInBand() {
    switch inFlight.take() {
    case .client(let client, _):
      routing.purpose = .carried
      routing.recipients = [client]
      awaited = client
    case .job(let client):
      routing.purpose = .watched(client)
      routing.recipients = [client]
    case .own(let id): routing.purpose = .own(id)
    case nil:
      routing.purpose = .carried
      fail("QEMU sent a reply without a command")
    }
  }
}

import Common
import QMP
import Syntax

/// The destination of the current message of QEMU.
struct ProxyRouting {
  enum Purpose {
    /// Forwarded to the recipients at once.
    case carried
    /// Forwarded and parsed: the reply to a command with a decision.
    case watched(ProxyClient)
    case own(CommandID)
    /// Not decided yet: the id, which comes last, shows whether it is in band.
    case undecided
  }

  var isOpen = false
  var purpose = Purpose.carried
  var recipients: [ProxyClient] = []
  var collected: [UInt8] = []
  /// Whether the message is larger than is parsed.
  var isCut = false
}

/// The direction from QEMU to clients.
extension Proxy {
  /// Forwards pieces of messages.
  /// - Parameter descriptors: descriptors that arrived with the last of the pieces.
  func route(_ pieces: [ServerStream.Piece], _ descriptors: [Int32]) {
    // Neighbouring pieces for one client go in one write.
    var run: Range<Int>?
    var target: ProxyClient?
    func flush(_ descriptors: [Int32] = []) {
      if let run, let target {
        monitor.stream.buffer.withUnsafeBytes {
          target.send(UnsafeRawBufferPointer(rebasing: $0[run]), descriptors: descriptors)
        }
      } else {
        closeAll(descriptors)
      }
      run = nil
      target = nil
    }
    for (index, piece) in pieces.enumerated() where end == nil {
      if !routing.isOpen { open(piece.kind) }
      let isLast = index == pieces.count - 1
      switch routing.recipients.count {
      case 1:
        if let first = run, target === routing.recipients[0], first.upperBound == piece.range.lowerBound,
          !isLast || descriptors.isEmpty
        {
          run = first.lowerBound..<piece.range.upperBound
        } else {
          flush()
          run = piece.range
          target = routing.recipients[0]
        }
      case 0: break
      default:
        flush()
        monitor.stream.buffer.withUnsafeBytes {
          for client in routing.recipients { client.send(UnsafeRawBufferPointer(rebasing: $0[piece.range])) }
        }
      }
      collect(piece.range)
      if piece.isEnd {
        // The end of a message may cause further messages to clients: they follow in order.
        if case .carried = routing.purpose {} else { flush() }
        messageEnded()
      }
    }
    flush(descriptors)
  }

  private func open(_ kind: ServerStream.Kind) {
    routing = ProxyRouting()
    routing.isOpen = true
    switch kind {
    case .greeting: end = .failed("QEMU sent a second greeting")
    case .event: routing.recipients = clients.filter { $0.negotiation.isNegotiated && !$0.isGone }
    case .reply where !outOfBand.isEmpty: routing.purpose = .undecided
    case .reply: openInBand()
    }
  }

  func openInBand() {
    switch inFlight.take() {
    case .client(let client, _):
      routing.purpose = .carried
      routing.recipients = client.isGone ? [] : [client]
      awaited = client
    case .job(let client):
      routing.purpose = .watched(client)
      routing.recipients = client.isGone ? [] : [client]
    case .own(let id): routing.purpose = .own(id)
    case nil: end = .failed("QEMU sent a reply without a command")
    }
  }
}

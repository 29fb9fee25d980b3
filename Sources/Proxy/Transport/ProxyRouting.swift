import Common
import QMP
import Syntax

/// Where the message goes that QEMU is in the middle of.
struct ProxyRouting {
  enum Purpose {
    /// To the recipients, as it comes.
    case carried
    /// The same, and read here too: the reply to a command that was judged.
    case watched(ProxyClient)
    case own(CommandID)
    /// In band or out of it: the id tells, which comes last.
    case undecided
  }

  var isOpen = false
  var purpose = Purpose.carried
  var recipients: [ProxyClient] = []
  var collected: [UInt8] = []
  /// More came than is read here.
  var isCut = false
}

/// From QEMU to clients.
extension Proxy {
  /// - Parameter descriptors: what came with the last of the pieces.
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
        // What follows from the end may send to clients: in order, behind this.
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
    case .greeting: end = .failed("QEMU greets a second time")
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
    case nil: end = .failed("QEMU sent a reply that nobody awaits")
    }
  }
}

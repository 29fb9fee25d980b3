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
  /// Replies out of band, and to judged commands, are far smaller.
  private static let watchLimit = 1 << 16

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
        if let first = run, target === routing.recipients[0], first.upperBound == piece.range.lowerBound, !isLast || descriptors.isEmpty {
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
        close()
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

  private func openInBand() {
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

  private func collect(_ range: Range<Int>) {
    let limit: Int
    switch routing.purpose {
    case .carried: return
    case .own: limit = JSON.maximumSize
    case .watched, .undecided: limit = Proxy.watchLimit
    }
    guard !routing.isCut else { return }
    guard routing.collected.count + range.count <= limit else {
      routing.isCut = true
      // Nothing out of band is so large.
      if case .undecided = routing.purpose { settleInBand(monitor.stream.buffer[range]) }
      return
    }
    routing.collected += monitor.stream.buffer[range]
  }

  /// An undecided reply turns out to be in band: what was held of it goes on.
  private func settleInBand(_ rest: ArraySlice<UInt8>) {
    let held = routing.collected + rest
    openInBand()
    routing.collected = Array(held.prefix(Proxy.watchLimit))
    held.withUnsafeBytes { for client in routing.recipients { client.send($0) } }
  }

  private func close() {
    routing.isOpen = false
    switch routing.purpose {
    case .carried:
      if let client = awaited { client.outstanding -= 1 }
      awaited = nil
    case .watched(let client):
      client.outstanding -= 1
      let inquiry = job?.inquiry
      job = nil
      inquiry?.answered(result(nil))
    case .own(let id): settle(id)
    case .undecided: decide()
    }
  }

  private func settle(_ id: CommandID) {
    let answer = result(id)
    guard end == nil, job?.asked.contains(id) == true else { return }
    job?.answers.append(answer)
    guard let current = job, current.answers.count == current.asked.count else { return }
    proceed(current.answers)
  }

  /// Whose reply it was, now that all of it is here.
  private func decide() {
    let id = (try? JSON.parse(routing.collected))?["id"]
    if let index = outOfBand.firstIndex(where: { $0.id?.qemuText() == id?.qemuText() }) {
      let client = outOfBand.remove(at: index).client
      client.outstanding -= 1
      return routing.collected.withUnsafeBytes { client.send($0) }
    }
    settleInBand([])
    close()
  }

  /// - Parameter id: of a command of our own, which must be the reply's.
  private func result(_ id: CommandID?) -> Result<JSON, CommandError> {
    if routing.isCut {
      return .failure(CommandError(errorClass: "GenericError", text: "the reply is too large to be read"))
    }
    do {
      switch try ServerMessage.parse(routing.collected) {
      case .success(let given, let value) where id == nil || given == id?.json: return .success(value)
      case .failure(let given, let error) where id == nil || given == id?.json: return .failure(error)
      default: end = .failed("QEMU's replies are out of step with its commands")
      }
    } catch {
      end = .failed("QEMU: \(error)")
    }
    return .failure(CommandError(errorClass: "GenericError", text: "no reply"))
  }
}

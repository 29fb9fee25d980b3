import Syntax

/// QEMU's messages that are parsed, and not only forwarded.
extension ProxySession {
  /// Size limit in bytes; replies out of band, and to commands with a decision, are far smaller.
  private static let watchLimit = 1 << 16

  func collect(_ range: Range<Int>) {
    if case .carried = routing.purpose { return }
    if routing.collected.count + range.count <= collectLimit { return routing.collected += stream.buffer[range] }
    // Nothing out of band is so large.
    if case .undecided = routing.purpose { return settleInBand(stream.buffer[range]) }
    routing.isCut = true
  }

  /// Size limit of the current message in bytes, as far as it is parsed.
  private var collectLimit: Int {
    switch routing.purpose {
    case .carried: 0
    case .own: JSON.maximumSize
    case .watched: ProxySession.watchLimit
    // The reply has the command's id, which may be of any size.
    case .undecided: ProxySession.watchLimit + outOfBand.reduce(0) { max($0, $1.idSize) }
    }
  }

  /// An undecided reply turns out to be in band: its held bytes are forwarded.
  private func settleInBand(_ rest: ArraySlice<UInt8>) {
    let held = routing.collected + rest
    openInBand()
    routing.isCut = held.count > collectLimit
    routing.collected = Array(held.prefix(collectLimit))
    for client in routing.recipients { client.outbox.add(held) }
  }

  /// Processes the end of the current message.
  func messageEnded() {
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
      // A descriptor whose client went before the reply has no owner.
      if client.isGone { takeBackDescriptors(of: client) }
    case .own(let id): settle(id)
    case .undecided: decide()
    }
  }

  private func settle(_ id: CommandID) {
    let answer = result(id)
    guard ending == nil, job?.asked.contains(id) == true else { return }
    job?.answers.append(answer)
    guard let current = job, current.answers.count == current.asked.count else { return }
    proceed(current.answers)
  }

  /// The client that the complete reply belongs to.
  private func decide() {
    let id = (try? JSON.parse(routing.collected))?["id"]
    if let index = outOfBand.firstIndex(where: { $0.id?.qemuText() == id?.qemuText() }) {
      let client = outOfBand.remove(at: index).client
      client.outstanding -= 1
      return client.outbox.add(routing.collected)
    }
    settleInBand([])
    messageEnded()
  }

  /// Parses the reply to a command of the proxy's own.
  /// - Parameter id: the command's id, which must be the reply's.
  private func result(_ id: CommandID?) -> Result<JSON, CommandError> {
    if routing.isCut {
      return .failure(CommandError(errorClass: "GenericError", text: "the reply is too large to be read"))
    }
    do {
      switch try ServerMessage.parse(routing.collected) {
      case .success(let given, let value) where id == nil || given == id?.json: return .success(value)
      case .failure(let given, let error) where id == nil || given == id?.json: return .failure(error)
      default: fail("QEMU's replies are out of step with its commands")
      }
    } catch {
      fail("QEMU: \(error)")
    }
    return .failure(CommandError(errorClass: "GenericError", text: "no reply"))
  }
}

import Common
import QMP
import Syntax

/// From clients to QEMU.
extension Proxy {
  /// QEMU's own queue is shorter; this bounds what is remembered.
  private static let inFlightLimit = 1024

  func advanceAll() {
    if isStopping { return }
    for client in clients where !client.isGone { advance(client) }
  }

  /// Whether a reply made here can be sent now: behind everything that QEMU owes the client, and not
  /// into the middle of an event.
  private func mayAnswer(_ client: ProxyClient) -> Bool {
    client.outstanding == 0 && !(routing.isOpen && routing.recipients.contains { $0 === client })
  }

  /// Deals with what a client has sent, as far as it may go on now.
  private func advance(_ client: ProxyClient) {
    client.frame()
    while let item = client.inbox.first, !client.isGone {
      guard take(item, of: client) else { break }
      client.inbox.removeFirst()
      if client.inbox.isEmpty { client.frame() }
    }
    if client.negotiation.hasOutOfBand, client.inbox.count > 1 { overtake(client) }
  }

  /// - Returns: false when it has to wait.
  private func take(_ item: ClientStream.Item, of client: ProxyClient) -> Bool {
    switch item {
    case .refused(let text, let descriptors):
      guard mayAnswer(client) else { return false }
      closeAll(descriptors)
      client.send(
        LocalReply(
          error: CommandError(errorClass: "GenericError", text: text), id: nil, isPretty: monitor.isPretty))
      log.write(
        .warning, "not JSON", [.init("peer", .string("\(client.peer)")), .init("answer", .string(text))])
      return true
    case .message(let message):
      if let held = client.held { return start(held, message, client) }
      // What is answered here must not overtake what QEMU still has to answer.
      if !client.negotiation.isPlain(message) {
        guard mayAnswer(client) else { return false }
        switch client.negotiation.judge(message) {
        case .pass: break
        case .success: return reply(LocalReply(id: message.id, isPretty: monitor.isPretty), to: message, client)
        case .failure(let error): return refuse(message, error, client)
        }
      }
      return pass(message, client)
    }
  }

  private func pass(_ message: ClientMessage, _ client: ProxyClient) -> Bool {
    let overtakes = isOvertaking(message, client)
    guard monitor.outbox.isEmpty, inFlight.count < Proxy.inFlightLimit,
      overtakes || job == nil && (options.clients == 1 || outOfBand.isEmpty)
    else { return false }
    switch gate.inspect(message, from: client.peer) {
    case .pass:
      if overtakes { return send(outOfBand: message, client) }
      guard message.descriptors.isEmpty else {
        // QEMU gives a descriptor to whichever command asks for one next.
        strayDescriptors = true
        let inquiry = ImmediateDecision(.pass(instead: nil))
        client.held = inquiry
        return start(inquiry, message, client)
      }
      send(message.bytes, [], .client(client, id: message.id))
      client.outstanding += 1
      return true
    case .refuse(let error):
      guard mayAnswer(client) else {
        client.held = ImmediateDecision(.refuse(error))
        return false
      }
      return refuse(message, error, client)
    case .inquire(let inquiry):
      client.held = inquiry
      return start(inquiry, message, client)
    }
  }

  func send(_ bytes: [UInt8], _ descriptors: [Int32], _ debt: PendingReply) {
    monitor.outbox.add(bytes, descriptors: descriptors)
    inFlight.append(debt)
    monitor.flush()
  }

  func refuse(_ message: ClientMessage, _ error: CommandError, _ client: ProxyClient) -> Bool {
    reply(LocalReply(error: error, id: message.id, isPretty: monitor.isPretty), to: message, client)
  }

  private func reply(_ reply: LocalReply, to message: ClientMessage, _ client: ProxyClient) -> Bool {
    closeAll(message.descriptors)
    client.send(reply)
    return true
  }
}

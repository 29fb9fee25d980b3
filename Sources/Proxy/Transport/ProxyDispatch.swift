import Common
import QMP
import Syntax

/// The direction from clients to QEMU.
extension Proxy {
  /// Limit of pending replies; QEMU's own queue is shorter.
  private static let inFlightLimit = 1024

  func advanceAll() {
    if isStopping { return }
    for client in clients where !client.isGone { advance(client) }
  }

  /// Whether a reply of the proxy's own can be sent now: after everything that QEMU owes the client, and not
  /// in the middle of an event.
  private func mayAnswer(_ client: ProxyClient) -> Bool {
    client.outstanding == 0 && !(routing.isOpen && routing.recipients.contains { $0 === client })
  }

  /// Processes a client's messages, as far as is possible now.
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
      // A reply of the proxy's own must not overtake replies that QEMU still owes.
      if !client.negotiation.needsNoAnswer(message) {
        guard mayAnswer(client) else { return false }
        switch client.negotiation.respond(to: message) {
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
        // QEMU assigns a descriptor to the next command that asks for one.
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

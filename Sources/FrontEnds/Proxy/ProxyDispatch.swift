import Glibc
import QMP
import Syntax

/// A reply that QEMU owes.
enum ProxyDebt {
  /// With the command's id, by which replies out of band are told apart where several clients are served.
  case client(ProxyClient, id: JSON?)
  /// To the command that the running job has passed on.
  case job(ProxyClient)
  /// To a command of the proxy's own.
  case own(CommandID)
}

/// The one decision that is being made.
struct ProxyJob {
  let client: ProxyClient
  let message: ClientMessage
  let inquiry: any ProxyInquiry
  var asked: [CommandID] = []
  var answers: [Result<JSON, CommandError>] = []
  /// The command itself is with QEMU.
  var isSent = false
}

/// A queue that is taken from at the front.
struct ProxyQueue<Element> {
  private var items: [Element] = []
  private var first = 0

  var isEmpty: Bool { first == items.count }
  var count: Int { items.count - first }
  var all: ArraySlice<Element> { items[first...] }

  mutating func append(_ item: Element) { items.append(item) }

  mutating func take() -> Element? {
    guard first < items.count else { return nil }
    defer {
      first += 1
      if first == items.count {
        items.removeAll(keepingCapacity: true)
        first = 0
      } else if first > 1024 {
        items.removeFirst(first)
        first = 0
      }
    }
    return items[first]
  }
}

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
      client.send(LocalReply(error: CommandError(errorClass: "GenericError", text: text), id: nil, isPretty: monitor.isPretty))
      log.write(.warning, "not JSON", [.init("peer", .string("\(client.peer)")), .init("answer", .string(text))])
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
        client.held = PlainInquiry()
        return start(PlainInquiry(), message, client)
      }
      send(message.bytes, [], .client(client, id: message.id))
      client.outstanding += 1
      return true
    case .refuse(let error):
      guard mayAnswer(client) else {
        client.held = RefusedInquiry(error)
        return false
      }
      return refuse(message, error, client)
    case .inquire(let inquiry):
      client.held = inquiry
      return start(inquiry, message, client)
    }
  }

  /// Begins an inquiry once QEMU has nothing else in hand.
  private func start(_ inquiry: any ProxyInquiry, _ message: ClientMessage, _ client: ProxyClient) -> Bool {
    guard job == nil, inFlight.isEmpty, monitor.outbox.isEmpty, !routing.isOpen else { return false }
    client.held = nil
    client.outstanding += 1
    job = ProxyJob(client: client, message: message, inquiry: inquiry)
    proceed([])
    return true
  }

  /// Lets the running inquiry take its next step.
  func proceed(_ answers: [Result<JSON, CommandError>]) {
    guard var current = job else { return }
    switch current.inquiry.proceed(answers) {
    case .ask(let commands):
      current.answers = []
      current.asked = commands.map { command in
        let id = monitor.ask(command)
        inFlight.append(.own(id))
        return id
      }
      job = current
      monitor.flush()
      if commands.isEmpty { proceed([]) }
    case .pass(let instead):
      current.isSent = true
      job = current
      send(instead ?? current.message.bytes, current.message.descriptors, .job(current.client))
    case .refuse(let error):
      current.client.outstanding -= 1
      job = nil
      _ = refuse(current.message, error, current.client)
    }
  }

  /// The client of the running inquiry has gone before anything was sent for it.
  func cancelJob() {
    guard let current = job else { return }
    closeAll(current.message.descriptors)
    // What was asked is still answered; nobody waits for it.
    job = nil
  }

  private func send(_ bytes: [UInt8], _ descriptors: [Int32], _ debt: ProxyDebt) {
    monitor.outbox.add(bytes, descriptors: descriptors)
    inFlight.append(debt)
    monitor.flush()
  }

  private func refuse(_ message: ClientMessage, _ error: CommandError, _ client: ProxyClient) -> Bool {
    reply(LocalReply(error: error, id: message.id, isPretty: monitor.isPretty), to: message, client)
  }

  private func reply(_ reply: LocalReply, to message: ClientMessage, _ client: ProxyClient) -> Bool {
    closeAll(message.descriptors)
    client.send(reply)
    return true
  }
}

/// Commands out of band.
extension Proxy {
  private func isOvertaking(_ message: ClientMessage, _ client: ProxyClient) -> Bool {
    message.isOutOfBand && client.negotiation.hasOutOfBand && message.descriptors.isEmpty
  }

  /// Sends what may overtake, past what waits in the inbox.
  private func overtake(_ client: ProxyClient) {
    var index = 1
    while index < client.inbox.count {
      guard case .message(let message) = client.inbox[index], isOvertaking(message, client),
        client.negotiation.isPlain(message), monitor.outbox.isEmpty,
        case .pass = gate.inspect(message, from: client.peer), send(outOfBand: message, client)
      else {
        index += 1
        continue
      }
      client.inbox.remove(at: index)
    }
  }

  /// - Returns: false when its reply could not be told from another's: somebody else's command with the
  ///   same id is in QEMU's hands.
  private func send(outOfBand message: ClientMessage, _ client: ProxyClient) -> Bool {
    if options.clients > 1 {
      let id = message.id?.qemuText()
      let taken = inFlight.all.contains { debt in
        if case .client(let other, let used) = debt { return other !== client && used?.qemuText() == id }
        return false
      }
      guard !taken, !outOfBand.contains(where: { $0.id?.qemuText() == id }) else { return false }
    }
    monitor.outbox.add(message.bytes)
    outOfBand.append((client, message.id))
    client.outstanding += 1
    monitor.flush()
    return true
  }
}

/// A refusal that waits for its turn: replies keep the order of their commands.
private final class RefusedInquiry: ProxyInquiry {
  private let error: CommandError
  init(_ error: CommandError) { self.error = error }
  func proceed(_ answers: [Result<JSON, CommandError>]) -> ProxyStep { .refuse(error) }
  func answered(_ reply: Result<JSON, CommandError>) {}
}

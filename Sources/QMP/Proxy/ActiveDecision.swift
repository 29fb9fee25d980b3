import Syntax

/// The one decision that is being made.
struct ActiveDecision {
  let client: SessionClient
  let message: ClientMessage
  let inquiry: any CommandDecision
  var asked: [CommandID] = []
  var answers: [Result<JSON, CommandError>] = []
  /// The command itself has been sent to QEMU.
  var isSent = false
}

extension ProxySession {
  /// Holds a decision while none is held, and begins it if it can begin now.
  /// - Returns: whether it has begun.
  func hold(_ inquiry: any CommandDecision, _ message: ClientMessage, _ client: SessionClient) -> Bool {
    guard deciding == nil else { return false }
    client.held = inquiry
    deciding = client
    return start(inquiry, message, client)
  }

  /// Begins the decision that is held when QEMU has no command in progress.
  func start(_ inquiry: any CommandDecision, _ message: ClientMessage, _ client: SessionClient) -> Bool {
    // A decision that is active has a command in flight, or its reply is being read.
    // The reply to a command out of band could be mistaken for that of this command, which may have the same id.
    guard inFlight.isEmpty, outOfBand.isEmpty, !routing.isOpen else { return false }
    deciding = nil
    client.held = nil
    client.outstanding += 1
    job = ActiveDecision(client: client, message: message, inquiry: inquiry)
    proceed([])
    return true
  }

  /// Takes the next step of the active decision.
  func proceed(_ answers: [Result<JSON, CommandError>]) {
    guard var current = job else { return }
    switch current.inquiry.proceed(answers) {
    case .ask(let commands):
      current.answers = []
      current.asked = commands.map(ask)
      job = current
      if commands.isEmpty { proceed([]) }
    case .pass(let instead):
      current.isSent = true
      job = current
      let descriptors = current.message.takesDescriptor ? current.message.descriptors : []
      // QEMU takes it when it has read the arguments, and keeps it for a later command when it refuses them.
      if !descriptors.isEmpty { hasStrayDescriptors = true }
      toQEMU.add(instead ?? current.message.canonicalBytes, descriptors: descriptors)
      inFlight.append(.job(current.client))
    case .refuse(let error):
      current.client.outstanding -= 1
      job = nil
      refuse(current.message, error, current.client)
    }
  }

  /// Queues a command of the proxy's own.
  func ask(_ command: Command) -> CommandID {
    issued += 1
    let id = CommandID(text: idPrefix + String(issued))
    toQEMU.add(command.bytes(id: id))
    inFlight.append(.own(id))
    return id
  }
}

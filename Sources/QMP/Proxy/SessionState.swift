/// A session between two messages, for a program that continues it on the same connections.
public struct SessionState: Sendable {
  /// One client of the session.
  public struct Client: Sendable {
    /// The client's number and its process.
    public let peer: ProxyPeer
    /// Whether it has negotiated.
    public let isNegotiated: Bool
    /// Whether it has negotiated out-of-band execution.
    public let hasOutOfBand: Bool
    /// Whether it has closed its sending side.
    public let inputEnded: Bool
    /// The beginning of a message that is not complete.
    public let unread: [UInt8]

    /// Creates a client's state.
    public init(peer: ProxyPeer, isNegotiated: Bool, hasOutOfBand: Bool, inputEnded: Bool, unread: [UInt8]) {
      self.peer = peer
      self.isNegotiated = isNegotiated
      self.hasOutOfBand = hasOutOfBand
      self.inputEnded = inputEnded
      self.unread = unread
    }
  }

  /// The beginning of the proxy's own ids.
  public let idPrefix: String
  /// Number of the proxy's own commands so far.
  public let issued: Int
  /// Number of the client whose command was sent last.
  public let turn: Int
  /// Whether QEMU may hold a descriptor for the next command that takes one.
  public let hasStrayDescriptors: Bool
  /// The clients, in their order.
  public let clients: [Client]

  /// Creates a state.
  public init(idPrefix: String, issued: Int, turn: Int, hasStrayDescriptors: Bool, clients: [Client]) {
    self.idPrefix = idPrefix
    self.issued = issued
    self.turn = turn
    self.hasStrayDescriptors = hasStrayDescriptors
    self.clients = clients
  }
}

/// The end of a session in one program and its continuation in another.
extension ProxySession {
  /// Continues a session.
  public convenience init(
    _ monitor: GuardedMonitor, continuing state: SessionState, filter: any CommandFilter, options: Options = Options()
  ) {
    self.init(monitor, idPrefix: state.idPrefix, filter: filter, options: options)
    issued = state.issued
    turn = state.turn
    hasStrayDescriptors = state.hasStrayDescriptors
    for client in state.clients {
      let negotiation = ClientNegotiation(
        offered: monitor.offered, isNegotiated: client.isNegotiated, hasOutOfBand: client.hasOutOfBand)
      let continued = SessionClient(client.peer, negotiation: negotiation, tellsPlace: monitor.tellsPlace)
      continued.inputEnded = client.inputEnded
      continued.receive(client.unread[...], descriptors: [], at: 0)
      clients.append(continued)
    }
  }

  /// The state, when no message is in progress in either direction; nil while one is, and when the session ends. Everything
  /// that is not part of the state has been processed then.
  public var stateBetweenMessages: SessionState? {
    guard ending == nil, deadline == nil, inFlight.isEmpty, outOfBand.isEmpty, !stream.isInsideMessage
    else { return nil }
    var states: [SessionState.Client] = []
    for client in clients {
      guard let unread = client.unread else { return nil }
      states.append(
        SessionState.Client(
          peer: client.peer, isNegotiated: client.negotiation.isNegotiated, hasOutOfBand: client.negotiation.hasOutOfBand,
          inputEnded: client.inputEnded, unread: unread))
    }
    return SessionState(
      idPrefix: idPrefix, issued: issued, turn: turn, hasStrayDescriptors: hasStrayDescriptors, clients: states)
  }
}

/// The clients of a session, by the numbers of their peers.
extension ProxySession {
  /// Whether another client may connect.
  public var wantsClients: Bool { ending == nil && !isPaused && !isStoppingOrLate && clients.count < options.clients }

  private var isStoppingOrLate: Bool { deadline != nil }

  /// A client has connected; it gets QEMU's greeting.
  /// - Parameter peer: its number is above those of all clients before.
  public func connect(_ peer: ProxyPeer) {
    let client = SessionClient(
      peer, negotiation: ClientNegotiation(offered: monitor.offered), tellsPlace: monitor.tellsPlace)
    clients.append(client)
    notices.append(.connected(peer))
    client.outbox.add(monitor.greeting)
  }

  /// Numbers of the clients that are connected, in their order.
  public var connected: [Int] { clients.map(\.peer.number) }

  /// Whether bytes of the client may be received now. A message that came with a descriptor cannot be continued by another program, and may
  /// end in a pause too.
  public func wantsInput(of number: Int) -> Bool {
    guard !isStoppingOrLate, let client = client(number), client.wantsInput else { return false }
    return !isPaused || client.isInsideMessageWithDescriptors
  }

  /// Bytes from a client; `descriptors` arrived with the byte at `index` of them.
  public func receive(
    _ bytes: ArraySlice<UInt8>, descriptors: [OwnedDescriptor] = [], at index: Int = 0, from number: Int
  ) {
    guard let client = client(number) else { return }
    client.receive(bytes, descriptors: descriptors, at: index)
    if client.descriptorCount > SessionClient.descriptorLimit {
      close(number, "it sent more than \(SessionClient.descriptorLimit) descriptors ahead of their commands")
    }
  }

  /// A client has closed its sending side.
  public func inputEnded(of number: Int) { client(number)?.inputEnded = true }

  /// Whether a client has closed its sending side.
  public func hasInputEnded(of number: Int) -> Bool { client(number)?.inputEnded ?? true }

  /// A client's connection is lost.
  public func lost(_ number: Int) { client(number)?.drop() }

  /// Closes a client's connection.
  public func close(_ number: Int, _ reason: String) {
    guard let client = client(number) else { return }
    notices.append(.closed(client.peer, reason: reason))
    client.drop()
  }

  /// The next write to a client.
  public func write(to number: Int) -> Outbox.Write? { client(number)?.outbox.next }

  /// Bytes of `write(to:)` were written.
  public func wrote(_ count: Int, to number: Int) { client(number)?.outbox.wrote(count) }

  private func client(_ number: Int) -> SessionClient? { clients.first { $0.peer.number == number } }

  /// Drops clients that are done. Replies that QEMU still owes them are counted and dropped.
  func reap() {
    for client in clients {
      if options.clients > 1, client.outbox.byteCount > options.outboxLimit {
        close(client.peer.number, "it does not read: \(client.outbox.byteCount) bytes wait for it")
      }
      guard client.isFinished else { continue }
      client.drop()
      if deciding === client { deciding = nil }
      // QEMU still answers the questions of its decision; the answers are dropped.
      if let job, job.client === client, !job.isSent { self.job = nil }
      takeBackDescriptors(of: client)
      notices.append(.disconnected(client.peer))
      if hasStrayDescriptors { takeBackDescriptors() }
    }
    clients.removeAll(where: \.isGone)
  }

  /// Closes the descriptors to which a client has given names, and that QEMU has not used.
  func takeBackDescriptors(of client: SessionClient) {
    for name in filter.clientGone(client.peer) { _ = ask(Command("closefd", ["fdname": .string(name.description)])) }
  }

  /// Discards descriptors that a client left in QEMU, so that the next client's `getfd` does not get them.
  private func takeBackDescriptors() {
    hasStrayDescriptors = false
    for name in ["getfd", "closefd"] { _ = ask(Command(name, ["fdname": "vfiogate-stray"])) }
  }
}

import CLinux
import Common
import Glibc
import QMP

/// Connections of clients.
extension Proxy {
  func accept() {
    guard let listener else { return }
    let descriptor = clinux_accept(listener)
    if descriptor >= 0 { return welcome(descriptor) }
    switch -descriptor {
    case EAGAIN, EINTR, ECONNABORTED: break
    case EMFILE, ENFILE, ENOMEM, ENOBUFS:
      log.write(.error, "accept", [.init("error", .string(errnoText(-descriptor)))])
      usleep(10_000)
    default: end = .failed("accept: \(errnoText(-descriptor))")
    }
  }

  func welcome(_ descriptor: Int32) {
    var process: pid_t = 0
    var user: uid_t = 0
    let isKnown = clinux_peer(descriptor, &process, &user) == 0
    accepted += 1
    let peer = ProxyPeer(number: accepted, process: isKnown ? process : nil, user: isKnown ? user : nil)
    if let allowed = options.allowedUsers, !isKnown || !allowed.contains(user) {
      log.write(
        .warning, "rejected", [.init("peer", .string("\(peer)")), .init("reason", "not among --allow-uid")])
      close(descriptor)
      return
    }
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    let client = ProxyClient(
      descriptor, peer: peer, negotiation: ClientNegotiation(offered: monitor.offered),
      tellsPlace: monitor.tellsPlace)
    clients.append(client)
    log.write(.info, "client", [.init("peer", .string("\(peer)"))])
    monitor.greeting.withUnsafeBytes { client.send($0) }
  }

  func depart(_ client: ProxyClient, _ reason: String) {
    log.write(.warning, "closed", [.init("peer", .string("\(client.peer)")), .init("reason", .string(reason))])
    client.isGone = true
  }

  /// Drops clients that are done. Replies that QEMU still owes them are counted and dropped.
  func reap() {
    for client in clients {
      if options.clients > 1, client.bytesWaiting > options.outboxLimit {
        depart(client, "it does not read: \(client.bytesWaiting) bytes wait for it")
      }
      guard client.isFinished else { continue }
      client.drop()
      if let job, job.client === client, !job.isSent { cancelJob() }
      gate.clientGone(client.peer)
      log.write(.info, "disconnected", [.init("peer", .string("\(client.peer)"))])
      if strayDescriptors { takeBackDescriptors() }
    }
    clients.removeAll(where: \.isGone)
  }

  /// Discards descriptors that a client left in QEMU, so that the next client's `getfd` does not get them.
  private func takeBackDescriptors() {
    strayDescriptors = false
    for name in ["getfd", "closefd"] {
      inFlight.append(.own(monitor.ask(Command(name, ["fdname": "vfiogate-stray"]))))
    }
    monitor.flush()
  }
}

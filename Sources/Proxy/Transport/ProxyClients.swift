import CLinux
import Common
import Glibc
import QMP
import Syntax

/// Connections of clients.
extension Proxy {
  /// The time without accept(2) after a lack of descriptors, unless a client's connection is closed before.
  private static let pause = Duration.seconds(1)

  /// Whether a lack of descriptors, if there was one, may be over.
  var mayAccept: Bool {
    if let again = acceptsAgain, again > .now { return false }
    acceptsAgain = nil
    return true
  }

  func accept(_ session: ProxySession) {
    guard let listener else { return }
    let descriptor = clinux_accept(listener)
    if descriptor >= 0 { return welcome(closer.own(connection: descriptor), session) }
    switch -descriptor {
    case EAGAIN, EINTR, ECONNABORTED: break
    case EMFILE, ENFILE, ENOMEM, ENOBUFS:
      // The connection stays in the backlog, where poll(2) would report it again and again.
      acceptsAgain = .now + Proxy.pause
      log.write(.error, "accept", [.init("error", .string(errnoText(-descriptor)))])
    case let code: session.fail("accept: \(errnoText(code))")
    }
  }

  func welcome(_ socket: OwnedDescriptor, _ session: ProxySession) {
    var process: pid_t = 0
    var user: uid_t = 0
    let isKnown = clinux_peer(socket.number, &process, &user) == 0
    accepted += 1
    let peer = ProxyPeer(number: accepted, process: isKnown ? process : nil, user: isKnown ? user : nil)
    if let allowed = options.allowedUsers, !isKnown || !allowed.contains(user) {
      log.write(
        .warning, "rejected", [.init("peer", .string("\(peer)")), .init("reason", "not among --allow-uid")],
        client: 0)
      return
    }
    Proxy.unblock(socket.number)
    sockets[peer.number] = socket
    session.connect(peer)
  }

  /// Closes the sockets of clients that the session has dropped.
  func closeSockets(_ session: ProxySession) {
    let connected = Set(session.connected)
    for number in sockets.keys where !connected.contains(number) {
      sockets[number] = nil
      acceptsAgain = nil
    }
  }

  func note(_ notices: [ProxySession.Notice]) {
    func write(
      _ level: ProxyLog.Level, _ event: String, _ peer: ProxyPeer, _ more: (key: String, value: String)? = nil, client: Int = 0
    ) {
      let fields = [JSON.Member("peer", .string("\(peer)"))] + (more.map { [.init($0.key, .string($0.value))] } ?? [])
      log.write(level, event, fields, client: client)
    }
    for notice in notices {
      switch notice {
      case .connected(let peer): write(.info, "client", peer)
      case .closed(let peer, let reason): write(.warning, "closed", peer, ("reason", reason))
      case .disconnected(let peer): write(.info, "disconnected", peer)
      case .notJSON(let peer, let answer): write(.warning, "not JSON", peer, ("answer", answer), client: peer.number)
      case .stopping(let count): log.write(.info, "stopping", [.init("in-hand", .integer(Int64(count)))])
      }
    }
  }
}

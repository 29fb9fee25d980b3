import CLinux
import Common
import Glibc
import QMP
import Syntax

/// Forwards messages and descriptors between clients and one QEMU, and asks a filter about every command before QEMU
/// sees it. One thread, one poll(2) loop, no global state. What is forwarded, and when, is for `ProxySession` to say; this
/// reads, writes, accepts and closes.
public final class Proxy {
  /// Limits of the proxy.
  public struct Options: Sendable {
    /// Number of clients served at once; others wait in the backlog without a greeting, as with QEMU.
    public var clients = 1
    /// User ids that may connect; nil is any user that can open the socket.
    public var allowedUsers: Set<uid_t>?
    /// Time limit for QEMU's greeting and negotiation.
    public var handshake = Duration.seconds(10)
    /// Time limit for commands in progress after a request to stop, and for clients to read the last replies.
    public var drain = Duration.seconds(5)
    /// Limit of unread bytes of a client, in bytes; where several clients are served, one above it is disconnected.
    public var outboxLimit = 16 << 20

    /// Creates the defaults: one client, any user.
    public init() {}
  }

  /// The reason why the proxy ended.
  public typealias End = ProxySession.End

  let qemu: OwnedDescriptor
  let closer = DescriptorCloser()
  let gate: any CommandFilter
  let log: ProxyLog
  let options: Options
  let listener: Int32?
  let stop: Int32?
  /// Connections that were accepted and belong to no client yet.
  var adopted: [OwnedDescriptor]
  var accepted = 0
  var input = [UInt8](repeating: 0, count: 1 << 16)
  /// Sockets by the number of their client.
  var sockets: [Int: OwnedDescriptor] = [:]
  /// The moment at which accept(2) is tried again after a lack of descriptors; nil for now.
  var acceptsAgain: ContinuousClock.Instant?
  /// Number of waits of the loop, for a test that it does not spin.
  var waits = 0
  /// The moment at which a reload is given up; nil while none is wanted.
  var reloadEnds: ContinuousClock.Instant?
  /// A descriptor that becomes readable when another program is to continue the session.
  let reload: Int32?
  private let handOver: ((Proxy, SessionState) -> String)?
  private let idPrefix: String
  private(set) var monitor: GuardedMonitor?
  private var continued: SessionState?

  /// - Parameters:
  ///   - qemu: a connection to QEMU's monitor on which nothing has been read or written. Closed in the end.
  ///   - listener: a listening socket for clients; it remains open.
  ///   - connected: clients that are connected already. Closed in the end.
  ///   - stop: a descriptor that becomes readable when the proxy is to end.
  ///   - reload: a descriptor that becomes readable when another program is to continue the session.
  ///   - handOver: starts that program between two messages; it returns only a reason why that is not possible.
  public init(
    qemu: Int32, listener: Int32?, connected: [Int32] = [], gate: any CommandFilter, log: ProxyLog = ProxyLog(),
    options: Options = Options(), stop: Int32? = nil, reload: Int32? = nil, handOver: ((Proxy, SessionState) -> String)? = nil
  ) {
    self.qemu = OwnedDescriptor(qemu)
    self.listener = listener
    adopted = connected.map(closer.own(connection:))
    self.gate = gate
    self.log = log
    self.options = options
    self.stop = stop
    self.reload = reload
    self.handOver = handOver
    var chance = SystemRandomNumberGenerator()
    idPrefix = "vfiogate-\(String(chance.next(), radix: 16))-"
    Proxy.unblock(qemu)
  }

  /// Negotiates with QEMU. Clients get no greeting before that.
  /// - Throws: the reason why the negotiation failed.
  public func begin() throws(ProxyFailure) {
    let monitor = try negotiate(ProxyHandshake(idPrefix: idPrefix), until: Deadline(after: options.handshake))
    self.monitor = monitor
    log.write(.info, "connected", [.init("qemu", .string(monitor.version))])
  }

  /// Takes over the session and the connections of a predecessor, instead of `begin`.
  func resume(_ handed: Handover) {
    closer.adoptAll()
    monitor = handed.monitor
    continued = handed.session
    accepted = handed.accepted
    sockets = handed.sockets.mapValues(closer.own(connection:))
    for socket in sockets.values { Proxy.unblock(socket.number) }
    log.write(.info, "reloaded", [
      .init("qemu", .string(handed.monitor.version)), .init("clients", .integer(Int64(handed.session.clients.count))),
    ])
  }

  /// Serves until QEMU closes the connection, or a request to stop arrives. `begin` comes first.
  public func run() -> End {
    guard let monitor else { return .failed("QEMU's session was not negotiated") }
    // A log's reader, or QEMU, that has gone ends nothing by itself.
    signal(SIGPIPE, SIG_IGN)
    var limits = ProxySession.Options()
    limits.clients = options.clients
    limits.drain = options.drain
    limits.outboxLimit = options.outboxLimit
    limits.endsWithoutClients = listener == nil
    let session = continued.map { ProxySession(monitor, continuing: $0, filter: gate, options: limits) }
      ?? ProxySession(monitor, idPrefix: idPrefix, filter: gate, options: limits)
    for socket in adopted { welcome(socket, session) }
    adopted = []
    defer { closer.finish() }
    while true {
      repeat {
        session.advance(at: .now)
        note(session.takeNotices())
        closeSockets(session)
      } while session.end == nil && flush(session)
      if let end = session.end {
        log.write(end.level, "end", [.init("reason", .string(end.text))])
        return end
      }
      closer.closeAll()
      if session.isPaused { tryHandOver(session) }
      wait(session)
    }
  }

  /// Hands the session over when no message is in progress, or gives that up when it takes too long.
  private func tryHandOver(_ session: ProxySession) {
    if let state = session.stateBetweenMessages {
      log.flush()
      giveUp(session, handOver?(self, state) ?? "no program can continue the session")
    } else if let end = reloadEnds, end <= .now {
      giveUp(session, "messages are still in progress")
    }
  }

  private func giveUp(_ session: ProxySession, _ reason: String) {
    log.write(.error, "not reloaded", [.init("reason", .string(reason))])
    session.isPaused = false
    reloadEnds = nil
  }

  static func unblock(_ descriptor: Int32) {
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
  }
}

extension ProxySession.End {
  var text: String {
    switch self {
    case .qemuGone(false): "QEMU closed the connection"
    case .qemuGone(true): "QEMU closed the connection in the middle of a message"
    case .stopped: "asked to stop"
    case .clientsGone: "the last client has disconnected"
    case .failed(let reason): reason
    }
  }

  var level: ProxyLog.Level {
    switch self {
    case .qemuGone(false), .stopped, .clientsGone: .info
    case .qemuGone(true), .failed: .error
    }
  }
}

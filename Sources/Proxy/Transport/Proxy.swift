import CLinux
import Common
import Glibc
import QMP
import Syntax

/// Forwards messages and descriptors between clients and one QEMU, and asks a filter about every command before QEMU
/// sees it. One thread, one poll(2) loop, no global state.
///
/// Two things keep it simple. QEMU answers in-band commands in the order in which it got them, so replies
/// are matched by counting, without parsing. And a command that needs a decision has QEMU to itself: it waits
/// until QEMU has no command in progress, and nothing else is sent until it is answered.
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
  public enum End: Sendable, Equatable {
    /// QEMU closed the connection; `midMessage` if it was in the middle of a message.
    case qemuGone(midMessage: Bool)
    /// The proxy was asked to stop.
    case stopped
    /// The last client disconnected, and there is no listening socket.
    case clientsGone
    /// An error of a system call, or an invalid message of QEMU.
    case failed(String)
  }

  let monitor: ProxyMonitor
  let gate: any CommandFilter
  let log: ProxyLog
  let options: Options
  let listener: Int32?
  let stop: Int32?
  private var adopted: [Int32]
  var accepted = 0
  var input = [UInt8](repeating: 0, count: 1 << 16)

  var clients: [ProxyClient] = []
  /// Pending replies to in-band commands, oldest first.
  var inFlight = ProxyQueue<PendingReply>()
  /// Commands sent out of band, whose replies overtake.
  var outOfBand: [(client: ProxyClient, id: JSON?)] = []
  var job: ActiveDecision?
  var routing = ProxyRouting()
  /// The client whose reply is being forwarded; it may have disconnected.
  var awaited: ProxyClient?
  var end: End?
  /// Whether a command that does not use descriptors arrived with some: QEMU may hold them for the next command that does.
  var strayDescriptors = false
  var stopping: Deadline?
  /// Number of waits of the loop, for a test that it does not spin.
  var waits = 0

  /// - Parameters:
  ///   - qemu: a connection to QEMU's monitor on which nothing has been read or written. Closed in the end.
  ///   - listener: a listening socket for clients; it remains open.
  ///   - connected: clients that are connected already. Closed in the end.
  ///   - stop: a descriptor that becomes readable when the proxy is to end.
  public init(
    qemu: Int32, listener: Int32?, connected: [Int32] = [], gate: any CommandFilter, log: ProxyLog = ProxyLog(),
    options: Options = Options(), stop: Int32? = nil
  ) {
    monitor = ProxyMonitor(qemu)
    self.listener = listener
    adopted = connected
    self.gate = gate
    self.log = log
    self.options = options
    self.stop = stop
  }

  deinit { closeAll(adopted) }

  /// Negotiates with QEMU. Clients get no greeting before that.
  /// - Throws: the reason why the negotiation failed.
  public func begin() throws(ProxyFailure) {
    try monitor.begin(until: Deadline(after: options.handshake), stop: stop)
    log.write(.info, "connected", [.init("qemu", .string(monitor.version))])
  }

  /// Serves until QEMU closes the connection, or a request to stop arrives.
  public func run() -> End {
    for descriptor in adopted { welcome(descriptor) }
    adopted = []
    while end == nil {
      advanceAll()
      monitor.flush()
      reap()
      if end != nil { break }
      if let stopping, stopping.isPast || isIdle { end = .stopped }
      if listener == nil, clients.isEmpty, end == nil { end = .clientsGone }
      if end == nil { wait() }
    }
    let result = end ?? .stopped
    finish()
    log.write(result.level, "end", [.init("reason", .string(result.text))])
    return result
  }

  var isStopping: Bool { stopping != nil }

  private var isIdle: Bool {
    inFlight.isEmpty && outOfBand.isEmpty && job == nil && clients.allSatisfy(\.isFlushed)
  }
}

extension Proxy.End {
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

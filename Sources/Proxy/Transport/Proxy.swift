import CLinux
import Common
import Glibc
import QMP
import Syntax

/// A QMP monitor's doorkeeper: carries messages and descriptors between clients and one QEMU, and has a
/// gate judge every command before QEMU sees it. One thread, one poll(2) loop, no global state.
///
/// Two things keep it simple. QEMU answers in-band commands in the order in which it got them, so replies
/// are told apart by counting and not by reading. And what needs a decision has QEMU for itself: it waits
/// until QEMU has nothing in hand, and nothing else is sent until it is answered.
public final class Proxy {
  public struct Options: Sendable {
    /// How many clients are served at once; others wait in the backlog, ungreeted, as QEMU lets them.
    public var clients = 1
    /// Who may connect, by uid; nil is everyone who can open the socket.
    public var allowedUsers: Set<uid_t>?
    /// How long QEMU may take to greet and to negotiate.
    public var handshake = Duration.seconds(10)
    /// How long commands in hand may take after a request to stop, and last words to be read.
    public var drain = Duration.seconds(5)
    /// A client that has so many bytes to read when several are served is put out.
    public var outboxLimit = 16 << 20

    public init() {}
  }

  /// How it ended.
  public enum End: Sendable, Equatable {
    /// QEMU closed the connection; whether in the middle of a message.
    case qemuGone(midMessage: Bool)
    /// By request.
    case stopped
    /// There was no socket to wait for another client at.
    case clientsGone
    /// What QEMU said cannot be trusted any more.
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
  /// Whose reply QEMU owes, oldest first, for commands in band.
  var inFlight = ProxyQueue<PendingReply>()
  /// Commands sent out of band, whose replies overtake.
  var outOfBand: [(client: ProxyClient, id: JSON?)] = []
  var job: ActiveDecision?
  var routing = ProxyRouting()
  /// Whose reply is being carried, gone or not.
  var awaited: ProxyClient?
  var end: End?
  /// A command that takes none came with descriptors: QEMU may hold them for the next that does.
  var strayDescriptors = false
  var stopping: Deadline?

  /// - Parameters:
  ///   - qemu: connected to QEMU's monitor, nothing said yet. Closed in the end.
  ///   - listener: where clients connect; it stays open.
  ///   - connected: clients that are connected already. Closed in the end.
  ///   - stop: a descriptor that is readable when the proxy is to end.
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

  /// Greets QEMU. Nothing is promised to clients before that.
  /// - Throws: why it cannot be talked to.
  public func begin() throws(ProxyFailure) {
    try monitor.begin(until: Deadline(after: options.handshake), stop: stop)
    log.write(.info, "connected", [.init("qemu", .string(monitor.version))])
  }

  /// Serves until QEMU goes, or the request to stop comes.
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
    log.write(result.level, "end", [.init("reason", .string(result.words))])
    return result
  }

  var isStopping: Bool { stopping != nil }

  private var isIdle: Bool {
    inFlight.isEmpty && outOfBand.isEmpty && job == nil && clients.allSatisfy(\.isFlushed)
  }
}

extension Proxy.End {
  var words: String {
    switch self {
    case .qemuGone(false): "QEMU closed the connection"
    case .qemuGone(true): "QEMU closed the connection in the middle of a message"
    case .stopped: "asked to stop"
    case .clientsGone: "the last client has gone"
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

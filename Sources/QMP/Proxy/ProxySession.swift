import Syntax

/// The core of a proxy between clients and one QEMU, without I/O: bytes, descriptors and the time go in; bytes to write,
/// connections to close and notices for a log come out. A filter is asked about every command before QEMU sees it.
///
/// Two things keep it simple. QEMU answers in-band commands in the order in which it got them, so replies
/// are matched by counting, without parsing. And a command that needs a decision has QEMU to itself: it waits
/// until QEMU has no command in progress, and nothing else is sent until it is answered.
public final class ProxySession {
  /// Limits of a session.
  public struct Options: Sendable {
    /// Number of clients served at once; with one, QEMU is not read while the client does not read.
    public var clients = 1
    /// Time limit for everything that happens after a request to stop, or after QEMU's end.
    public var drain = Duration.seconds(5)
    /// Limit of unread bytes of a client, in bytes; where several clients are served, one above it is disconnected.
    public var outboxLimit = 16 << 20
    /// Whether the session ends with its last client, because no others can connect.
    public var endsWithoutClients = false

    /// Creates the defaults: one client.
    public init() {}
  }

  /// The reason why the session ended.
  public enum End: Sendable, Equatable {
    /// QEMU closed the connection; `midMessage` if it was in the middle of a message.
    case qemuGone(midMessage: Bool)
    /// The proxy was asked to stop.
    case stopped
    /// The last client disconnected, and no other can connect.
    case clientsGone
    /// An error of a system call, or an invalid message of QEMU.
    case failed(String)
  }

  /// Something that the log should have.
  public enum Notice: Sendable, Equatable {
    case connected(ProxyPeer)
    /// The proxy closes the client's connection.
    case closed(ProxyPeer, reason: String)
    case disconnected(ProxyPeer)
    /// A client sent text that is not accepted, and got this answer.
    case notJSON(ProxyPeer, answer: String)
    /// A request to stop, with the number of commands in progress.
    case stopping(inProgress: Int)
  }

  /// The monitor of the QEMU.
  public let monitor: GuardedMonitor
  let options: Options
  let filter: any CommandFilter
  /// The prefix of the proxy's own ids. Clients cannot guess it, so a client's id is never mistaken for one of ours.
  let idPrefix: String
  var issued = 0

  var clients: [SessionClient] = []
  /// Number of the client whose command was sent last: the others are served before it is again.
  var turn = 0
  /// The client whose decision waits for QEMU's other replies: no further in-band command is sent before it begins.
  var deciding: SessionClient?
  /// Bytes that wait to be written to QEMU.
  var toQEMU = Outbox()
  var stream = ServerStream()
  /// Pending replies to in-band commands, oldest first.
  var inFlight = ProxyQueue<PendingReply>()
  /// Commands sent out of band, whose replies overtake, with the number of bytes that the id has in a reply.
  var outOfBand: [(client: SessionClient, id: JSON?, idSize: Int)] = []
  var job: ActiveDecision?
  var routing = ProxyRouting()
  /// The client whose reply is being forwarded; it may have disconnected.
  var awaited: SessionClient?
  /// Whether a descriptor was sent to QEMU, which may hold it for the next command that takes one.
  var hasStrayDescriptors = false
  var notices: [Notice] = []
  /// Whether no further input of clients is wanted, so that the session comes to rest between two messages.
  public var isPaused = false

  /// The end, as soon as it is certain; clients may still have replies to read.
  var ending: End?
  private var isStopping = false
  private var isServerHungUp = false
  /// The moment at which the session ends at the latest; nil while nothing limits it.
  public private(set) var deadline: ContinuousClock.Instant?
  /// The end. Everything is dropped then.
  public private(set) var end: End?

  /// Begins the session after the handshake.
  /// - Parameter idPrefix: that of the handshake.
  public init(_ monitor: GuardedMonitor, idPrefix: String, filter: any CommandFilter, options: Options = Options()) {
    self.monitor = monitor
    self.idPrefix = idPrefix
    self.filter = filter
    self.options = options
  }

  /// Does everything that is possible now. To be called after every input, and after every write.
  public func advance(at now: ContinuousClock.Instant) {
    if end != nil { return }
    if ending == nil {
      if !isStopping { processAll() }
      reap()
      if isStopping, isIdle { ending = .stopped }
      if options.endsWithoutClients, clients.isEmpty, ending == nil { ending = .clientsGone }
    } else {
      reap()
    }
    let isLate = deadline.map { now >= $0 } ?? false
    if isLate, ending == nil { ending = isStopping ? .stopped : .qemuGone(midMessage: true) }
    guard let ending else { return }
    limit(from: now)
    if isLate || clients.allSatisfy(\.isFlushed) { finish(ending) }
  }

  /// Everything that remains is done within one drain time, which begins with the first event that ends the session.
  private func limit(from now: ContinuousClock.Instant) {
    if deadline == nil { deadline = now + options.drain }
  }

  private var isIdle: Bool {
    inFlight.isEmpty && outOfBand.isEmpty && !routing.isOpen
  }

  private func finish(_ reason: End) {
    job = nil
    for client in clients { client.drop() }
    clients = []
    deciding = nil
    toQEMU.close()
    end = reason
  }
}

/// Events outside of the session.
extension ProxySession {
  /// A request to stop: no further command is accepted, and those in progress are answered.
  public func stop(at now: ContinuousClock.Instant) {
    guard !isStopping else { return }
    isStopping = true
    limit(from: now)
    notices.append(.stopping(inProgress: inFlight.count))
  }

  /// Bytes from QEMU. Descriptors among them go with the last byte.
  public func receiveFromQEMU(_ bytes: ArraySlice<UInt8>, descriptors: [OwnedDescriptor] = []) {
    var rest = bytes
    while !rest.isEmpty, ending == nil {
      rest = rest.dropFirst(stream.receive { $0.fill(from: rest) })
      do { route(try stream.pieces(), rest.isEmpty ? descriptors : []) } catch { fail("QEMU: \(error)") }
    }
  }

  /// QEMU has closed its connection, and everything it sent was received.
  public func qemuEnded() {
    if ending == nil { ending = .qemuGone(midMessage: stream.isInsideMessage) }
  }

  /// QEMU has closed its connection; what it sent before may still be read, once `wantsServerInput`.
  public func qemuHungUp(at now: ContinuousClock.Instant) {
    isServerHungUp = true
    limit(from: now)
  }

  /// QEMU accepts no more bytes. What it sent before may still be read.
  public func qemuUnwritable() { toQEMU.close() }

  /// An error that ends the session.
  public func fail(_ reason: String) { if ending == nil { ending = .failed(reason) } }

  /// Whether bytes of QEMU may be received now.
  public var wantsServerInput: Bool {
    ending == nil && (options.clients > 1 || clients.allSatisfy(\.isFlushed))
  }

  /// Whether the connection to QEMU is to be watched: one that has ended is read when that is possible, and not before.
  public var watchesServer: Bool { ending == nil && (!isServerHungUp || wantsServerInput) }

  /// The next write to QEMU.
  public var writeToQEMU: Outbox.Write? { toQEMU.next }

  /// Bytes of `writeToQEMU` were written.
  public func wroteToQEMU(_ count: Int) { toQEMU.wrote(count) }

  /// Removes and returns what the log should have.
  public func takeNotices() -> [Notice] {
    defer { notices = [] }
    return notices
  }
}

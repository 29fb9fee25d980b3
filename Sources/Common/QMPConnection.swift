import CLinux
import Glibc
import QMP
import Syntax

/// A QMP client on a Unix socket: drives a `ClientSession`, one command at a time, with deadlines.
public final class QMPConnection {
  /// Maximum number of events that are kept; the oldest are dropped first.
  public static let eventLimit = 4096

  /// The protocol's state.
  public private(set) var session: ClientSession
  /// Events that have arrived and were not removed yet, oldest first.
  public private(set) var events: [Event] = []
  /// Number of events that were dropped because of `eventLimit`.
  public private(set) var eventsDropped = 0

  /// Standard error of the program at the other end, read while this waits.
  var errors: ErrorOutput?

  private let descriptor: Int32
  private let path: String
  private var replies: [CommandID: Result<JSON, CommandError>] = [:]
  private var unsent: [Transmission] = []
  /// Bytes of the first unsent transmission that are written.
  private var written = 0
  private var input = [UInt8](repeating: 0, count: 1 << 16)
  /// Whether it was read once after its deadline: the other side may never stop sending events.
  private var isLate = false

  /// Takes ownership of a connection.
  /// - Parameters:
  ///   - descriptor: a connected stream socket. It is made non-blocking, and closed in the end.
  ///   - path: its name in messages.
  public init(adopting descriptor: Int32, path: String, session: ClientSession = ClientSession()) {
    self.descriptor = descriptor
    self.path = path
    self.session = session
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
  }

  deinit { close(descriptor) }

  /// Connects to QEMU's monitor without reading or writing.
  public static func connect(
    path: String, until deadline: Deadline, session: ClientSession = ClientSession()
  ) throws(QMPFailure) -> QMPConnection {
    while true {
      // SAFETY: the string lives for the call; the descriptor is ours.
      let result = path.withCString { clinux_connect_unix($0) }
      if result >= 0 { return QMPConnection(adopting: result, path: path, session: session) }
      guard -result == EAGAIN || -result == EINTR else {
        throw QMPFailure(path: path, cause: .system("connect", errno: -result))
      }
      // unix(7): EAGAIN is a full backlog, and no event reports when it has room again.
      guard !deadline.isPast else {
        throw QMPFailure(
          path: path, cause: .timedOut(awaiting: "a place in its backlog", after: deadline.patience))
      }
      usleep(10_000)
    }
  }

  /// Waits for the greeting and negotiates capabilities.
  public func negotiate(until deadline: Deadline) throws(QMPFailure) -> Greeting {
    while true {
      if case .ready(let greeting, _) = session.state { return greeting }
      try advance(until: deadline)
    }
  }

  /// Sends a command and waits for its reply. Events that arrive meanwhile are kept in `events`.
  /// - Throws: `QMPFailure` when there is no reply. An error reply is a result.
  public func execute(
    _ command: Command, until deadline: Deadline
  ) throws(QMPFailure) -> Result<JSON, CommandError> {
    let id: CommandID
    if case .closed(let closure) = session.state { throw ended(closure) }
    do { id = try session.send(command) } catch { throw QMPFailure(path: path, cause: .refused(error)) }
    while true {
      if let reply = replies.removeValue(forKey: id) { return reply }
      try advance(until: deadline)
    }
  }

  /// Waits for an event of that name and removes it from `events`.
  public func awaitEvent(_ name: String, until deadline: Deadline) throws(QMPFailure) -> Event {
    while true {
      if let index = events.firstIndex(where: { $0.name == name }) { return events.remove(at: index) }
      try advance(until: deadline, awaiting: "the event `\(name)`")
    }
  }
}

extension QMPConnection {
  /// Waits for the socket once, then writes and reads as much as is possible without blocking.
  private func advance(until deadline: Deadline, awaiting awaited: String? = nil) throws(QMPFailure) {
    if case .closed(let closure) = session.state { throw ended(closure) }
    let wasLate = isLate
    isLate = deadline.isPast
    if wasLate, isLate { throw late(deadline, awaiting: awaited) }
    unsent += session.takeTransmissions()
    let aside = errors.flatMap { $0.isOpen ? $0.descriptor : nil } ?? -1
    var entries = [
      pollfd(fd: descriptor, events: Int16(POLLIN | (unsent.isEmpty ? 0 : POLLOUT)), revents: 0),
      pollfd(fd: aside, events: Int16(POLLIN), revents: 0),
    ]
    // SAFETY: the array's own count is passed.
    let count = poll(&entries, nfds_t(entries.count), deadline.milliseconds)
    if count < 0, errno != EINTR { throw QMPFailure(path: path, cause: .system("poll", errno: errno)) }
    let entry = entries[0]
    if count > 0, entries[1].revents != 0 { errors?.read() }
    if count <= 0 || entry.revents == 0 {
      if deadline.isPast { throw late(deadline, awaiting: awaited) }
      return
    }
    if entry.revents & Int16(POLLOUT) != 0 { try write() }
    if entry.revents & ~Int16(POLLOUT) != 0 { try read() }
  }

  private func late(_ deadline: Deadline, awaiting awaited: String?) -> QMPFailure {
    QMPFailure(
      path: path, cause: .timedOut(awaiting: awaited ?? session.awaiting ?? "the other side", after: deadline.patience))
  }

  private func write() throws(QMPFailure) {
    while let first = unsent.first {
      // Descriptors are sent with the first byte.
      let descriptors = written == 0 ? first.descriptors : []
      let result = first.bytes.withUnsafeBytes { bytes in
        let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
        // SAFETY: both buffers live for the call, and their own counts are passed.
        return descriptors.withUnsafeBufferPointer {
          clinux_send(descriptor, rest.baseAddress, rest.count, $0.baseAddress, $0.count)
        }
      }
      if result < 0 { return try excuse(Int32(-result)) }
      written += result
      guard written == first.bytes.count else { return }
      unsent.removeFirst()
      written = 0
    }
  }

  /// Handles a failed write: data that the other side sent before it closed is still to be read.
  private func excuse(_ code: Int32) throws(QMPFailure) {
    switch code {
    case EAGAIN, EINTR: return
    case EPIPE, ECONNRESET:
      unsent = []
      written = 0
    default: throw QMPFailure(path: path, cause: .system("write", errno: code))
    }
  }

  private func read() throws(QMPFailure) {
    // SAFETY: the buffer's own count bounds the read. recv(2) passes no descriptors: the
    // kernel closes any that a server might send.
    let count = input.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
    if count < 0 {
      if errno == EAGAIN || errno == EINTR { return }
      throw QMPFailure(path: path, cause: .system("read \(session.awaiting ?? "on")", errno: errno))
    }
    for occurrence in count == 0 ? session.receiveEnd() : session.receive(input[..<count]) {
      switch occurrence {
      case .replied(let id, let result): replies[id] = result
      case .event(let event): keep(event)
      case .greeted, .ready, .ignored, .closed: break
      }
    }
  }

  private func keep(_ event: Event) {
    if events.count == QMPConnection.eventLimit {
      events.removeFirst()
      eventsDropped += 1
    }
    events.append(event)
  }

  private func ended(_ closure: ClientSession.Closure) -> QMPFailure {
    // A session closed before its greeting has nothing outstanding to name.
    let awaited = session.outstanding.first.map { "the reply to `\($0.name)`" }
    return QMPFailure(path: path, cause: .ended(closure, awaiting: awaited))
  }
}

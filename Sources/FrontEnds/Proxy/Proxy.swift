import CLinux
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
  let gate: any ProxyGate
  let log: ProxyLog
  let options: Options
  private let listener: Int32?
  private let stop: Int32?
  private var adopted: [Int32]
  private var accepted = 0
  private var input = [UInt8](repeating: 0, count: 1 << 16)

  var clients: [ProxyClient] = []
  /// Whose reply QEMU owes, oldest first, for commands in band.
  var inFlight = ProxyQueue<ProxyDebt>()
  /// Commands sent out of band, whose replies overtake.
  var outOfBand: [(client: ProxyClient, id: JSON?)] = []
  var job: ProxyJob?
  var routing = ProxyRouting()
  /// Whose reply is being carried, gone or not.
  var awaited: ProxyClient?
  var end: End?
  /// A command that takes none came with descriptors: QEMU may hold them for the next that does.
  var strayDescriptors = false
  private var stopping: Deadline?

  /// - Parameters:
  ///   - qemu: connected to QEMU's monitor, nothing said yet. Closed in the end.
  ///   - listener: where clients connect; it stays open.
  ///   - connected: clients that are connected already. Closed in the end.
  ///   - stop: a descriptor that is readable when the proxy is to end.
  public init(
    qemu: Int32, listener: Int32?, connected: [Int32] = [], gate: any ProxyGate, log: ProxyLog = ProxyLog(),
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

  private var isIdle: Bool { inFlight.isEmpty && outOfBand.isEmpty && job == nil && clients.allSatisfy(\.isFlushed) }
}

extension Proxy {
  /// Waits once for whatever can go on, and lets it.
  private func wait() {
    let waitsForClients = clients.contains { !$0.isFlushed } && options.clients == 1
    var entries = [
      pollfd(
        fd: monitor.descriptor,
        events: Int16((waitsForClients ? 0 : POLLIN) | (monitor.outbox.isEmpty ? 0 : POLLOUT)), revents: 0),
      pollfd(fd: stopping == nil ? stop ?? -1 : -1, events: Int16(POLLIN), revents: 0),
      pollfd(
        fd: clients.count < options.clients && stopping == nil ? listener ?? -1 : -1, events: Int16(POLLIN),
        revents: 0),
    ]
    for client in clients {
      let wants = (client.wantsInput && stopping == nil ? POLLIN : 0) | (client.isFlushed ? 0 : POLLOUT)
      entries.append(pollfd(fd: client.descriptor, events: Int16(wants), revents: 0))
    }
    // SAFETY: the array's own count is passed.
    let count = poll(&entries, nfds_t(entries.count), stopping?.milliseconds ?? -1)
    if count < 0, errno != EINTR { end = .failed("poll: \(errnoWords(errno))") }
    guard count > 0 else { return }
    for (client, entry) in zip(clients, entries.dropFirst(3)) where entry.revents != 0 { serve(client, entry) }
    if entries[0].revents & Int16(POLLOUT) != 0 { monitor.flush() }
    // POLLERR of a shut-down QEMU comes while its last words are still to be read.
    if entries[0].revents & ~Int16(POLLOUT) != 0 { listen(toQEMU: waitsForClients) }
    if entries[1].revents != 0 {
      stopping = Deadline(after: options.drain)
      log.write(.info, "stopping", [.init("in-hand", .integer(Int64(inFlight.count)))])
    }
    if entries[2].revents != 0 { accept() }
  }

  private func serve(_ client: ProxyClient, _ entry: pollfd) {
    if entry.revents & Int16(POLLOUT) != 0 { client.flush() }
    if entry.revents & Int16(POLLIN) != 0, entry.events & Int16(POLLIN) != 0 {
      if let reason = client.read(&input) { depart(client, reason) }
    }
    // Both directions are closed: nobody is there to answer. What came before has been read above.
    if entry.revents & Int16(POLLHUP | POLLERR | POLLNVAL) != 0, client.inputEnded || !client.wantsInput {
      client.isGone = true
    }
  }

  private func listen(toQEMU isPaused: Bool) {
    if isPaused { return qemuHungUp() }
    let (count, descriptors) = monitor.read()
    if count == -Int(EAGAIN) || count == -Int(EINTR) { return closeAll(descriptors) }
    guard count > 0 else {
      end = .qemuGone(midMessage: monitor.stream.isInsideMessage)
      return
    }
    do { try route(monitor.stream.pieces(), descriptors) } catch { end = .failed("QEMU: \(error)") }
  }

  /// QEMU has gone while a client is slow: its last words wait for the client, as long as that lasts.
  private func qemuHungUp() {
    let slow = clients.filter { !$0.isFlushed }
    let deadline = Deadline(after: options.drain)
    while slow.contains(where: { !$0.isFlushed && !$0.isGone }), !deadline.isPast {
      var entries = slow.map { pollfd(fd: $0.isFlushed || $0.isGone ? -1 : $0.descriptor, events: Int16(POLLOUT), revents: 0) }
      // SAFETY: the array's own count is passed.
      guard poll(&entries, nfds_t(entries.count), deadline.milliseconds) > 0 else { break }
      for client in slow { client.flush() }
    }
    if slow.contains(where: { !$0.isFlushed && !$0.isGone }) { end = .qemuGone(midMessage: true) }
  }

  private func accept() {
    guard let listener else { return }
    let descriptor = clinux_accept(listener)
    if descriptor >= 0 { return welcome(descriptor) }
    switch -descriptor {
    case EAGAIN, EINTR, ECONNABORTED: break
    case EMFILE, ENFILE, ENOMEM, ENOBUFS:
      log.write(.error, "accept", [.init("error", .string(errnoWords(-descriptor)))])
      usleep(10_000)
    default: end = .failed("accept: \(errnoWords(-descriptor))")
    }
  }

  private func welcome(_ descriptor: Int32) {
    var process: pid_t = 0
    var user: uid_t = 0
    let isKnown = clinux_peer(descriptor, &process, &user) == 0
    accepted += 1
    let peer = ProxyPeer(number: accepted, process: isKnown ? process : nil, user: isKnown ? user : nil)
    if let allowed = options.allowedUsers, !isKnown || !allowed.contains(user) {
      log.write(.warning, "rejected", [.init("peer", .string("\(peer)")), .init("reason", "not among --allow-uid")])
      close(descriptor)
      return
    }
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    let client = ProxyClient(
      descriptor, peer: peer, negotiation: ClientNegotiation(offered: monitor.offered), tellsPlace: monitor.tellsPlace)
    clients.append(client)
    log.write(.info, "client", [.init("peer", .string("\(peer)"))])
    monitor.greeting.withUnsafeBytes { client.send($0) }
  }

  func depart(_ client: ProxyClient, _ reason: String) {
    log.write(.warning, "closed", [.init("peer", .string("\(client.peer)")), .init("reason", .string(reason))])
    client.isGone = true
  }

  /// Lets go of clients that are done. Replies that QEMU still owes them are counted and dropped.
  private func reap() {
    for client in clients {
      if options.clients > 1, client.bytesWaiting > options.outboxLimit {
        depart(client, "it does not read: \(client.bytesWaiting) bytes wait for it")
      }
      guard client.isFinished else { continue }
      client.drop()
      if let job, job.client === client, !job.isSent { cancelJob() }
      gate.clientGone(client.peer)
      log.write(.info, "gone", [.init("peer", .string("\(client.peer)"))])
      if strayDescriptors { takeBackDescriptors() }
    }
    clients.removeAll(where: \.isGone)
  }

  /// The next client's `getfd` must not get what the last one left in QEMU's hands.
  private func takeBackDescriptors() {
    strayDescriptors = false
    for name in ["getfd", "closefd"] {
      inFlight.append(.own(monitor.ask(Command(name, ["fdname": "vfiogate-stray"]))))
    }
    monitor.flush()
  }

  /// Clients get what there is for them, and then the end.
  private func finish() {
    let deadline = Deadline(after: options.drain)
    while clients.contains(where: { !$0.isFlushed && !$0.isGone }), !deadline.isPast {
      var entries = clients.map { pollfd(fd: $0.isFlushed || $0.isGone ? -1 : $0.descriptor, events: Int16(POLLOUT), revents: 0) }
      // SAFETY: the array's own count is passed.
      guard poll(&entries, nfds_t(entries.count), deadline.milliseconds) > 0 else { break }
      for client in clients { client.flush() }
    }
    if let job { closeAll(job.message.descriptors) }
    job = nil
    for client in clients {
      client.drop()
      gate.clientGone(client.peer)
    }
    clients = []
    monitor.outbox.clear()
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

import Common
import Glibc
import Syntax

/// The proxy's log, one line for each event, as text or JSON. Writing never waits: lines that the reader does not take are
/// queued up to a limit, and then dropped and counted. Lines are short, printable, and limited in number.
public final class ProxyLog {
  /// Levels of log lines.
  public enum Level: String, Sendable { case info, warning, error }
  /// Formats of log lines.
  public enum Format: String, Sendable, CaseIterable { case text, json }

  private let descriptor: Int32
  private let ownsDescriptor: Bool
  private let format: Format
  /// Lines that wait for the reader, the first of them perhaps written in part.
  private var queue: [[UInt8]] = []
  private var written = 0
  private var queuedBytes = 0
  /// Number of lines that were dropped since the last line that was not.
  private var dropped = 0
  private var budget = LogBudget()

  /// Limit of queued bytes.
  static let queueLimit = 1 << 18

  /// Creates a log.
  /// - Parameter descriptor: nil writes nothing.
  public init(descriptor: Int32? = nil, format: Format = .text, owns: Bool = false) {
    self.descriptor = descriptor ?? -1
    self.format = format
    ownsDescriptor = owns
  }

  deinit {
    flush()
    if ownsDescriptor { close(descriptor) }
  }

  /// Opens a log that appends to a file, which is created with mode 0600; `-` is standard error.
  public static func open(_ path: String, format: Format) throws(ProxyFailure) -> ProxyLog {
    if path == "-" { return ProxyLog(descriptor: STDERR_FILENO, format: format) }
    // Without O_NONBLOCK the opening of a FIFO waits for its reader.
    let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0o600)
    guard descriptor >= 0 else { throw ProxyFailure("\(path): cannot open the log: \(errnoText(errno))") }
    return ProxyLog(descriptor: descriptor, format: format, owns: true)
  }

  /// Writes one line.
  /// - Parameters:
  ///   - fields: the event's fields, in the order in which they are printed.
  ///   - client: number of the client that caused the event, whose lines are limited; 0 for connections, which share one
  ///     limit, and nil for events of the proxy's own.
  public func write(_ level: Level, _ event: String, _ fields: [JSON.Member] = [], client: Int? = nil) {
    guard descriptor >= 0 else { return }
    switch budget.take(client, at: .now) {
    case .allowed(let before):
      for (client, count) in before {
        let about = client.map { [JSON.Member("client", .integer(Int64($0)))] } ?? []
        put(line(.warning, "suppressed", about + [.init("lines", .integer(Int64(count)))]))
      }
      put(line(level, event, fields))
    case .exhausted: break
    }
    flush()
  }

  /// A log descriptor that is to be watched for writing; nil when no line waits.
  var waitsForReader: Int32? { queue.isEmpty ? nil : descriptor }

  /// Writes what the reader takes now.
  func flush() {
    while let first = queue.first {
      let count = ProxyLog.send(first[written...], to: descriptor)
      if count < 0, -count == EAGAIN { return }
      if count <= 0 {
        // A log that cannot be written stops no guest.
        dropped += queue.count
        (queue, written, queuedBytes) = ([], 0, 0)
        return
      }
      written += count
      guard written == first.count else { continue }
      queue.removeFirst()
      queuedBytes -= first.count
      written = 0
    }
  }

  private func put(_ line: [UInt8]) {
    var lines = [line]
    if dropped > 0 { lines.insert(self.line(.warning, "dropped", [.init("lines", .integer(Int64(dropped)))]), at: 0) }
    let size = lines.reduce(0) { $0 + $1.count }
    guard queuedBytes + size <= ProxyLog.queueLimit else {
      dropped += 1
      return
    }
    dropped = 0
    queuedBytes += size
    queue += lines
  }

  private func line(_ level: Level, _ event: String, _ fields: [JSON.Member]) -> [UInt8] {
    LogLine(time: LogLine.now, level: level, event: event, fields: fields).bytes(format)
  }

  /// One write that does not wait: the number of bytes, or -errno. The descriptor may be shared with other processes, so it
  /// is left unchanged. A pipe that poll(2) reports as writable has room for a line, which is at most PIPE_BUF.
  private static func send(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Int {
    bytes.withUnsafeBytes { raw in
      // SAFETY: the buffer's own count is passed.
      let sent = Glibc.send(descriptor, raw.baseAddress, raw.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
      if sent >= 0 { return sent }
      guard errno == ENOTSOCK else { return -Int(errno) }
      var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      // SAFETY: one entry, which lives for the call.
      _ = poll(&entry, 1, 0)
      if entry.revents & Int16(POLLERR | POLLNVAL) != 0 { return -Int(EPIPE) }
      guard entry.revents & Int16(POLLOUT) != 0 else { return -Int(EAGAIN) }
      // SAFETY: as above.
      let count = Glibc.write(descriptor, raw.baseAddress, raw.count)
      return count >= 0 ? count : -Int(errno)
    }
  }
}

/// The number of lines that may be written: for each client and for all clients together, in each second.
struct LogBudget {
  enum Answer: Equatable {
    /// The line may be written, after a note about the lines of this client that were not; nil is all clients together.
    case allowed(before: [Int?: Int])
    case exhausted
  }

  /// Lines of one client in a second.
  static let perClient = 50
  /// Lines of all clients in a second: clients that connect anew have a budget of their own.
  static let perSecond = 400

  private var second: ContinuousClock.Instant?
  private var counts: [Int: Int] = [:]
  private var total = 0
  private var suppressed: [Int?: Int] = [:]

  /// Counts a line. Lines without a client are few, and always allowed.
  mutating func take(_ client: Int?, at now: ContinuousClock.Instant) -> Answer {
    var before: [Int?: Int] = [:]
    if let second, now - second < .seconds(1) {} else {
      (second, counts, total) = (now, [:], 0)
      (before, suppressed) = (suppressed, [:])
    }
    guard let client else { return .allowed(before: before) }
    counts[client, default: 0] += 1
    total += 1
    if total > LogBudget.perSecond {
      suppressed[nil, default: 0] += 1
      return .exhausted
    }
    if counts[client, default: 0] > LogBudget.perClient {
      suppressed[client, default: 0] += 1
      return .exhausted
    }
    return .allowed(before: before)
  }
}

/// The reason why the proxy could not be started, with a path, for people.
public struct ProxyFailure: Error, Sendable, CustomStringConvertible {
  /// The path and the reason.
  public let description: String
  /// Creates a failure.
  public init(_ description: String) { self.description = description }
}

import Common
import Glibc
import Syntax

/// The proxy's log, one line for each event, as text or JSON.
public final class ProxyLog {
  /// Levels of log lines.
  public enum Level: String, Sendable { case info, warning, error }
  /// Formats of log lines.
  public enum Format: String, Sendable, CaseIterable { case text, json }

  private let descriptor: Int32
  private let ownsDescriptor: Bool
  private let format: Format

  /// Creates a log.
  /// - Parameter descriptor: nil writes nothing.
  public init(descriptor: Int32? = nil, format: Format = .text, owns: Bool = false) {
    self.descriptor = descriptor ?? -1
    self.format = format
    ownsDescriptor = owns
  }

  deinit { if ownsDescriptor { close(descriptor) } }

  /// Opens a log that appends to a file, which is created with mode 0600; `-` is standard error.
  public static func open(_ path: String, format: Format) throws(ProxyFailure) -> ProxyLog {
    if path == "-" { return ProxyLog(descriptor: STDERR_FILENO, format: format) }
    let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw ProxyFailure("\(path): cannot open the log: \(errnoText(errno))") }
    return ProxyLog(descriptor: descriptor, format: format, owns: true)
  }

  /// Writes one line.
  /// - Parameter fields: the event's fields, in the order in which they are printed.
  public func write(_ level: Level, _ event: String, _ fields: [JSON.Member] = []) {
    guard descriptor >= 0 else { return }
    let line: String
    switch format {
    case .json:
      let head = [
        JSON.Member("time", .string(ProxyLog.now)), .init("level", .string(level.rawValue)),
        .init("event", .string(event)),
      ]
      line = JSON.object(head + fields).text()
    case .text:
      let texts = fields.map { "\($0.key)=\(ProxyLog.plain($0.value))" }
      line = ([ProxyLog.now, level.rawValue, event] + texts).joined(separator: " ")
    }
    // A log that cannot be written stops no guest.
    Descriptor.write(Array((line + "\n").utf8), to: descriptor)
  }

  /// A value on one line, regardless of its content: quoted by JSON's rules where it is not printable ASCII.
  private static func plain(_ value: JSON) -> String {
    guard let text = value.string else { return value.text() }
    let needsNoQuotes = !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") }
    return needsNoQuotes ? text : value.qemuText()
  }

  /// UTC with milliseconds, RFC 3339.
  private static var now: String {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    var parts = tm()
    gmtime_r(&time.tv_sec, &parts)
    let day = [Int(parts.tm_year) + 1900, Int(parts.tm_mon) + 1, Int(parts.tm_mday)]
    let date = day.map(two).joined(separator: "-")
    let clock = [Int(parts.tm_hour), Int(parts.tm_min), Int(parts.tm_sec)].map(two).joined(separator: ":")
    return "\(date)T\(clock).\(String(1000 + time.tv_nsec / 1_000_000).dropFirst())Z"
  }

  private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}

/// The reason why the proxy could not be started, with a path, for people.
public struct ProxyFailure: Error, Sendable, CustomStringConvertible {
  /// The path and the reason.
  public let description: String
  /// Creates a failure.
  public init(_ description: String) { self.description = description }
}

import CLinux
import Glibc

/// An event that did not happen in time.
public struct Overdue: Error, CustomStringConvertible {
  public let description: String

  init(_ event: String, within limit: Duration) { description = "not within \(limit): \(event)" }
}

/// Waiting for an event, never for a time to pass. The deadlines are far beyond what a busy machine needs: a test that
/// meets one has failed. This is the only file in Tests that pauses (StyleTests holds that).
public enum Wait {
  public static let limit = Duration.seconds(60)

  /// Attempts again and again until there is a value, and throws `Overdue` at the deadline.
  public static func until<Value>(
    _ event: @autoclosure () -> String, within limit: Duration = limit, _ attempt: () throws -> Value?
  ) throws -> Value {
    let end = ContinuousClock.now + limit
    var pause: useconds_t = 500
    while true {
      if let value = try attempt() { return value }
      guard ContinuousClock.now < end else { throw Overdue(event(), within: limit) }
      usleep(pause)
      pause = min(pause * 2, 20_000)
    }
  }

  /// Until a condition is true.
  public static func until(
    _ event: @autoclosure () -> String, within limit: Duration = limit, isTrue condition: () throws -> Bool
  ) throws {
    try until(event(), within: limit) { () throws -> Void? in try condition() ? () : nil }
  }

  /// Connects to a stream socket once its server listens: the file appears at bind, before that. The descriptor is the
  /// caller's, and blocks.
  public static func connection(to path: String, within limit: Duration = limit) throws -> Int32 {
    var code: Int32 = 0
    do {
      let descriptor = try until("connect to \(path)", within: limit) { () -> Int32? in
        let result = clinux_connect_unix(path)
        if result < 0 { code = -result }
        return result < 0 ? nil : result
      }
      _ = fcntl(descriptor, F_SETFL, 0)
      return descriptor
    } catch is Overdue {
      throw SystemFailure("connect to \(path)", errno: code)
    }
  }

  /// Until a program listens at a path, by the kernel's list of sockets: nothing connects.
  public static func listener(at path: String, within limit: Duration = limit) throws {
    try until("a listener at \(path)", within: limit, isTrue: {
      // "Num RefCount Protocol Flags Type St Inode Path"; __SO_ACCEPTCON of include/linux/net.h is 1 << 16.
      String(decoding: try readFile("/proc/net/unix"), as: UTF8.self).split(separator: "\n").contains {
        let fields = $0.split(separator: " ", maxSplits: 7)
        return fields.count == 8 && fields[7] == path && fields[3] == "00010000"
      }
    })
  }

  /// Until a file contains a text; returns the whole of the file.
  @discardableResult
  public static func text(_ text: String, in path: String, within limit: Duration = limit) throws -> String {
    var seen = "no such file"
    return try until("`\(text)` in \(path), which has: \(seen)", within: limit) {
      guard let bytes = try? readFile(path) else { return nil }
      seen = String(decoding: bytes, as: UTF8.self)
      return seen.contains(text) ? seen : nil
    }
  }

  /// Until nothing is at a path.
  public static func absence(of path: String, within limit: Duration = limit) throws {
    try until("the end of \(path)", within: limit, isTrue: { access(path, F_OK) != 0 })
  }

  /// Until a descriptor can be read or is at its end.
  public static func input(_ descriptor: Int32, within limit: Duration = limit) throws {
    let end = ContinuousClock.now + limit
    while true {
      var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      if poll(&entry, 1, 100) > 0 { return }
      guard ContinuousClock.now < end else { throw Overdue("something to read from descriptor \(descriptor)", within: limit) }
    }
  }
}

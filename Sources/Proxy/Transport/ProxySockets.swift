import CLinux
import Common
import Glibc

/// The address of one end of a proxy: `PATH`, `fd:N`, `systemd`.
public enum ProxyEndpoint: Sendable, Hashable {
  case path(String)
  case descriptor(Int32)
  /// The one socket that systemd passes (sd_listen_fds(3)).
  case systemd

  /// The path where it is one; a descriptor's socket may have one too.
  var path: String? {
    if case .path(let path) = self { path } else { nil }
  }

  /// Parses an address; nil for a negative or invalid number.
  public init?(_ text: String) {
    if text == "systemd" {
      self = .systemd
    } else if text.hasPrefix("fd:") {
      guard let number = Int32(text.dropFirst(3)), number >= 0 else { return nil }
      self = .descriptor(number)
    } else if !text.isEmpty {
      self = .path(text)
    } else {
      return nil
    }
  }
}

/// A socket that listens for clients, or one client that is connected already.
struct ProxyListener {
  let descriptor: Int32
  let isListening: Bool
  /// The socket file that was created, to be removed in the end.
  let made: SocketFile?

  static func open(_ endpoint: ProxyEndpoint) throws(ProxyFailure) -> ProxyListener {
    switch endpoint {
    case .path(let path): return try listen(path)
    case .descriptor(let descriptor): return try adopt(descriptor, "fd:\(descriptor)")
    case .systemd:
      let first: Int32 = 3  // SD_LISTEN_FDS_START
      guard environment("LISTEN_PID") == String(getpid()), environment("LISTEN_FDS") == "1" else {
        throw ProxyFailure("systemd passed no socket, or more than one (LISTEN_PID, LISTEN_FDS)")
      }
      return try adopt(first, "systemd's socket")
    }
  }

  func close() {
    made?.remove()
    if isListening { Glibc.close(descriptor) }
  }

  private static func adopt(_ descriptor: Int32, _ name: String) throws(ProxyFailure) -> ProxyListener {
    var accepts: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    // SAFETY: the kernel writes at most `size` bytes into the integer.
    guard getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &size) == 0 else {
      throw ProxyFailure("\(name) is not a socket: \(errnoText(errno))")
    }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    return ProxyListener(descriptor: descriptor, isListening: accepts != 0, made: nil)
  }

  private static func listen(_ path: String) throws(ProxyFailure) -> ProxyListener {
    let backlog: Int32 = 16
    var descriptor = path.withCString { clinux_listen_unix($0, backlog) }
    if descriptor == -EADDRINUSE, isDead(path) {
      unlink(path)
      descriptor = path.withCString { clinux_listen_unix($0, backlog) }
    }
    guard descriptor >= 0 else {
      throw ProxyFailure("\(path): cannot listen: \(errnoText(-descriptor))")
    }
    return ProxyListener(descriptor: descriptor, isListening: true, made: SocketFile(path))
  }

  /// Whether a path is a socket file on which no process listens any more.
  private static func isDead(_ path: String) -> Bool {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return false }
    let descriptor = path.withCString { clinux_connect_unix($0) }
    if descriptor >= 0 { Glibc.close(descriptor) }
    return descriptor == -ECONNREFUSED
  }
}

func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

/// sd_notify(3), where NOTIFY_SOCKET is set.
enum ServiceManager {
  static func notify(_ text: String) {
    guard let path = environment("NOTIFY_SOCKET"), path.hasPrefix("/") || path.hasPrefix("@") else { return }
    _ = path.withCString { place in text.withCString { clinux_notify(place, $0) } }
  }
}

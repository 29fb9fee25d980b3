import Glibc

/// A descriptor of this process with one owner. It is closed once, when the last reference to it goes: no number is
/// closed twice, and no path forgets to close it.
public final class OwnedDescriptor: Sendable {
  /// The number, for system calls while the reference lives.
  public let number: Int32

  /// Takes over an open descriptor, which no other code closes from now on.
  public init(_ number: Int32) { self.number = number }

  /// Whether it is a socket of another domain than UNIX: the close of one may wait (socket(7), SO_LINGER).
  public var isNetworkSocket: Bool {
    var domain = Int32(AF_UNIX)
    var size = socklen_t(MemoryLayout<Int32>.size)
    // It fails for anything but a socket.
    return getsockopt(number, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain != AF_UNIX
  }

  deinit {
    // The last close of a socket with unsent bytes waits for them if its sender has asked for that (socket(7), SO_LINGER).
    var none = linger()
    let error = errno
    setsockopt(number, SOL_SOCKET, SO_LINGER, &none, socklen_t(MemoryLayout<linger>.size))
    errno = error
    close(number)
  }
}

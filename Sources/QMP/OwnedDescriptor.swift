import Glibc

/// A descriptor of this process with one owner. It is closed once, when the last reference to it goes: no number is
/// closed twice, and no path forgets to close it.
public final class OwnedDescriptor: Sendable {
  /// The number, for system calls while the reference lives.
  public let number: Int32

  private let discard: (@Sendable (Int32) -> Void)?

  /// Takes over an open descriptor, which no other code closes from now on.
  public init(_ number: Int32) { (self.number, discard) = (number, nil) }

  /// Takes over an open descriptor whose close may wait.
  /// - Parameter discard: closes the number; called once, with the last reference.
  public init(_ number: Int32, closedBy discard: @escaping @Sendable (Int32) -> Void) { (self.number, self.discard) = (number, discard) }

  deinit {
    if let discard { return discard(number) }
    // The last close of a socket with unsent bytes waits for them if its sender has asked for that (socket(7), SO_LINGER).
    var none = linger()
    let error = errno
    setsockopt(number, SOL_SOCKET, SO_LINGER, &none, socklen_t(MemoryLayout<linger>.size))
    errno = error
    close(number)
  }
}

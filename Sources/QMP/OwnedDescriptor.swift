import Glibc

/// A descriptor of this process with one owner. It is closed once, when the last reference to it goes: no number is
/// closed twice, and no path forgets to close it.
public final class OwnedDescriptor: Sendable {
  /// The number, for system calls while the reference lives.
  public let number: Int32

  /// Takes over an open descriptor, which no other code closes from now on.
  public init(_ number: Int32) { self.number = number }

  deinit { close(number) }
}

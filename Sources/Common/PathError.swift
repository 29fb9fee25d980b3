import Glibc

/// An operation on a path that failed.
public struct PathError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The path, or a name for something without one, such as a pipe.
  public let path: String
  /// The reason, usually errno's text.
  public let reason: String

  /// Creates an error for a reason that no system call gave.
  public init(_ path: String, reason: String) {
    self.path = path
    self.reason = reason
  }

  /// Creates an error of a system call.
  /// - Parameter code: a value of errno.
  public init(_ path: String, errno code: Int32) { self.init(path, reason: errnoText(code)) }

  public var description: String { "\(path): \(reason)" }
}

/// The C library's text for an errno value: "Permission denied".
package func errnoText(_ code: Int32) -> String { String(cString: strerror(code)) }

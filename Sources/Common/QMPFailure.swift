import Glibc
import QMP

/// A failure of the communication with a QEMU. A command that QEMU refuses is an answer, not a failure.
public struct QMPFailure: Error, Sendable, CustomStringConvertible {
  /// The kinds of failure.
  public enum Cause: Sendable, Equatable {
    /// A system call failed. The text completes "cannot …".
    case system(String, errno: Int32)
    /// No answer arrived within the time given.
    case timedOut(awaiting: String, after: Duration)
    /// The session ended while an answer was awaited.
    case ended(ClientSession.Closure, awaiting: String?)
    /// The session refused to send the command.
    case refused(ClientSession.Refusal)
  }

  /// The path of the socket or program.
  public let path: String
  /// The reason.
  public let cause: Cause
  /// Further facts: the program's exit status, its standard error.
  public let detail: String?
  /// Whether the path is that of a program, whose monitor no other client can use.
  private let isOfProgram: Bool

  /// Creates a failure of the QEMU at `path`.
  public init(path: String, cause: Cause, detail: String? = nil, isOfProgram: Bool = false) {
    self.path = path
    self.cause = cause
    self.detail = detail
    self.isOfProgram = isOfProgram
  }

  public var description: String { "\(path): \(reason)" + (detail.map { " (\($0))" } ?? "") }

  private var reason: String {
    switch cause {
    case .system(let attempt, let code): "cannot \(attempt): \(errnoText(code))"
    case .timedOut("the greeting", let patience):
      "no QMP greeting within \(patience.text)" + (isOfProgram ? "" : "; QEMU serves one QMP client at a time")
    case .timedOut(let awaited, let patience): "timed out after \(patience.text) awaiting \(awaited)"
    case .ended(let closure, let awaited):
      closure.reason + (awaited.map { " while awaiting \($0)" } ?? "")
    case .refused(.notReady): "a command was sent before capabilities were negotiated"
    case .refused(.outOfBandNotNegotiated): "out-of-band execution was not negotiated"
    }
  }
}

extension ClientSession.Closure {
  fileprivate var reason: String {
    switch self {
    case .byPeer(0): "the connection was closed by the other side"
    case .byPeer(let unfinished):
      "the connection was closed by the other side \(unfinished) bytes into a message"
    case .violation(let violation): "\(violation)"
    case .negotiationRefused(let error): "capabilities negotiation was refused: \(error)"
    }
  }
}

extension Duration {
  /// The duration in seconds: "5 s", "0.25 s".
  fileprivate var text: String {
    let (seconds, attoseconds) = components
    var digits = String(1000 + attoseconds / 1_000_000_000_000_000).dropFirst()
    while digits.last == "0" { digits.removeLast() }
    return "\(seconds)\(digits.isEmpty ? "" : ".\(digits)") s"
  }
}

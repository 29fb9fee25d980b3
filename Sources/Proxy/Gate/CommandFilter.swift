import Common
import Glibc
import QMP
import Syntax

/// What decides about clients' commands. The proxy carries; this judges.
public protocol CommandFilter: AnyObject {
  /// What becomes of a command of a client, asked once for each that would go to QEMU, in order.
  func inspect(_ message: ClientMessage, from client: ProxyPeer) -> ProxyInspection
  /// A client has gone: what was kept about it can go.
  func clientGone(_ client: ProxyPeer)
}

/// One client, as the log and the gate know it.
public struct ProxyPeer: Hashable, Sendable, CustomStringConvertible {
  /// Counts from 1 over the proxy's life.
  public let number: Int
  /// By SO_PEERCRED, when it connected; nil where the socket has no such thing.
  public let process: pid_t?
  public let user: uid_t?

  public var description: String {
    "client \(number)" + (process.map { " (pid \($0)" + (user.map { ", uid \($0))" } ?? ")") } ?? "")
  }
}

public enum ProxyInspection {
  /// Nothing to be said about it.
  case pass
  case refuse(CommandError)
  /// QEMU is asked first, and nothing else is sent to it until this one is answered.
  case inquire(any CommandDecision)
}

/// A decision that needs QEMU's word. While it runs, QEMU has no other command in hand.
public protocol CommandDecision: AnyObject {
  /// - Parameter answers: to what was asked last, in order; empty the first time.
  func proceed(_ answers: [Result<JSON, CommandError>]) -> DecisionStep
  /// QEMU's answer to the command, when it was passed on and has been answered.
  func answered(_ reply: Result<JSON, CommandError>)
}

public enum DecisionStep {
  /// Commands of the proxy's own; their answers are not shown to any client.
  case ask([Command])
  /// The command goes on: as it came, or with these bytes in its place.
  case pass(instead: [UInt8]?)
  case refuse(CommandError)
}

/// A gate that lets everything pass.
public final class UnfilteredCommands: CommandFilter {
  public init() {}
  public func inspect(_ message: ClientMessage, from client: ProxyPeer) -> ProxyInspection { .pass }
  public func clientGone(_ client: ProxyPeer) {}
}

/// What is decided already and only waits for its turn: until QEMU has nothing else in hand, since replies
/// keep the order of their commands.
final class ImmediateDecision: CommandDecision {
  private let step: DecisionStep
  init(_ step: DecisionStep) { self.step = step }
  func proceed(_ answers: [Result<JSON, CommandError>]) -> DecisionStep { step }
  package func answered(_ reply: Result<JSON, CommandError>) {}
}

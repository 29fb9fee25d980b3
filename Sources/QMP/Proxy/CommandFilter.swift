import Syntax

/// Decides about clients' commands. The proxy transports; the filter decides.
public protocol CommandFilter: AnyObject {
  /// Decides about a command of a client; called once for each that would be sent to QEMU, in order.
  func inspect(_ message: ClientMessage, from client: ProxyPeer) -> ProxyInspection
  /// A client has disconnected: state about it can be dropped.
  /// - Returns: the names of descriptors that it has left in QEMU.
  func clientGone(_ client: ProxyPeer) -> [WireText]
  /// QEMU has reported that a device is gone, or an event that may report it.
  /// - Parameter id: the device's; nil for one without an id, and when it was not read.
  func deviceGone(_ id: WireText?)
  /// A descriptor that becomes readable when a trial ends, and the moment at which it is given up; nil while none runs.
  var awaited: (descriptor: Int32, until: ContinuousClock.Instant)? { get }
  /// The descriptor is readable, or the moment has come.
  func awoken()
}

extension CommandFilter {
  /// Nil: the filter tries nothing.
  public var awaited: (descriptor: Int32, until: ContinuousClock.Instant)? { nil }
  /// Does nothing: the filter tries nothing.
  public func awoken() {}
  /// Does nothing, in a filter that knows nothing of the guest.
  public func deviceGone(_ id: WireText?) {}
}

/// One client, as the log and the filter identify it.
public struct ProxyPeer: Hashable, Sendable, CustomStringConvertible {
  /// Number of the client, from 1 over the proxy's life.
  public let number: Int
  /// The process by SO_PEERCRED, when it connected; nil where the socket has no credentials.
  public let process: Int32?
  /// The user by SO_PEERCRED; nil where the socket has no credentials.
  public let user: UInt32?

  /// Creates a peer.
  public init(number: Int, process: Int32?, user: UInt32?) {
    self.number = number
    self.process = process
    self.user = user
  }

  public var description: String {
    "client \(number)" + (process.map { " (pid \($0)" + (user.map { ", uid \($0))" } ?? ")") } ?? "")
  }
}

/// The decision about a command, or the need for one.
public enum ProxyInspection {
  /// The command is forwarded.
  case pass
  case refuse(CommandError)
  /// QEMU is asked first, and nothing else is sent to it until this one is answered.
  case inquire(any CommandDecision)
  /// The command waits for a trial outside of QEMU, and its client's later commands behind it. Other clients are served meanwhile.
  case wait(any CommandTrial)
}

/// A trial that decides about a command.
public protocol CommandTrial: AnyObject {
  /// The decision; nil while the trial runs. It is not asked for again after a decision.
  var inspection: ProxyInspection? { get }
}

/// A decision that needs answers of QEMU. While it runs, QEMU has no other command in progress.
public protocol CommandDecision: AnyObject {
  /// The next step of the decision.
  /// - Parameter answers: the answers to the last questions, in order; empty the first time.
  func proceed(_ answers: [Result<JSON, CommandError>]) -> DecisionStep
  /// QEMU's answer to the command, when it was passed on and has been answered.
  func answered(_ reply: Result<JSON, CommandError>)
}

/// The next step of a decision.
public enum DecisionStep {
  /// Commands of the proxy's own; their answers are not shown to any client.
  case ask([Command])
  /// The command is forwarded, unchanged or with these bytes instead.
  case pass(instead: [UInt8]?)
  case refuse(CommandError)
}

/// A filter that forwards every command.
public final class UnfilteredCommands: CommandFilter {
  /// Creates a filter without state.
  public init() {}
  /// Forwards the command.
  public func inspect(_ message: ClientMessage, from client: ProxyPeer) -> ProxyInspection { .pass }
  /// Does nothing: the filter has no state.
  public func clientGone(_ client: ProxyPeer) -> [WireText] { [] }
}

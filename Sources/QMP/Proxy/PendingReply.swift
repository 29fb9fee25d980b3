import Syntax

/// A reply that QEMU owes.
enum PendingReply {
  /// A reply to a client, with the command's id, which identifies out-of-band replies where several clients are served.
  case client(SessionClient, id: JSON?)
  /// The reply to the command that the active decision has forwarded.
  case job(SessionClient)
  /// The reply to a command of the proxy's own.
  case own(CommandID)
}

import Syntax

/// A client's capabilities negotiation, which the proxy answers in QEMU's place: QEMU's own session is
/// negotiated once, and clients come and go.
public struct ClientNegotiation: Hashable, Sendable {
  /// The treatment of a message.
  public enum Answer: Hashable, Sendable {
    /// It is forwarded to QEMU.
    case pass
    case success
    case failure(CommandError)
  }

  /// Whether commands may be sent, and events are forwarded.
  public private(set) var isNegotiated = false
  /// Whether the client has negotiated out-of-band execution.
  public private(set) var hasOutOfBand = false
  /// The capabilities that QEMU's greeting offers.
  private let offered: Set<String>

  /// Creates the negotiation of a new client.
  public init(offered: [String]) { self.offered = Set(offered) }

  /// Creates the negotiation of a client that has negotiated before.
  init(offered: [String], isNegotiated: Bool, hasOutOfBand: Bool) {
    self.init(offered: offered)
    self.isNegotiated = isNegotiated
    self.hasOutOfBand = hasOutOfBand
  }

  /// A fast check for messages that `respond` passes: whether the message is forwarded without further checks.
  public func needsNoAnswer(_ message: ClientMessage) -> Bool {
    guard isNegotiated, let members = message.json.members else { return false }
    var commands = 0
    for member in members {
      switch member.key {
      case "execute",
        "exec-oob" where hasOutOfBand:
        guard case .string = member.value else { return false }
        commands += 1
      case "arguments":
        guard case .object = member.value else { return false }
      case "id": break
      default: return false
      }
    }
    return commands == 1
  }

  /// Decides about a message, with the checks and the errors of QEMU.
  public mutating func respond(to message: ClientMessage) -> Answer {
    guard message.json.members != nil else { return .failure(.generic("QMP input must be a JSON object")) }
    if let error = dispatchError(message) { return .failure(error) }
    if isNegotiated { return .pass }
    guard message.command == "qmp_capabilities" else {
      return .failure(.notFound("Expecting capabilities negotiation with 'qmp_capabilities'"))
    }
    return negotiate(message.arguments)
  }

  /// QEMU qapi/qmp-dispatch.c: qmp_dispatch_check_obj. An out-of-band session of the proxy's own would
  /// accept an `exec-oob` that the client has not negotiated.
  private func dispatchError(_ message: ClientMessage) -> CommandError? {
    var executed: String?
    for member in message.json.membersInQEMUOrder {
      switch member.key {
      case "execute",
        "exec-oob" where hasOutOfBand:
        guard member.value.string != nil else { return .generic("QMP input member '\(member.key)' must be a string") }
        if let executed { return .generic("QMP input member '\(member.key)' clashes with '\(executed)'") }
        executed = member.key
      case "arguments":
        guard member.value.members != nil else { return .generic("QMP input member 'arguments' must be an object") }
      case "id": break
      default: return .generic("QMP input member '\(member.key)' is unexpected")
      }
    }
    return executed == nil ? .generic("QMP input lacks member 'execute'") : nil
  }

  /// QEMU monitor/qmp-cmds-control.c: qmp_qmp_capabilities, after the input visitor's checks.
  private mutating func negotiate(_ arguments: JSON?) -> Answer {
    var wanted: [String] = []
    if let given = arguments?["enable"] {
      guard let items = given.array else {
        return .failure(.generic("Invalid parameter type for 'enable', expected: array"))
      }
      for item in items {
        guard let name = item.string else {
          return .failure(.generic("Invalid parameter type for 'enable[0]', expected: string"))
        }
        // The visitor has no name for a list's element.
        guard name == "oob" else { return .failure(.generic("Parameter 'null' does not accept value '\(name)'")) }
        wanted.append(name)
      }
    }
    if let other = arguments?.membersInQEMUOrder.first(where: { $0.key != "enable" }) {
      return .failure(.generic("Parameter '\(other.key)' is unexpected"))
    }
    let missing = wanted.filter { !offered.contains($0) }
    guard missing.isEmpty else {
      return .failure(.generic("Capability \(missing.joined(separator: ", ")) not available"))
    }
    isNegotiated = true
    hasOutOfBand = wanted.contains("oob")
    return .success
  }
}

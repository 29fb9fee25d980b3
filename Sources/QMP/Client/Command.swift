import Syntax

/// The id of a command of ours: a reserved prefix and a number.
public struct CommandID: Hashable, Sendable, CustomStringConvertible {
  /// The id's text.
  public let text: String

  /// - Parameter text: short ASCII, which no one else on the connection uses.
  public init(text: String) { self.text = text }

  public var description: String { text }
  /// The id in JSON. QEMU echoes short ASCII strings unchanged, which is not true of numbers.
  public var json: JSON { .string(text) }
}

/// A QMP command.
public struct Command: Sendable {
  /// The command's name.
  public let name: String
  /// The command's arguments; nil for none.
  public let arguments: JSON?
  /// Descriptors to be passed with the command's bytes (SCM_RIGHTS). The sender keeps its own.
  public let descriptors: [Int32]
  /// Whether it is executed out of band ("exec-oob"), which must have been negotiated.
  public let isOutOfBand: Bool

  /// Creates a command.
  public init(
    _ name: String, _ arguments: JSON? = nil, descriptors: [Int32] = [], isOutOfBand: Bool = false
  ) {
    self.name = name
    self.arguments = arguments
    self.descriptors = descriptors
    self.isOutOfBand = isOutOfBand
  }

  /// The command as one line of JSON.
  public func bytes(id: CommandID?) -> [UInt8] {
    var members = [JSON.Member(isOutOfBand ? "exec-oob" : "execute", .string(name))]
    if let arguments { members.append(.init("arguments", arguments)) }
    if let id { members.append(.init("id", id.json)) }
    return Array(JSON.object(members).text().utf8) + [UInt8(ascii: "\n")]
  }
}

/// Bytes to be written, and the descriptors that are sent with the first of them. No other command's
/// bytes may share a write with descriptors: QEMU gives a stray descriptor to the next `getfd`.
public struct Transmission: Hashable, Sendable {
  /// The bytes to be written.
  public let bytes: [UInt8]
  /// The descriptors to be sent with the first byte.
  public let descriptors: [Int32]
}

import Syntax

/// One complete message of a client: text that jansson accepts whole.
public struct ClientMessage: Sendable {
  /// The message's own bytes, without the blanks around it.
  public let bytes: [UInt8]
  /// The parsed message.
  public let json: JSON
  /// Descriptors that arrived with it (SCM_RIGHTS).
  public let descriptors: [OwnedDescriptor]

  /// Creates a message.
  public init(bytes: [UInt8], json: JSON, descriptors: [OwnedDescriptor] = []) {
    self.bytes = bytes
    self.json = json
    self.descriptors = descriptors
  }

  /// The message as QEMU gets it: written from the parsed value, so that QEMU reads what was inspected.
  public var canonicalBytes: [UInt8] { json.canonicalBytes }
  /// Whether the command takes a descriptor that arrives with it (QEMU monitor/fds.c: qmp_getfd, qmp_add_fd).
  public var takesDescriptor: Bool { ["getfd", "add-fd"].contains(json.wire("execute")) }

  /// The client's id, of any type; nil when there is none.
  public var id: JSON? { json["id"] }
  /// The command's name, in band or out of band; nil when there is none, or more than one.
  public var command: String? { (json["execute"] ?? json["exec-oob"])?.string }
  /// Whether the command is to be executed out of band.
  public var isOutOfBand: Bool { json["exec-oob"] != nil }
  /// The command's arguments; nil for none.
  public var arguments: JSON? { json["arguments"] }
}

/// A reply that is created here, with QEMU's message text and layout.
public struct LocalReply: Hashable, Sendable {
  /// The reply with its line end.
  public let bytes: [UInt8]

  /// Creates an error reply.
  /// - Parameter id: the command's id, nil when it had none.
  public init(error: CommandError, id: JSON?, isPretty: Bool) {
    let text: JSON = ["class": .string(error.errorClass), "desc": .string(error.text)]
    self.init([JSON.Member("error", text)], id, isPretty)
  }

  /// Creates a success reply with an empty object.
  public init(id: JSON?, isPretty: Bool) { self.init([JSON.Member("return", [:])], id, isPretty) }

  private init(_ members: [JSON.Member], _ id: JSON?, _ isPretty: Bool) {
    let all = id.map { [JSON.Member("id", $0)] + members } ?? members
    bytes = Array((JSON.object(all).qemuText(isPretty: isPretty) + "\r\n").utf8)
  }
}

extension CommandError {
  static func generic(_ text: String) -> CommandError { CommandError(errorClass: "GenericError", text: text) }
  static func notFound(_ text: String) -> CommandError { CommandError(errorClass: "CommandNotFound", text: text) }
}

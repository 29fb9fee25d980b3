import Syntax

/// One complete message of a client: text that jansson accepts whole.
public struct ClientMessage: Sendable {
  /// The message's own bytes, without the blanks around it.
  public let bytes: [UInt8]
  public let json: JSON
  /// Descriptors that came with it (SCM_RIGHTS). Whoever takes the message closes them.
  public let descriptors: [Int32]

  public init(bytes: [UInt8], json: JSON, descriptors: [Int32] = []) {
    self.bytes = bytes
    self.json = json
    self.descriptors = descriptors
  }

  public var id: JSON? { json["id"] }
  /// What is to be executed, whether in band or out of it; nil when it is not said, or not once.
  public var command: String? { (json["execute"] ?? json["exec-oob"])?.string }
  public var isOutOfBand: Bool { json["exec-oob"] != nil }
  public var arguments: JSON? { json["arguments"] }
}

/// A reply that is made here, in QEMU's words and layout.
public struct LocalReply: Hashable, Sendable {
  public let bytes: [UInt8]

  /// - Parameter id: the command's, nil when it had none.
  public init(error: CommandError, id: JSON?, isPretty: Bool) {
    let text: JSON = ["class": .string(error.errorClass), "desc": .string(error.text)]
    self.init([JSON.Member("error", text)], id, isPretty)
  }

  /// Success with an empty object.
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

import Syntax

/// A message of a server that QMP does not allow.
public enum ProtocolViolation: Error, Hashable, Sendable, CustomStringConvertible {
  case framing(FramingError)
  /// Text that is not JSON, with its beginning.
  case notJSON(SyntaxError, text: String)
  /// An object with none, or more than one, of `QMP`, `return`, `error` and `event`; or no object.
  case notAMessage(text: String)
  /// A member is missing or of another type: its path, and what belongs there.
  case badMember(String, expected: String)
  case notAGreeting(text: String)
  case secondGreeting
  /// An error that names no command. It may be about any of them, so none can be trusted.
  case errorWithoutID(CommandError)

  public var description: String {
    switch self {
    case .framing(let error): error.description
    case .notJSON(let error, let text): "not JSON (\(error.message) at byte \(error.offset)): `\(text)`"
    case .notAMessage(let text): "not a QMP message: `\(text)`"
    case .badMember(let path, let expected): "`\(path)` is not \(expected)"
    case .notAGreeting(let text): "not a QMP greeting: `\(text)`"
    case .secondGreeting: "a second greeting"
    case .errorWithoutID(let error): "an error that belongs to no command: \(error)"
    }
  }
}

extension ServerMessage {
  /// Reads one frame. Members that QMP does not know are ignored, as its specification demands.
  /// - Throws: `ProtocolViolation`
  public static func parse(_ bytes: [UInt8]) throws(ProtocolViolation) -> ServerMessage {
    let json: JSON
    do { json = try JSON.parse(bytes) } catch { throw .notJSON(error, text: excerpt(bytes)) }
    let kinds = ["QMP", "return", "error", "event"].filter { json[$0] != nil }
    guard let kind = kinds.first, kinds.count == 1 else { throw .notAMessage(text: excerpt(bytes)) }
    switch kind {
    case "QMP": return .greeting(try Greeting.parse(json))
    case "event": return .event(try Event.parse(json))
    case "error": return .failure(id: json["id"], try CommandError.parse(json))
    default: return .success(id: json["id"], value: json["return"] ?? .null)
    }
  }

  /// The beginning of a text, for a message to people.
  static func excerpt(_ bytes: [UInt8]) -> String {
    let limit = 60
    let text = String(decoding: bytes.prefix(limit), as: UTF8.self)
    let plain = text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? " " : String($0) }
    return plain.joined() + (bytes.count > limit ? "…" : "")
  }
}

extension Greeting {
  fileprivate static func parse(_ json: JSON) throws(ProtocolViolation) -> Greeting {
    let version = try QEMUVersion.parse(try json.member("QMP").member("version", in: "QMP"), at: "QMP.version")
    guard let listed = json["QMP"]?["capabilities"]?.array else {
      throw .badMember("QMP.capabilities", expected: "an array")
    }
    var capabilities: [String] = []
    for item in listed {
      // The specification allows capabilities to become objects one day; such capabilities are unknown here.
      if let name = item.string { capabilities.append(name) }
    }
    return Greeting(version: version, capabilities: capabilities)
  }
}

extension QEMUVersion {
  /// Reads `query-version`'s reply, or the greeting's `version`.
  public static func parse(_ json: JSON, at path: String = "return") throws(ProtocolViolation) -> QEMUVersion {
    let numbers = try json.member("qemu", in: path)
    return QEMUVersion(
      major: try numbers.integer("major", in: "\(path).qemu"),
      minor: try numbers.integer("minor", in: "\(path).qemu"),
      micro: try numbers.integer("micro", in: "\(path).qemu"),
      package: try json.text("package", in: path))
  }
}

extension Event {
  fileprivate static func parse(_ json: JSON) throws(ProtocolViolation) -> Event {
    let timestamp = try json.member("timestamp")
    return Event(
      name: try json.text("event"), data: json["data"],
      seconds: try timestamp.integer("seconds", in: "timestamp"),
      microseconds: try timestamp.integer("microseconds", in: "timestamp"))
  }
}

extension CommandError {
  fileprivate static func parse(_ json: JSON) throws(ProtocolViolation) -> CommandError {
    let error = try json.member("error")
    return CommandError(
      errorClass: try error.text("class", in: "error"), text: try error.text("desc", in: "error"))
  }
}

extension JSON {
  func member(_ name: String, in path: String = "") throws(ProtocolViolation) -> JSON {
    guard let value = self[name] else { throw .badMember(JSON.path(path, name), expected: "there") }
    return value
  }

  func text(_ name: String, in path: String = "") throws(ProtocolViolation) -> String {
    guard let text = try member(name, in: path).string else {
      throw .badMember(JSON.path(path, name), expected: "a string")
    }
    return text
  }

  func integer(_ name: String, in path: String = "") throws(ProtocolViolation) -> Int64 {
    guard case .integer(let number) = try member(name, in: path) else {
      throw .badMember(JSON.path(path, name), expected: "an integer")
    }
    return number
  }

  private static func path(_ parent: String, _ name: String) -> String {
    parent.isEmpty ? name : "\(parent).\(name)"
  }
}

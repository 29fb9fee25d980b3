import Syntax

/// What QEMU says on connecting (QMP specification, "Server Greeting").
public struct Greeting: Hashable, Sendable {
  public let version: QEMUVersion
  /// "oob" is the only one so far.
  public let capabilities: [String]

  public init(version: QEMUVersion, capabilities: [String]) {
    self.version = version
    self.capabilities = capabilities
  }
}

/// The version as the greeting and `query-version` give it.
public struct QEMUVersion: Hashable, Sendable, CustomStringConvertible {
  public let major: Int64
  public let minor: Int64
  public let micro: Int64
  /// The distributor's name for the build, often empty.
  public let package: String

  public init(major: Int64, minor: Int64, micro: Int64, package: String) {
    self.major = major
    self.minor = minor
    self.micro = micro
    self.package = package
  }

  public var description: String {
    "\(major).\(minor).\(micro)" + (package.isEmpty ? "" : " (\(package))")
  }
}

/// QEMU's refusal of a command.
public struct CommandError: Error, Hashable, Sendable, CustomStringConvertible {
  /// "GenericError", "CommandNotFound", "DeviceNotFound", …
  public let errorClass: String
  /// For people; its wording changes between versions.
  public let text: String

  public init(errorClass: String, text: String) {
    self.errorClass = errorClass
    self.text = text
  }

  public var description: String { errorClass == "GenericError" ? text : "\(errorClass): \(text)" }
}

public struct Event: Hashable, Sendable {
  public let name: String
  public let data: JSON?
  /// Seconds since 1970, -1 when QEMU could not tell.
  public let seconds: Int64
  public let microseconds: Int64

  public init(name: String, data: JSON?, seconds: Int64, microseconds: Int64) {
    self.name = name
    self.data = data
    self.seconds = seconds
    self.microseconds = microseconds
  }
}

/// One message of a QMP server.
public enum ServerMessage: Hashable, Sendable {
  case greeting(Greeting)
  case success(id: JSON?, value: JSON)
  case failure(id: JSON?, CommandError)
  case event(Event)
}

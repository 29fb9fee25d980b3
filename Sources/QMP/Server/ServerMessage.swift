import Syntax

/// QEMU's first message on a connection (QMP specification, "Server Greeting").
public struct Greeting: Hashable, Sendable {
  /// The version of the QEMU.
  public let version: QEMUVersion
  /// The capabilities that QEMU offers; "oob" is the only one so far.
  public let capabilities: [String]

  /// Creates a greeting.
  public init(version: QEMUVersion, capabilities: [String]) {
    self.version = version
    self.capabilities = capabilities
  }
}

/// The version as the greeting and `query-version` give it.
public struct QEMUVersion: Hashable, Sendable, CustomStringConvertible {
  /// 11 of 11.1.3.
  public let major: Int64
  /// 1 of 11.1.3.
  public let minor: Int64
  /// 3 of 11.1.3.
  public let micro: Int64
  /// The distributor's name for the build, often empty.
  public let package: String

  /// Creates a version.
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
  /// The description for people; its wording changes between versions.
  public let text: String

  /// Creates an error.
  public init(errorClass: String, text: String) {
    self.errorClass = errorClass
    self.text = text
  }

  public var description: String { errorClass == "GenericError" ? text : "\(errorClass): \(text)" }
}

/// An asynchronous event (QMP specification, "Asynchronous events").
public struct Event: Hashable, Sendable {
  /// The event's name: "DEVICE_DELETED".
  public let name: String
  /// The event's data; nil for an event without any.
  public let data: JSON?
  /// Seconds since 1970, -1 when QEMU could not read the time.
  public let seconds: Int64
  /// Microseconds of the second, -1 when QEMU could not read the time.
  public let microseconds: Int64

  /// Creates an event.
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

/// A problem of the text of a definition itself, found while it was parsed.
public struct InputProblem: Hashable, Sendable {
  /// The fact, in lower case and without a full stop.
  public let message: String
  /// The remedy, in the same style.
  public let fix: String
  /// Location of the text that cannot be parsed.
  public let location: Location

  /// Creates a problem that is reported at `location`.
  public init(message: String, fix: String, location: Location) {
    self.message = message
    self.fix = fix
    self.location = location
  }
}

/// Something wrong with the text of a definition itself, found while it was read.
public struct InputProblem: Hashable, Sendable {
  /// One clause, lower case, no full stop.
  public let message: String
  public let fix: String
  public let location: Location

  public init(message: String, fix: String, location: Location) {
    self.message = message
    self.fix = fix
    self.location = location
  }
}

/// What a front end has to say, and how it ends.
public struct Answer: Sendable {
  public var output: String
  /// For standard error.
  public var complaint: String
  public var exit: ExitStatus

  public init(output: String = "", complaint: String = "", exit: ExitStatus = .clean) {
    self.output = output
    self.complaint = complaint
    self.exit = exit
  }

  /// Something could not be looked at.
  package static func couldNotLook(_ reason: String) -> Answer {
    Answer(complaint: "vfiogate: \(reason)\n", exit: .couldNotLook)
  }
}

/// Exit codes, the same for every subcommand. Wrong usage is 64 (sysexits.h: EX_USAGE).
public enum ExitStatus: Int32, Sendable {
  /// Nothing at or above the threshold.
  case clean = 0
  /// Findings at or above the threshold.
  case findings = 1
  /// Something could not be looked at, or vfiogate itself failed.
  case couldNotLook = 2
  case usage = 64
}

/// Text for people, or JSON for programs.
public enum OutputFormat: String, Sendable, CaseIterable {
  case text, json
}

import Report

/// The output of a front end, and its exit code.
public struct Answer: Sendable {
  /// Text for standard output.
  public var output: String
  /// Text for standard error.
  public var complaint: String
  /// The exit code.
  public var exit: ExitStatus

  /// Creates an answer; without arguments, a silent success.
  public init(output: String = "", complaint: String = "", exit: ExitStatus = .clean) {
    self.output = output
    self.complaint = complaint
    self.exit = exit
  }

  /// An answer for something that could not be inspected.
  package static func couldNotLook(_ reason: String) -> Answer {
    Answer(complaint: "vfiogate: \(printable(reason))\n", exit: .couldNotLook)
  }
}

/// Exit codes, the same for every subcommand. Wrong usage is 64 (sysexits.h: EX_USAGE).
public enum ExitStatus: Int32, Sendable {
  /// No finding at or above the threshold.
  case clean = 0
  /// Findings at or above the threshold.
  case findings = 1
  /// Something could not be inspected, or vfiogate itself failed.
  case couldNotLook = 2
  /// Wrong usage (sysexits.h: EX_USAGE).
  case usage = 64
}

/// Text for people, or JSON for programs.
public enum OutputFormat: String, Sendable, CaseIterable {
  case text, json
}

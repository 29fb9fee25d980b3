/// Effect of an undetermined verdict on the exit code: `--on-unknown`.
public enum OnUnknown: String, Sendable, CaseIterable {
  /// Exit code 2.
  case refuse
  /// A line on standard error, exit code 0.
  case warn
}

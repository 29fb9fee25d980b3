import Common

/// How `lint` says what it found.
public enum LintFormat: String, Sendable, CaseIterable {
  case text, json, sarif, github, junit
}

import Common

/// Output formats of `lint`.
public enum LintFormat: String, Sendable, CaseIterable {
  case text, json, sarif, github, junit
}

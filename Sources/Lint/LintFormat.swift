import Common

/// Output formats of `lint`.
public enum LintFormat: String, Sendable, CaseIterable {
  case text, oneline, json, sarif, github, junit
}

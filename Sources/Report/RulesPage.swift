import Rules

/// RULES.md: every rule with why, fix and example. `https://…/RULES.md#NAME` is a rule's page.
public enum RulesPage {
  public static func markdown(_ rules: [Rule]) -> String {
    let index = rules.map { "| [\($0.name)](#\($0.name)) | \($0.severity.rawValue) | \(cell($0.summary)) |" }
    let head = """
      # Rules

      Made from the rules themselves (`Sources/Rules`); a test fails when this page is not fresh. Each rule's cases \
      are in `Fixtures/rules`.

      An error fails or does harm, a warning starts and not as it was written, a note is worth knowing.

      | rule | severity | reports |
      |---|---|---|

      """
    return head + (index + rules.map(section)).joined(separator: "\n") + "\n"
  }

  private static func section(_ rule: Rule) -> String {
    // A heading's anchor is its text, and a name is its own anchor.
    """

    ## \(rule.name)

    **\(rule.severity.rawValue)**: \(rule.summary)

    \(rule.why)

    Fix: \(rule.fix)

    ```
    \(rule.example)
    ```

    \(rule.references.map { "- \($0)" }.joined(separator: "\n"))
    """
  }

  private static func cell(_ text: String) -> String { text.split(separator: "|").joined(separator: "\\|") }
}

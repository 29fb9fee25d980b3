import Rules

/// RULES.md: every rule with why, fix and example. `RULES.md#NAME` is a rule's section.
public enum RulesPage {
  /// The page as Markdown.
  public static func markdown(_ rules: [Rule]) -> String {
    let index = rules.map { "| [\($0.name)](#\($0.name)) | \($0.severity.rawValue) | \(cell($0.summary)) |" }
    let head = """
      # Rules

      Generated from `Sources/Rules`; a test fails when this page is out of date. The cases of each rule are in \
      `Fixtures/rules`.

      Severities: *error*, QEMU or the kernel refuses the definition, or it does harm; *warning*, the guest starts, but \
      not as written; *note*, worth knowing. The refusals of `vfiogate proxy` about commands and descriptors are rules \
      too: `lint` does not check them, and a policy cannot allow them.

      | rule | severity | reports |
      |---|---|---|

      """
    return head + (index + rules.map(section)).joined(separator: "\n") + "\n"
  }

  private static func section(_ rule: Rule) -> String {
    // The anchor of a heading is its text in lower case, which is the name.
    """

    ## \(rule.name)

    **\(rule.severity.rawValue)**: \(rule.summary)

    \(rule.why)

    Found in, for example:

    ```
    \(rule.example)
    ```

    Fix: \(rule.fix)

    \(rule.references.map { "- \($0)" }.joined(separator: "\n"))
    """
  }

  private static func cell(_ text: String) -> String { text.split(separator: "|").joined(separator: "\\|") }
}

import Facts

extension Rule {
  static let policyUnknownRule = Rule(
    name: "policy-unknown-rule",
    severity: .warning,
    summary: "the policy names a rule that does not exist, or that cannot be allowed",
    why: """
      An entry for a rule that does not exist has no effect: the finding that it was meant for is still reported. \
      `malformed-input`, findings about the policy itself and refusals of the proxy's command filter cannot be \
      allowed.
      """,
    fix: "correct the name, or remove the entry; `vfiogate explain` lists all rules",
    example: #"[allow "not-bond"]"#,
    references: ["README.md: Policy"],
    checksText: true, canBeAllowed: false,
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) {
  let policy = target.policy
  let entries = policy.allowances.map { ($0.rule, $0.location) } + policy.overrides.map { ($0.rule, $0.location) }
  for (rule, location) in entries where !policy.suppressPolicyFindings || location.source == target.machine.source {
    if !Rule.canBeAllowed(rule) {
      runner.report("`\(rule)` cannot be changed by a policy", at: location, fix: "remove the entry")
    } else if Rule.named(rule) == nil {
      runner.report("there is no rule `\(rule)`", at: location, fix: Rule.meant(by: rule).map { "write `\($0)`" })
    }
  }
}

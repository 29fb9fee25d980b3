import Facts

extension Rule {
  static let policyExpired = Rule(
    name: "policy-expired",
    severity: .warning,
    summary: "an entry of the policy has expired",
    why: """
      After the date of `until` the findings that the entry allowed are reported again, as intended. This warning \
      names the entry, because it needs a new decision.
      """,
    fix: "fix what the entry allowed, or set a later date",
    example: #"[allow "iommufd-p2p"], reason = "until the new kernel", until = "2026-01-31""#,
    references: ["README.md: Policy"],
    checksText: true, canBeAllowed: false,
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) {
  let policy = target.policy
  for allowance in policy.allowances where allowance.isExpired(on: policy.today) && !policy.suppressPolicyFindings {
    guard let until = allowance.until else { continue }
    let guest = allowance.guest.map { " of guest `\($0.text)`" } ?? ""
    runner.report(
      "`\(allowance.rule)`\(guest) was allowed until \(until), which has passed", at: allowance.location)
  }
}

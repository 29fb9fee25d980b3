import Facts

extension Rule {
  static let policyExpired = Rule(
    name: "policy-expired",
    severity: .warning,
    summary: "the policy allows something until a day that is past",
    why: """
      What was allowed for a time is reported again, as it was meant. The entry says so, because somebody \
      has to decide anew.
      """,
    fix: "correct what it allowed, or give it another day",
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
      "`\(allowance.rule)`\(guest) was allowed until \(until), and is not any more", at: allowance.location)
  }
}

import Facts

/// A finding that the policy allows.
public struct Suppressed: Hashable, Sendable {
  /// The finding, with the severity that it has in the policy.
  public let finding: Finding
  /// The policy's entry, with its reason.
  public let allowance: Policy.Allowance
}

extension Rule {
  /// Whether a policy may change the rule of that name. A name without a rule changes nothing, and
  /// `policy-unknown-rule` reports it.
  static func canBeAllowed(_ name: String) -> Bool { named(name)?.canBeAllowed ?? true }
}

extension RuleReport {
  /// Applies a policy: changes severities, then moves allowed findings to `suppressed`.
  /// - Parameter guest: the machine's name, which `[guest "GLOB"]` matches.
  mutating func apply(_ policy: Policy, guest: String?) {
    let levels = policy.overrides.filter { Rule.canBeAllowed($0.rule) }
    if !levels.isEmpty { override(levels) }
    let allowances = policy.allowances.filter { $0.isInForce(on: policy.today, guest: guest) }
    if allowances.isEmpty { return }
    findings = findings.filter { finding in
      guard let allowance = allowances.first(where: { $0.covers(finding.rule, at: finding.location) }) else { return true }
      suppressed.append(Suppressed(finding: finding, allowance: allowance))
      if finding.severity == .error { isByPolicy = true }
      return false
    }
    undetermined = undetermined.filter { open in
      guard allowances.contains(where: { $0.covers(open.rule, at: open.location) }) else { return true }
      if open.severity == .error { isByPolicy = true }
      return false
    }
  }

  private mutating func override(_ levels: [Policy.Override]) {
    func severity(of rule: String, _ severity: Severity) -> Severity {
      levels.last { $0.rule == rule }.flatMap { Severity(rawValue: $0.level.rawValue) } ?? severity
    }
    findings = findings.map { finding in
      let level = severity(of: finding.rule, finding.severity)
      if finding.severity == .error, level < .error { isByPolicy = true }
      return finding.with(level)
    }
    undetermined = undetermined.map { open in
      let level = severity(of: open.rule, open.severity)
      if open.severity == .error, level < .error { isByPolicy = true }
      return Undetermined(reportedBy: open.reportedBy, severity: level, unknown: open.unknown, location: open.location,
        device: open.device)
    }
  }
}

extension Finding {
  fileprivate func with(_ severity: Severity) -> Finding {
    Finding(
      reportedBy: reportedBy, severity: severity, message: message, fix: fix, location: location, evidence: evidence,
      device: device)
  }
}

extension Policy.Allowance {
  func isExpired(on today: Day) -> Bool { until.map { $0 < today } ?? false }

  /// - Parameter guest: the machine's name; nil when it has none, which no pattern matches.
  fileprivate func isInForce(on today: Day, guest name: String?) -> Bool {
    if isExpired(on: today) || !Rule.canBeAllowed(rule) { return false }
    guard let guest else { return true }
    return name.map(guest.matches) ?? false
  }

  /// Whether it is about that rule, and its scope contains that location.
  fileprivate func covers(_ rule: String, at location: Location) -> Bool {
    guard self.rule == rule else { return false }
    guard let scope else { return true }
    guard location.source == self.location.source, let range = location.range else { return false }
    return scope.lowerBound <= range.lowerBound && range.upperBound <= scope.upperBound
  }
}

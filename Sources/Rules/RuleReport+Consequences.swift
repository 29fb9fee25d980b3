import Facts
import Prediction

extension RuleReport {
  /// Joins the findings of a rule that one change mends to the first of them, which names the devices of all. Runs after the policy,
  /// which may allow one of them.
  mutating func joinFindings() {
    var first: [Cause: Int] = [:], others: [Int: [String]] = [:], kept: [Finding] = []
    for finding in findings {
      guard let text = finding.cause, let name = finding.device?.description else {
        kept.append(finding)
        continue
      }
      let cause = Cause(finding, text)
      if let index = first[cause] {
        if !others[index, default: []].contains(name), kept[index].device?.description != name { others[index, default: []].append(name) }
      } else {
        first[cause] = kept.count
        kept.append(finding)
      }
    }
    for (index, names) in others where !names.isEmpty {
      let more = names.count > 8 ? " and \(names.count - 8) more" : ""
      kept[index] = kept[index].with(message: "\(kept[index].message); likewise \(names.prefix(8).joined(separator: ", "))\(more)")
    }
    findings = kept
  }

  /// Removes errors about text that libvirt or Proxmox refuses before QEMU starts: each failure is reported once. Runs after the
  /// policy: a refusal that it allows, or reports with a lower severity, hides nothing.
  mutating func removeConsequences(in target: LintTarget) {
    let refusals = findings.filter { $0.reportedBy.precedesQEMU && $0.severity == .error }
    if refusals.isEmpty { return }
    let others = Dictionary(
      target.machine.libvirtRefusals.map { ($0.location, $0.other) }, uniquingKeysWith: { first, second in first ?? second })
    // A refusal of a whole host device may have another cause than a finding about one of its properties.
    let places = refusals.flatMap { [$0.location, others[$0.location] ?? nil] }.compactMap { $0 }
      .filter { place in !target.assignments.contains { place.contains($0.request.location) } }
    findings.removeAll { finding in
      finding.severity == .error && !finding.reportedBy.precedesQEMU && places.contains { $0.contains(finding.location) }
    }
  }
}

/// Properties that findings about different devices share when one change mends them.
private struct Cause: Hashable {
  let rule: Rule, severity: Severity, text: String, fix: String, source: String

  init(_ finding: Finding, _ text: String) {
    rule = finding.reportedBy
    severity = finding.severity
    self.text = text
    fix = finding.fix
    source = finding.location.source
  }
}

import Facts
import Prediction

extension RuleReport {
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

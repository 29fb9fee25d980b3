import Rules

/// The parts that findings about several devices have in common: everything but the device's names and the place.
/// A finding about no device is like no other.
struct RepeatedFinding: Hashable, Sendable {
  private let rule: String
  private let severity: Severity
  private let texts: [String]
  /// The finding's number, where it is like no other.
  private let number: Int?

  /// - Parameter number: of the finding in its report.
  init(_ finding: Finding, number: Int) {
    rule = finding.rule
    severity = finding.severity
    let names = finding.device.map { [$0.description, $0.host?.description, $0.id.map { "`\($0)`" }].compactMap { $0 } } ?? []
    texts = ([finding.message, finding.fix] + finding.evidence).map { text in
      names.reduce(text) { $0.split(separator: $1, omittingEmptySubsequences: false).joined(separator: "\0") }
    }
    self.number = finding.device == nil ? number : nil
  }
}

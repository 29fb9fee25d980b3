import Facts
import Host
import Inputs
import Prediction
import Rules
import Support
import Syntax

/// A case's definition and host, and what all rules say about them.
struct CaseRun {
  let definition: LintTarget
  let judgement: RuleRunner

  init(_ definition: LintTarget) {
    self.definition = definition
    judgement = .check(definition)
  }

  var verdict: Verdict { judgement.verdict(definition.predictions) }

  func findings(of rule: String) -> [Finding] { judgement.findings.filter { $0.rule == rule } }

  func open(for rule: String) -> [Undetermined] { judgement.undetermined.filter { $0.rule == rule } }

  /// The `expect` block.
  func expectation(for rule: String) -> [String] {
    var lines: [String] = []
    for finding in judgement.findings {
      lines.append("\(finding.severity.rawValue)[\(finding.rule)]: \(finding.message)")
      guard finding.rule == rule else { continue }
      lines.append("  at: \(finding.location.path)")
      lines.append("  fix: \(finding.fix)")
    }
    lines += open(for: rule).map { "undetermined[\($0.rule)]: \($0.unknown)" }
    return lines + ["verdict: \(verdict.rawValue)"]
  }
}

/// A case's definitions as they were read.
struct CaseTexts {
  let definition: ParsedInput
  let guest: MachineConfig?
  let others: [ParsedInput]
}

extension RuleCase {
  static let blindHost = Facts.Host(nothingKnown: "no host was looked at", source: "none")

  func run() throws -> CaseRun { CaseRun(try definition(on: try host())) }

  func definition(on host: Facts.Host, qemu: QEMUProfile? = nil) throws -> LintTarget {
    try definition(try texts(), on: host, qemu: qemu)
  }

  func definition(_ texts: CaseTexts, on host: Facts.Host, qemu: QEMUProfile? = nil) throws -> LintTarget {
    let profile = try qemu ?? self.qemu()
    let parsed = texts.definition
    let machine = parsed.machine(in: texts.guest)
    var assignments = RunAssignments()
    let own = assignments.add(RunAssignments.Claims(machine, plugs: parsed.plugs))
    for other in texts.others { _ = assignments.add(RunAssignments.Claims(other.machine, plugs: other.plugs)) }
    var policy = try policy()
    policy.allowances += parsed.allowances
    return LintTarget(
      machine: machine, plugs: parsed.plugs, problems: parsed.problems, host: host, qemu: profile,
      running: block("running").map { topology(of: machine, on: host, profile, $0) },
      others: assignments.others(than: own), policy: policy)
  }

  /// The case's texts, read once for many hosts.
  func texts() throws -> CaseTexts {
    let kinds = ["argv", "qmp", "xml"]
    guard let block = blocks.first(where: { kinds.contains($0.kind) }) else {
      throw CaseFile.Malformed(rule, line, "neither argv nor qmp nor xml")
    }
    let others = blocks.filter { $0.kind.hasPrefix("other ") }.map { parse($0, named: String($0.kind.dropFirst(6))) }
    let guest = self.block("guest").map { parse($0, named: "guest").machine }
    return CaseTexts(definition: parse(block, named: block.kind), guest: guest, others: others)
  }

  /// The guest's topology as its command line gives it, with what a running QEMU says beside.
  private func topology(
    of machine: MachineConfig, on host: Facts.Host, _ qemu: QEMUProfile, _ block: Block
  ) -> Guest {
    let guest = LintTarget(machine: machine, plugs: [], problems: [], host: host, qemu: qemu).guest
    let migrating: Known<Bool>
    switch block.lines {
    case ["migrating yes"]: migrating = .known(true)
    case ["migrating no"]: migrating = .known(false)
    default: migrating = .unknown("guest's migration", "QEMU did not answer query-migrate")
    }
    return Guest(buses: Array(guest.buses.values), rootBus: guest.rootBus, ids: guest.ids, migrating: migrating)
  }

  private func policy() throws -> Policy {
    guard let block = block("policy") else { return .none }
    let text = block.lines.joined(separator: "\n") + "\n"
    return try .parse(
      SourceText(name: "policy", bytes: Array(text.utf8)), today: Day(year: 2026, month: 6, day: 15))
  }

  private func parse(_ block: Block, named name: String) -> ParsedInput {
    .parse(SourceText(name: name, bytes: Array((block.lines.joined(separator: "\n") + "\n").utf8)))
  }

  func qemu() throws -> QEMUProfile {
    let text = block("qemu")?.lines.first ?? "11.1.3"
    if text == "none" { return .notKnown }
    let parts = text.split(separator: ".").compactMap { Int($0) }
    guard parts.count >= 2 else { throw CaseFile.Malformed(rule, line, "`\(text)` is no release of QEMU") }
    return .released(parts[0], parts[1], text)
  }

  func host() throws -> Facts.Host {
    guard let lines = try recording() else { return RuleCase.blindHost }
    return try RuleCase.host(lines)
  }

  static func host(_ lines: [String]) throws -> Facts.Host {
    try HostRecording.parse(Array(lines.joined(separator: "\n").utf8), source: "host")
  }

  /// The lines of the recording, without comments; nil when the case has no host.
  func recording() throws -> [String]? {
    guard let block = block("host") else { return nil }
    var lines = ["vfiogate-host-recording 1"]
    for line in block.lines {
      let (verb, rest) = cut(line)
      switch verb {
      case "use":
        let recorded = try Fixture.text(rest).split(separator: "\n").dropFirst()
        lines += recorded.filter { !$0.hasPrefix("#") }.map(String.init)
      case "only":
        let kept = rest.split(separator: " ")
        lines = lines.filter { line in !isDevice(line) || kept.contains { line.hasPrefix($0) } }
      case "-":
        let count = lines.count
        lines = lines.filter { !$0.hasPrefix(rest) }
        guard lines.count < count else {
          throw CaseFile.Malformed(rule, self.line, "no line of the host begins with `\(rest)`")
        }
      default: lines.append(line)
      }
    }
    return lines
  }

  private func isDevice(_ line: String) -> Bool { line.split(separator: " ").first.flatMap { PCIAddress($0) } != nil }

  private func cut(_ line: String) -> (String, String) {
    let parts = line.split(separator: " ", maxSplits: 1)
    return (parts.first.map(String.init) ?? "", parts.count > 1 ? String(parts[1]) : "")
  }
}

extension ParsedInput {
  /// As `vfiogate lint --guest` joins the two.
  fileprivate func machine(in guest: MachineConfig?) -> MachineConfig {
    guard var machine = guest else { return self.machine }
    machine.objects += self.machine.objects
    return machine
  }

  func definition(on host: Facts.Host, qemu: QEMUProfile) -> LintTarget {
    LintTarget(machine: machine, plugs: plugs, problems: problems, host: host, qemu: qemu)
  }
}

extension QEMUProfile {
  static var notKnown: QEMUProfile {
    let reason = "which QEMU will run it is not known"
    return QEMUProfile(
      name: "unknown", behaviour: .unknown("behaviour of ats", reason),
      properties: .unknown("properties of vfio-pci", reason))
  }
}

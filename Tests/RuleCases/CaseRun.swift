import Common
import Facts
import Host
import Inputs
import Prediction
import Report
import Rules
import Support
import Syntax

/// One definition as `vfiogate lint` judges it, together with the others of its run.
package struct CaseRun {
  package let result: LintResult
  /// Findings of the definition, and those across the definitions of the run.
  package let report: RuleReport

  /// - Parameter others: the other definitions of the run.
  init(_ result: LintResult, others: [LintResult] = [], by rules: [Rule] = Rule.all) {
    self.result = result
    var report = result.report
    if !others.isEmpty {
      var claims = HostDeviceClaims()
      for one in [result] + others { claims.add(DefinitionClaims(one.target)) }
      report.add(RuleRunner.check(claims, by: rules))
    }
    self.report = report
  }

  /// A definition in any form, with a policy of the 15th of June 2026, on a host about which nothing is known.
  package init(_ text: String, policy: String? = nil) throws {
    let source = SourceText(name: "text", bytes: Array(text.utf8))
    let judge = Judge(
      host: RuleCase.blindHost, qemu: .released(11, 1, "11.1.3"), policy: try policy.map(PolicyFile.init(ofTests:)) ?? .none)
    self.init(judge.check(source, .parse(source)))
  }

  /// Every case that is executed, with its run; each is run once for all tests.
  package static func all() throws -> [(RuleCase, CaseRun)] { try runs.get() }

  private static let runs = Result {
    try CaseFile.all().flatMap(\.cases).filter(\.isExecuted).map { ($0, try $0.run()) }
  }

  /// A command line, its words ended by zero bytes as in /proc/PID/cmdline.
  package init(argv words: [String], on host: Facts.Host) {
    let source = SourceText(name: "argv", bytes: words.flatMap { Array($0.utf8) + [0] })
    self.init(Judge(host: host, qemu: .released(11, 1, "11.1.3")).check(source, .parse(source, as: .nul)))
  }

  package var target: LintTarget { result.target }
  /// Findings of the definition alone.
  package var own: RuleReport { result.report }
  package var verdict: Verdict { report.verdict }

  package func findings(of rule: String) -> [Finding] { report.findings.filter { $0.rule == rule } }

  package func undetermined(of rule: String) -> [Undetermined] { report.undetermined.filter { $0.rule == rule } }

  /// The `expect` block.
  package func expectation(for rule: String) -> [String] {
    var lines: [String] = []
    for finding in report.findings {
      lines.append("\(finding.severity.rawValue)[\(finding.rule)]: \(finding.message)")
      guard finding.rule == rule else { continue }
      lines.append("  at: \(finding.location.path)")
      lines.append("  fix: \(finding.fix)")
    }
    lines += undetermined(of: rule).map { "undetermined[\($0.rule)]: \($0.unknown)" }
    return lines + ["verdict: \(verdict.rawValue)"]
  }
}

/// A case's texts, parsed once for many hosts.
package struct CaseTexts {
  let source: SourceText
  let parsed: ParsedInput
  let guest: MachineConfig?
  let others: [ParsedInput]
}

extension RuleCase {
  /// A host about which nothing is known.
  package static let blindHost = Facts.Host(nothingKnown: "no host was looked at", source: "none")

  package func run(qemu: QEMUProfile? = nil) throws -> CaseRun { try run(texts(), on: host(), qemu: qemu) }

  /// - Parameters:
  ///   - host: instead of the case's own.
  ///   - rules: the rules to run, of all.
  package func run(
    _ texts: CaseTexts, on host: Facts.Host, qemu: QEMUProfile? = nil, by rules: [Rule] = Rule.all
  ) throws -> CaseRun {
    let profile = try qemu ?? self.qemu()
    let judge = Judge(host: host, qemu: profile, rules: rules, policy: try policy())
    return CaseRun(
      judge.check(
        texts.source, texts.parsed, running: texts.guest,
        topology: block("running").map { topology(of: texts.guest ?? texts.parsed.machine, on: host, profile, $0) },
        rehearse: block("rehearsal").map { block in { rehearsal($0, $1, block) } }),
      others: texts.others.map { judge.check(SourceText(name: $0.machine.source, bytes: []), $0) }, by: rules)
  }

  package func texts() throws -> CaseTexts {
    guard let block = definition else { throw CaseFile.Malformed(rule, line, "without a definition") }
    let others = blocks.filter { $0.kind.hasPrefix("other ") }.map { block in
      ParsedInput.parse(RuleCase.source(block, named: String(block.kind.dropFirst(6))))
    }
    let source = RuleCase.source(block, named: block.kind)
    let guest = self.block("guest").map { ParsedInput.parse(RuleCase.source($0, named: "guest")).machine }
    return CaseTexts(source: source, parsed: .parse(source), guest: guest, others: others)
  }

  private static func source(_ block: Block, named name: String) -> SourceText {
    SourceText(name: name, bytes: Array(block.text.utf8))
  }

  /// The guest's topology as its command line gives it, with what a running QEMU reports besides.
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
    let ids = Dictionary(guest.ids.map { ($0.key, $0.value) }) { $1 }
    return Guest(buses: guest.buses.values, rootBus: guest.rootBus, ids: ids, migrating: migrating)
  }

  private func rehearsal(_ machine: MachineConfig, _ plugs: [DeviceRequest], _ block: Block) -> Known<RehearsalResult> {
    let (verb, rest) = cut(block.lines.first ?? "")
    let (path, text) = cut(rest)
    let options = machine.devices.map(\.location) + plugs.map(\.location) + machine.machine.map(\.location)
    let place = options.first { $0.path == path } ?? Location(source: machine.source, range: nil, path: "")
    let outcome: RehearsalResult.Outcome
    switch verb {
    case "refused": outcome = .refused(text: text, location: place, about: "`\(path)`")
    case "crashed": outcome = .crashed(signal: text, location: place, about: "`\(path)`")
    case "exited": outcome = .exited(text: text, location: place, about: "`\(path)`")
    case "unknown": return .unknown("rehearsal", rest)
    default: outcome = .started
    }
    var accepted: [Location: RehearsalResult.Extent] = [:]
    if outcome == .started {
      // The rehearsal has an accelerator of its own.
      for property in machine.machine where property.name != "accel" { accepted[property.location] = .whole }
      for device in machine.devices + plugs { accepted[device.location] = device.isVFIO ? .withoutHostDevice : .whole }
    }
    return .known(
      RehearsalResult(
        qemu: "QEMU 11.1.3 at /usr/bin/qemu-system-x86_64", accelerator: rest == "tcg" ? "tcg" : "qtest", outcome: outcome,
        rehearsed: 4, changes: [], accepted: accepted))
  }

  private func policy() throws -> PolicyFile {
    try block("policy").map { try PolicyFile(ofTests: $0.text) } ?? .none
  }

  private func qemu() throws -> QEMUProfile {
    let text = block("qemu")?.lines.first ?? "11.1.3"
    guard let choice = QEMUChoice(text) else { throw CaseFile.Malformed(rule, line, "`\(text)` is no release of QEMU") }
    return try choice.profile()
  }

  package func host() throws -> Facts.Host {
    guard let lines = try recording() else { return RuleCase.blindHost }
    var host = try RuleCase.host(lines)
    guard let block = block("files") else { return host }
    let words = block.lines.map { $0.split(separator: " ").map(String.init) }
    let kinds = Dictionary(words.map { ($0[0], FileSystemKind(rawValue: $0.last ?? "")) }, uniquingKeysWith: { $1 })
    let unknown = host.fileSystem
    host.fileSystem = { path in
      kinds.first { path.hasPrefix($0.key) }.flatMap(\.value).map { .known($0) } ?? unknown(path)
    }
    host.libvirtMemoryFolder = .known("/var/lib/libvirt/qemu/ram")
    return host
  }

  package static func host(_ lines: [String]) throws -> Facts.Host {
    try HostRecording.parse(Array(lines.joined(separator: "\n").utf8), source: "host")
  }

  /// The lines of the recording, without comments; nil when the case has no host.
  package func recording() throws -> [String]? {
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

extension PolicyFile {
  /// On the 15th of June 2026.
  fileprivate init(ofTests text: String) throws {
    let source = SourceText(name: "policy", bytes: Array(text.utf8))
    self.init(policy: try .parse(source, today: Day(year: 2026, month: 6, day: 15)), source: source)
  }
}

extension QEMUProfile {
  /// As `--qemu none` gives it.
  package static var notKnown: QEMUProfile { .unknown("which QEMU will run it is not known") }
}

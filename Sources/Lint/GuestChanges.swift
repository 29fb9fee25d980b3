import Common
import Facts
import Report
import Rules
import Syntax

/// `vfiogate probe --diff OLD NEW --definitions DIR`: guests whose verdict a change of the host makes worse.
struct GuestChanges: Sendable {
  /// One definition whose verdict differs.
  struct Change: Sendable {
    let name: String
    let old: Verdict
    let new: Verdict
    /// Findings of severity error that are new, and facts that are missing.
    let reasons: [String]
  }

  private(set) var changes: [Change] = []
  private(set) var unreadable: [String] = []
  private var checked = 0
  /// The QEMU that the verdicts are for; nil where there is none.
  private var subject: LintSubject?

  /// Checks the definitions on both hosts.
  /// - Throws: an error that concerns all definitions.
  init(definitions: [String], old: String, new: String, qemu: QEMUChoice) throws {
    func results(_ host: String) throws -> ([(name: String, result: RuleReport)], [String]) {
      let lint = Lint(
        files: definitions, guest: nil, input: nil, host: HostChoice(host), qemu: qemu, behaviour: nil, failOn: .error,
        onUnknown: nil, format: .text, isVerbose: false, style: .plain)
      var all: [(name: String, result: RuleReport)] = []
      let missed = try lint.check {
        all.append(($0.name, $0.report))
        subject = LintSubject($0.target)
      }
      return (all, missed)
    }
    let (before, missed) = try results(old), after = try results(new)
    unreadable = missed + after.1.filter { !missed.contains($0) }
    let byName = Dictionary(before.map { ($0.name, $0.result) }, uniquingKeysWith: { first, _ in first })
    for (name, report) in after.0 {
      checked += 1
      guard let past = byName[name], past.verdict != report.verdict else { continue }
      let known = Set(past.findings.map(\.message))
      let errors = report.findings.filter { $0.severity == .error && !known.contains($0.message) }
      let missing = report.verdict == .undetermined ? report.undetermined.filter { $0.severity == .error } : []
      changes.append(
        Change(
          name: name, old: past.verdict, new: report.verdict,
          reasons: errors.map { "\($0.rule): \($0.message)" } + missing.prefix(3).map { "unknown: \($0.unknown)" }))
    }
  }

  /// Text for a terminal.
  func text(_ style: Style) -> String {
    let number = changes.isEmpty ? "no verdict changes" : "\(changes.count) with another verdict"
    let qemu = subject.map { "; " + $0.text(advising: LintSubject.adviceBesideRehearsal) }
    let lines = changes.flatMap { change in
      ["\(change.name): \(change.old.rawValue) -> \(change.new.rawValue)"] + change.reasons.map { "  \($0)" }
    } + ["\(counted(checked, "definition")): \(number)" + (qemu ?? "")]
    return lines.flatMap { ReportText.wrapped(printable($0), style) }.joined(separator: "\n") + "\n"
  }

  /// Members of an object for programs.
  var members: [JSON.Member] {
    let all = changes.map { change in
      JSON.object([
        .init("definition", .string(change.name)), .init("old", .string(change.old.rawValue)),
        .init("new", .string(change.new.rawValue)), .init("reasons", .array(change.reasons.map(JSON.string))),
      ])
    }
    return [.init("definitions", .array(all))] + LintSubject.members(subject)
  }

  /// Complaints about definitions that could not be read.
  var complaint: String { unreadable.map { "vfiogate: \(printable($0))\n" }.joined() }

  /// Exit code: 1 when a guest that was safe is unsafe, 2 when one cannot be determined any more or could not be read.
  var exit: ExitStatus {
    let worse = changes.filter { $0.old.isSafe && !$0.new.isSafe }
    if worse.contains(where: { $0.new == .unsafe }) { return .findings }
    return worse.isEmpty && unreadable.isEmpty ? .clean : .couldNotLook
  }
}

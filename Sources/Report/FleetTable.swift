import Rules
import Syntax

/// Verdict of each definition on each host.
public struct FleetTable: Sendable {
  /// Result of one definition on one host.
  public struct Cell: Sendable {
    /// Name of the host: the path of its recording.
    public let host: String
    /// Verdict of the definition on that host.
    public let verdict: Verdict
    /// Rules that reported an error; for an undetermined verdict those that are undetermined.
    public let rules: [String]
    /// The reasons of the verdict, the worst first.
    public let reasons: [String]
    /// Whether a lint on this host alone would exit 0.
    public let isClean: Bool
  }

  /// Names of the definitions, in the order of the run.
  public private(set) var definitions: [String] = []
  private var cells: [String: [Cell]] = [:]
  private var hosts: Set<String> = []
  private var subject: LintSubject?

  /// Creates an empty table.
  public init() {}

  /// Adds the result of a definition on one more host.
  /// - Parameter isClean: a lint on this host alone would exit 0.
  public mutating func add(_ result: LintResult, on host: String, isClean: Bool) {
    let name = result.definitionName
    if cells[name] == nil { definitions.append(name) }
    hosts.insert(host)
    subject = LintSubject(result.target)
    cells[name, default: []].append(FleetTable.cell(result, on: host, isClean: isClean))
  }

  /// The result of one definition on a host.
  static func cell(_ result: LintResult, on host: String, isClean: Bool) -> Cell {
    let worst = result.verdict == .unsafe
      ? result.report.findings.filter { $0.severity == .error }.map(\.rule)
      : result.report.undetermined.filter { $0.severity == .error }.map(\.rule)
    var rules: [String] = []
    for rule in worst where !rules.contains(rule) { rules.append(rule) }
    return Cell(host: host, verdict: result.verdict, rules: rules, reasons: result.reasons, isClean: isClean)
  }

  /// Results of a definition, in the order of the hosts; empty for an unknown path.
  public func cells(of definition: String) -> [Cell] { cells[definition] ?? [] }

  /// The parts of a table that are shown.
  public enum Detail: Sendable {
    /// Number of hosts only.
    case summary
    /// The first reason for each host.
    case firstReason
    /// All reasons.
    case allReasons
  }

  /// A line for each definition and host, the hosts on which it is safe first, and the totals.
  public func text(_ style: Style, _ detail: Detail = .firstReason) -> String {
    let width = cells.values.joined().map(\.host.columns).max() ?? 0
    let parts = definitions.map { definition in
      let cells = cells(of: definition)
      let sorted = [Verdict.safe, .safeByPolicy, .undetermined, .unsafe].flatMap { verdict in cells.filter { $0.verdict == verdict } }
      let safe = cells.count { $0.verdict.isSafe }
      let lines = detail == .summary ? [] : sorted.flatMap { row($0, width, style, detail) }
      return ([style.bold("\(printable(definition)): safe on \(safe) of \(cells.count)")] + lines).joined(separator: "\n")
    }
    return (parts + [closingLine(style)]).joined(separator: detail == .summary ? "\n" : "\n\n") + "\n"
  }

  private func row(_ cell: Cell, _ width: Int, _ style: Style, _ detail: Detail) -> [String] {
    let count = detail == .allReasons ? cell.reasons.count : 1
    let shown = cell.verdict.isSafe && detail != .allReasons ? [] : Array(cell.reasons.prefix(count))
    let rest = cell.verdict.isSafe ? 0 : cell.reasons.count - shown.count
    var texts = shown
    if rest > 0, let last = texts.popLast() { texts.append("\(last), and \(rest) more") }
    let head = "  " + printable(cell.host).padded(to: width) + "  "
    let verdict = style.verdict(cell.verdict)
    if texts.isEmpty { return [head + verdict] }
    let start = head + verdict.padded(to: FleetTable.verdictWidth) + "  "
    // Reasons have a column of their own where it is wide enough to read.
    let isColumn = style.width.map { $0 - start.columns >= FleetTable.reasonWidth } ?? true
    let indent = isColumn ? start.columns : 6
    let margin = String(repeating: " ", count: indent)
    let lines = texts.flatMap { wrapped($0, width: style.width.map { $0 - indent }) }
    let further = lines.dropFirst(isColumn ? 1 : 0).map { margin + $0 }
    return (isColumn ? [start + lines[0]] : [head + verdict]) + further
  }

  /// "undetermined".
  private static let verdictWidth = 12
  private static let reasonWidth = 48

  /// "3 definitions on 2 hosts: 1 safe on all, 2 on some, 0 on none; with QEMU 11.1.3 as released".
  public func closingLine(_ style: Style) -> String {
    let somewhere = definitions.count { cells(of: $0).contains(where: \.verdict.isSafe) }
    let everywhere = definitions.count { cells(of: $0).allSatisfy(\.verdict.isSafe) }
    var text = "\(counted(definitions.count, "definition")) on \(counted(hosts.count, "host")): \(everywhere) safe on all, "
      + "\(somewhere - everywhere) on some, \(definitions.count - somewhere) on none"
    if let subject { text += "; " + subject.text(advising: LintSubject.advice) }
    return wrapped(text, width: style.width, indent: 4).joined(separator: "\n")
  }

  /// Object for programs.
  /// - Parameter unreadable: definitions and recordings that could not be read, with the reason.
  public func json(_ unreadable: [String]) -> JSON {
    .object([
      .init("definitions", .array(definitions.map { definition in
        .object([
          .init("source", .string(definition)),
          .init("hosts", .array(cells(of: definition).map { cell in
            .object([
              .init("host", .string(cell.host)), .init("verdict", .string(cell.verdict.rawValue)),
              .init("rules", .strings(cell.rules)), .init("reasons", .strings(cell.reasons)),
            ])
          })),
        ])
      })),
    ] + LintSubject.members(subject) + [.init("unreadable", .strings(unreadable))])
  }
}

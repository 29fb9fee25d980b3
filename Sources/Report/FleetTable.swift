import Rules
import Syntax

/// Definitions against hosts: what each is on each.
public struct FleetTable: Sendable {
  public struct Cell: Sendable {
    public let host: String
    public let verdict: Verdict
    /// Rules that reported an error, or could not tell.
    public let rules: [String]
  }

  /// In the order of the run.
  public private(set) var definitions: [String] = []
  private var cells: [String: [Cell]] = [:]

  public init() {}

  public mutating func add(_ cell: Cell, of definition: String) {
    if cells[definition] == nil { definitions.append(definition) }
    cells[definition, default: []].append(cell)
  }

  public static func cell(_ result: LintResult, on host: String) -> Cell {
    let worst = result.verdict == .unsafe
      ? result.report.findings.filter { $0.severity == .error }.map(\.rule)
      : result.report.undetermined.filter { $0.severity == .error }.map(\.rule)
    var rules: [String] = []
    for rule in worst where !rules.contains(rule) { rules.append(rule) }
    return Cell(host: host, verdict: result.verdict, rules: rules)
  }

  public func verdicts(of definition: String) -> [Cell] { cells[definition] ?? [] }

  /// A line for each definition and host, the hosts on which it is safe first.
  public func text(_ style: Style) -> String {
    let width = cells.values.joined().map(\.host.count).max() ?? 0
    return definitions.map { definition in
      let cells = verdicts(of: definition)
      let sorted = [Verdict.safe, .undetermined, .unsafe].flatMap { verdict in cells.filter { $0.verdict == verdict } }
      let safe = cells.count { $0.verdict == .safe }
      let lines = sorted.map { cell in
        let more = cell.rules.count > 3 ? " and \(cell.rules.count - 3) more" : ""
        let reason = cell.verdict == .safe ? "" : "  " + cell.rules.prefix(3).joined(separator: ", ") + more
        return "  " + printable(cell.host).padded(to: width) + "  " + style.verdict(cell.verdict) + reason
      }
      return style.bold("\(printable(definition)): safe on \(safe) of \(cells.count)") + "\n" + lines.joined(separator: "\n")
    }.joined(separator: "\n\n") + "\n"
  }

  public func json(_ unreadable: [String]) -> JSON {
    .object([
      .init("definitions", .array(definitions.map { definition in
        .object([
          .init("source", .string(definition)),
          .init("hosts", .array(verdicts(of: definition).map { cell in
            .object([
              .init("host", .string(cell.host)), .init("verdict", .string(cell.verdict.rawValue)),
              .init("rules", .strings(cell.rules)),
            ])
          })),
        ])
      })),
      .init("unreadable", .strings(unreadable)),
    ])
  }
}

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
  }

  /// Paths of the definitions, in the order of the run.
  public private(set) var definitions: [String] = []
  private var cells: [String: [Cell]] = [:]

  /// Creates an empty table.
  public init() {}

  /// Adds the result of a definition on one more host.
  public mutating func add(_ cell: Cell, of definition: String) {
    if cells[definition] == nil { definitions.append(definition) }
    cells[definition, default: []].append(cell)
  }

  /// The result of one definition on a host, for `add`.
  public static func cell(_ result: LintResult, on host: String) -> Cell {
    let worst = result.verdict == .unsafe
      ? result.report.findings.filter { $0.severity == .error }.map(\.rule)
      : result.report.undetermined.filter { $0.severity == .error }.map(\.rule)
    var rules: [String] = []
    for rule in worst where !rules.contains(rule) { rules.append(rule) }
    return Cell(host: host, verdict: result.verdict, rules: rules)
  }

  /// Results of a definition, in the order of the hosts; empty for an unknown path.
  public func verdicts(of definition: String) -> [Cell] { cells[definition] ?? [] }

  /// A line for each definition and host, the hosts on which it is safe first.
  public func text(_ style: Style) -> String {
    let width = cells.values.joined().map(\.host.count).max() ?? 0
    return definitions.map { definition in
      let cells = verdicts(of: definition)
      let sorted = [Verdict.safe, .safeByPolicy, .undetermined, .unsafe].flatMap { verdict in cells.filter { $0.verdict == verdict } }
      let safe = cells.count { $0.verdict.isSafe }
      let lines = sorted.map { cell in
        let more = cell.rules.count > 3 ? " and \(cell.rules.count - 3) more" : ""
        let reason = cell.verdict.isSafe ? "" : "  " + cell.rules.prefix(3).joined(separator: ", ") + more
        return "  " + printable(cell.host).padded(to: width) + "  " + style.verdict(cell.verdict) + reason
      }
      return style.bold("\(printable(definition)): safe on \(safe) of \(cells.count)") + "\n" + lines.joined(separator: "\n")
    }.joined(separator: "\n\n") + "\n"
  }

  /// Object for programs.
  /// - Parameter unreadable: definitions and recordings that could not be read, with the reason.
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

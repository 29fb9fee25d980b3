import Facts
import Prediction
import Syntax

/// Table of the `ats` decision for one behaviour of QEMU.
public enum TableReport {
  private static let titles = ["ats", "backend", "kernel flag", "ATS capability", "realize", "guest sees ATS", "on QEMU's standard error"]

  /// Text for a terminal.
  public static func text(_ behaviour: ATSBehaviour) -> String {
    let rows = [titles] + ATSTable.rows(behaviour).map(cells)
    let widths = titles.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      zip(row, widths).map { $0.padded(to: $1) }.joined(separator: "  ").withoutTrailingBlanks
    }.joined(separator: "\n") + "\n"
  }

  /// Table as Markdown, for docs/ats.md.
  public static func markdown(_ behaviour: ATSBehaviour) -> String {
    let lines = [titles, titles.map { _ in "---" }] + ATSTable.rows(behaviour).map(cells)
    return lines.map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n") + "\n"
  }

  /// Object for programs; `any` is an input that does not matter.
  public static func json(_ behaviour: ATSBehaviour) -> JSON {
    .object([
      .init("behaviour", .string(behaviour.rawValue)),
      .init("rows", .array(ATSTable.rows(behaviour).map(row))),
    ])
  }

  private static func row(_ row: ATSTable.Row) -> JSON {
    var members: [JSON.Member] = [
      .init("ats", row.setting.map { .string($0.rawValue) } ?? .null),
      .init("backend", .string(row.backend?.rawValue ?? "any")),
      .init("kernel-ats", .string(row.flagSet.map { $0 ? "unsupported" : "supported" } ?? "any")),
      .init("capability", .string(row.capability.map { $0 ? "present" : "absent" } ?? "any")),
      .init("realize", .string(row.outcome.error == nil ? "ok" : "fails")),
    ]
    if let error = row.outcome.error { members.append(.init("error", .string(error.rawValue))) }
    members += [
      .init("warnings", .strings(row.outcome.warning.map { [$0.rawValue] } ?? [])),
      .init("guest-sees-ats", .bool(row.outcome.guestSees)),
      .init("checked-by-qemu", .bool(row.outcome.checked)),
    ]
    return .object(members)
  }

  private static func cells(_ row: ATSTable.Row) -> [String] {
    let outcome = row.outcome
    let seen = outcome.error != nil ? "-" : !outcome.guestSees ? "no" : outcome.checked ? "yes" : "yes, unchecked"
    return [
      row.setting?.rawValue ?? "not given", row.backend?.rawValue ?? "any",
      row.flagSet.map { $0 ? "set" : "clear" } ?? (row.backend == .legacy ? "not queried" : "any"),
      row.capability.map { $0 ? "present" : "absent" } ?? "any", outcome.error == nil ? "ok" : "FAILS", seen,
      outcome.error?.rawValue ?? outcome.warning.map { "warning: \($0.rawValue)" } ?? "",
    ]
  }
}

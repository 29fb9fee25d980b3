import Rules
import Syntax

/// Annotations of GitHub's pull requests, as workflow commands: one line each.
public struct LintGitHub: LintWriter {
  /// Creates a writer for one run.
  public init() {}

  /// Head of the document.
  public func begin() -> String { "" }

  /// Text of one definition, with separators.
  public func add(_ result: LintResult) -> String { annotations(of: result, file: [("file", result.source.name)]) }

  /// - Parameter file: the file that an annotation is for which is not about one finding.
  private func annotations(of result: some LocatedFindings, file: [(String, String)]) -> String {
    var lines = result.report.findings.map { finding -> String in
      let kind = finding.severity == .note ? "notice" : finding.severity.rawValue
      var places = [("file", finding.location.source)]
      if let region = result.region(of: finding.location) {
        places += [("line", "\(region.line)"), ("col", "\(region.column)")]
        // GitHub would apply a column of another line to the first.
        if region.endLine == region.line { places.append(("endColumn", "\(region.endColumn)")) }
      }
      places.append(("title", finding.rule))
      let text = ([finding.message] + finding.evidence.map { "fact: \($0)" } + ["fix: \(finding.fix)"])
      return LintGitHub.command(kind, places, text.joined(separator: "\n"))
    }
    let allowed = result.report.suppressed
    if !allowed.isEmpty {
      let reasons = allowed.map { "\($0.finding.rule): \($0.allowance.reason)" }.joined(separator: "\n")
      lines.append(LintGitHub.command("notice", file + [("title", "allowed by policy")], reasons))
    }
    if result.verdict == .undetermined {
      let open = result.report.undetermined.map { "\($0.rule): \($0.unknown)" }
      let title = file + [("title", "undetermined")]
      let text = open.isEmpty ? "the outcome could not be predicted" : open.joined(separator: "\n")
      lines.append(LintGitHub.command("warning", title, text))
    }
    return lines.joined()
  }

  /// Text after the last definition: the findings across definitions, and the totals.
  public func end(_ tally: LintTally, across: AcrossResult?) -> String {
    (across.map { annotations(of: $0, file: []) } ?? "")
      + tally.unreadable.map { LintGitHub.command("error", [("title", "vfiogate")], $0) }.joined() + tally.totals + "\n"
  }

  private static func command(_ kind: String, _ properties: [(String, String)], _ text: String) -> String {
    let list = properties.map { "\($0.0)=" + escaped($0.1, and: ":,") }.joined(separator: ",")
    return "::\(kind) \(list)::" + escaped(text) + "\n"
  }

  /// Escapes text for a workflow command: per cent and line ends, and in properties also their separators
  /// (actions/toolkit, packages/core: escapeData, escapeProperty).
  static func escaped(_ text: String, and separators: String = "") -> String {
    text.unicodeScalars.map { scalar -> String in
      switch scalar {
      case "%": return "%25"
      case "\r": return "%0D"
      case "\n": return "%0A"
      case ":" where separators.contains(":"): return "%3A"
      case "," where separators.contains(","): return "%2C"
      default: return String(scalar)
      }
    }.joined()
  }
}

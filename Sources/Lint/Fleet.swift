import Common
import Facts
import Glibc
import Report
import Rules
import Syntax

/// `vfiogate lint --host DIR`: on which of the recorded hosts each definition is safe.
public struct Fleet: Sendable {
  /// The options of the lint.
  public var lint: Lint
  /// The folder of the recordings, `NAME.host` each.
  public let folder: String

  /// Creates a lint for each recording in `folder`.
  public init(_ lint: Lint, folder: String) {
    self.lint = lint
    self.folder = folder
  }

  /// Whether `--host` names a folder.
  public static func isFolder(_ path: String) -> Bool {
    var status = stat()
    // SAFETY: stat(2) fills the structure that it is given.
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Checks each definition on each host, and writes a table, or with a format for other programs the findings on each host.
  /// - Returns: exit code 0 when for each definition there is a host on which a lint would exit 0.
  public func run() -> Answer {
    var table = FleetTable()
    var unreadable: [String] = []
    var tally = LintTally()
    var writer = isTable ? nil : lint.writer(hidesSafe: false)
    var output = writer?.begin() ?? ""
    do throws(PathError) {
      for name in try recordings() {
        var one = lint
        let choice = HostChoice.recording("\(folder)/\(name)")
        one.host = choice
        let host = String(name.dropLast(Fleet.suffix.count))
        do {
          let missed = try one.check { result in
            tally.count(result, refusesUndetermined: lint.refusesUndetermined(on: choice, result))
            table.add(result, on: host, isClean: lint.exit(result, on: choice) == .clean)
            output += writer?.add(result.showing(from: lint.minSeverity).on(host: host)) ?? ""
          }
          unreadable += missed.filter { !unreadable.contains($0) }
        } catch {
          unreadable.append("\(error)")
        }
      }
    } catch {
      return .couldNotLook("\(error)")
    }
    tally.unreadable = unreadable
    tally.closingLine = table.closingLine(.plain)
    if lint.format == .json { output = table.json(unreadable).text(indented: true) + "\n" }
    if lint.format == .text {
      output = table.text(lint.style, lint.isSummary ? .summary : lint.isVerbose ? .allReasons : .firstReason)
    }
    output += writer?.end(tally, across: nil) ?? ""
    let status: ExitStatus = unreadable.isEmpty ? exit(table) : .couldNotLook
    var complaint = unreadable.map { "vfiogate: \(printable($0))\n" }.joined()
    if unreadable.isEmpty, status == .couldNotLook { complaint = Lint.complaint(aboutUndetermined: tally) }
    return Answer(output: output, complaint: complaint, exit: status)
  }

  private var isTable: Bool { lint.format == .text || lint.format == .json }

  private static let suffix = ".host"

  private func recordings() throws(PathError) -> [String] {
    let names = try Folder.names(in: folder).filter { $0.hasSuffix(Fleet.suffix) && !$0.hasPrefix(".") }
    guard !names.isEmpty else { throw PathError(folder, reason: "holds no recording (NAME\(Fleet.suffix))") }
    return names
  }

  /// A definition needs one host.
  private func exit(_ table: FleetTable) -> ExitStatus {
    let withoutHost = table.definitions.map(table.cells).filter { !$0.contains(where: \.isClean) }
    if withoutHost.isEmpty { return .clean }
    return withoutHost.allSatisfy { $0.contains { $0.verdict == .undetermined } } ? .couldNotLook : .findings
  }
}

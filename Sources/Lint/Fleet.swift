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

  /// Checks each definition on each host.
  /// - Returns: exit code 0 when each definition is safe on at least one host.
  public func run() -> Answer {
    var table = FleetTable()
    var unreadable: [String] = []
    do throws(PathError) {
      for name in try recordings() {
        var one = lint
        one.host = .recording("\(folder)/\(name)")
        let host = String(name.dropLast(Fleet.suffix.count))
        do {
          let missed = try one.check { table.add(FleetTable.cell($0, on: host), of: $0.source.name) }
          unreadable += missed.filter { !unreadable.contains($0) }
        } catch {
          unreadable.append("\(error)")
        }
      }
    } catch {
      return .couldNotLook("\(error)")
    }
    let output = lint.format == .json ? table.json(unreadable).text(indented: true) + "\n" : table.text(lint.style)
    let complaint = unreadable.map { "vfiogate: \(printable($0))\n" }.joined()
    return Answer(output: output, complaint: complaint, exit: unreadable.isEmpty ? exit(table) : .couldNotLook)
  }

  private static let suffix = ".host"

  private func recordings() throws(PathError) -> [String] {
    let names = try DefinitionFiles.names(in: folder).filter { $0.hasSuffix(Fleet.suffix) && !$0.hasPrefix(".") }
    guard !names.isEmpty else { throw PathError(folder, reason: "holds no recording (NAME\(Fleet.suffix))") }
    return names
  }

  /// A definition needs one host on which it is safe.
  private func exit(_ table: FleetTable) -> ExitStatus {
    let verdicts = table.definitions.map { definition in table.verdicts(of: definition).map(\.verdict) }
    let withoutHost = verdicts.filter { !$0.contains(where: \.isSafe) }
    if withoutHost.contains(where: { !$0.contains(.undetermined) }) { return .findings }
    return withoutHost.isEmpty || lint.onUnknown == .warn ? .clean : .couldNotLook
  }
}

import ArgumentParser
import Common
import Facts

/// Parses the value of an option. ArgumentParser could do it for an option of the enumeration's own type, but spends
/// more time at start-up on each such type than a whole lint needs.
func chosen<Choice: RawRepresentable & CaseIterable>(
  _ text: String, _ option: String
) throws -> Choice where Choice.RawValue == String {
  if let choice = Choice(rawValue: text) { return choice }
  let all = Choice.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
  throw ValidationError("The value '\(text)' is invalid for '\(option)'. Please provide one of \(all).")
}

/// Help of `--qemu`, the QEMU that verdicts are for, in commands that start no guest.
func qemuHelp(for purpose: String = "", default: String = "11.1.3") -> ArgumentHelp {
  ArgumentHelp(
    """
      QEMU whose behaviour is predicted\(purpose): a release (7.2, 10.0 or 11.1; others make realize undetermined), the path \
      of a program to start and query, qmp:PATH of a running QEMU, or none if unknown.
      """,
    discussion: "Default: \(`default`).")
}

/// Parses the value of `--qemu`.
func chosenQEMU(_ text: String) throws -> QEMUChoice { try chosenQEMU(text, others: "") }

/// Parses the value of `--qemu` of a command that has other values too, which the error names.
func chosenQEMU(_ text: String, others: String) throws -> QEMUChoice {
  if let choice = QEMUChoice(text) { return choice }
  throw ValidationError("--qemu `\(text)` is not a version (11.1.3), path (/usr/bin/…), qmp:PATH\(others) or none.")
}

/// Help of `--root`.
let rootHelp: ArgumentHelp = """
  Read the host's /sys, /proc, /dev, /etc and /boot below this folder: a container's /host, or an unpacked support archive. User \
  and memory limit are then unknown. Not with --host.
  """

/// The host of a command that shows one.
struct ShownHost: ParsableArguments {
  @Option(help: "live (this machine), a recording that `vfiogate probe --record` wrote, or text of `lspci -xxxx -nn -D`.",
    completion: .file())
  var host = "live"
  @Option(help: rootHelp, completion: .directory)
  var root: String?

  func validate() throws { _ = try choice() }

  /// Parses the values.
  func choice() throws -> HostChoice {
    let choice = try chosenHost(host, root)
    if choice == .none { throw ValidationError("--host none leaves nothing to show; use live or a recording.") }
    return choice
  }
}

/// Parses the values of `--host` and `--root`.
func chosenHost(_ text: String, _ root: String?) throws -> HostChoice {
  if root != nil, text != "live" { throw ValidationError("--root is the folder of a live host; it cannot be used with --host.") }
  return HostChoice(text, root: root)
}

/// Adds to a complaint about the value of an option which of the values it lists was meant. ArgumentParser does so for the names of
/// options only.
func withHint(_ complaint: String) -> String {
  guard let end = complaint.firstIndex(of: "\n"), let mark = complaint[..<end].firstRange(of: "Please provide one of ")
  else { return complaint }
  let value = complaint[..<mark.lowerBound].split(separator: "'", omittingEmptySubsequences: false).dropFirst().first
  let listed = complaint[mark.upperBound..<end].split(separator: "'", omittingEmptySubsequences: false)
  let choices = listed.indices.filter { $0 % 2 == 1 }.map { String(listed[$0]) }
  let hint = value.map { Misspelling.hint(String($0), among: choices) } ?? ""
  return hint.isEmpty ? complaint : String(complaint[..<end].dropLast()) + hint + String(complaint[end...])
}

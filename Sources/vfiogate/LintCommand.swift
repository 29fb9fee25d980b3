import ArgumentParser
import Common
import Facts
import Inputs
import Lint
import Rules

struct LintCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lint",
    abstract: "Judge QEMU command lines, device_add requests and libvirt XML.",
    discussion: """
      A command line may be one shell command, a shell script that holds one, one argument a line, or \
      NUL-separated as in /proc/PID/cmdline. QMP is one command, many, or a session's transcript, or the \
      arguments of a device_add alone. Of libvirt XML a domain is read, also inside a snapshot, and a bare \
      hostdev, interface or devices. Of a directory everything that is a definition by its content is judged.
      """)

  @Argument(help: "Definitions, and directories of them; - is standard input.")
  var files: [String]
  @Option(help: "How the definitions are written: shell, lines, nul, qmp or xml. By content without this.")
  var input: String?
  @Option(help: "The command line of the running guest that device_add requests go into.")
  var guest: String?
  @Option(
    help: ArgumentHelp(
      "live, none, a recording that `vfiogate probe --record` made, or a folder of them for a table of hosts.",
      discussion: "Live, unless the policy names one."))
  var host: String?
  @Option(help: "What is allowed: a file, or none. The .vfiogate.conf beside the definition without this.")
  var policy: String?
  @Flag(help: "fd=N of a definition is descriptor N of this process, as QEMU will inherit it.")
  var inheritedFds = false
  @Option(help: "NAME=N: fd=NAME, which getfd gives the monitor, is descriptor N of this process.")
  var fd: [String] = []
  @Option(help: "A released version, a QEMU program's path to start and ask, qmp:PATH of a running one, or none.")
  var qemu = "11.1.3"
  @Option(help: "Assert the ats behaviour instead: v3, 11.1 or none.")
  var behaviour: String?
  @Option(help: "The least severity that exits 1: error, warning or note.")
  var failOn = "error"
  @Option(help: "What an undetermined verdict does: refuse exits 2, warn does not. Refuse, unless --host none.")
  var onUnknown: String?
  @Option(help: "text, json, sarif (2.1.0), github (annotations) or junit.")
  var format = "text"
  @Option(help: "The least severity that is printed: error, warning or note. What exits 1 is --fail-on's.")
  var minSeverity = "note"
  @Flag(help: "Print only what the run came to; goes with --format text.")
  var summary = false
  @Flag(help: "Say what could not be told, and why.")
  var verbose = false

  func validate() throws { _ = try lint() }

  func run() throws {
    let lint = try lint()
    guard case .recording(let path)? = lint.host, Fleet.isFolder(path) else {
      return try Terminal.finish(lint.run(Terminal.print))
    }
    guard lint.format == .text || lint.format == .json else {
      throw ValidationError("--host `\(path)` is a folder of recordings: the table of hosts is text or JSON.")
    }
    try Terminal.finish(Fleet(lint, folder: path).run())
  }

  private func lint() throws -> Lint {
    if files.isEmpty { throw ValidationError("No definition is named.") }
    var lint = Lint(
      files: files, guest: guest, input: try input.map { try chosen($0, "--input") }, host: host.map(HostChoice.init),
      qemu: try chosenQEMU(qemu), behaviour: try behaviour.map { try chosen($0, "--behaviour") },
      failOn: try chosen(failOn, "--fail-on"), onUnknown: try onUnknown.map { try chosen($0, "--on-unknown") },
      format: try chosen(format, "--format"), isVerbose: verbose, style: Terminal.style)
    lint.minSeverity = try chosen(minSeverity, "--min-severity")
    if summary, lint.format != .text { throw ValidationError("--summary goes with --format text; JSON has it anyway.") }
    lint.isSummary = summary
    lint.version = Vfiogate.configuration.version
    if let policy { lint.policy = PolicyChoice(policy) }
    lint.descriptors = try passedDescriptors()
    lint.showsProgress = true
    return lint
  }

  private func passedDescriptors() throws -> PassedDescriptors {
    var passed = PassedDescriptors(isInherited: inheritedFds)
    for text in fd {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty, let number = Int32(parts[1]), number >= 0 else {
        throw ValidationError("--fd `\(text)` is not NAME=N.")
      }
      passed.named[String(parts[0])] = number
    }
    if (inheritedFds || !fd.isEmpty) && host ?? "live" != "live" {
      throw ValidationError("--inherited-fds and --fd are about this machine: they go with --host live.")
    }
    return passed
  }
}

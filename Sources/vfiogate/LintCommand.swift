import ArgumentParser
import Facts
import FrontEnds
import Inputs
import Rules

struct LintCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lint",
    abstract: "Judge QEMU command lines and QMP device_add requests.",
    discussion: """
      A command line may be one shell command, one argument a line, or NUL-separated as in \
      /proc/PID/cmdline. QMP is one command or many, or the arguments of a device_add alone.
      """)

  @Argument(help: "Definitions; - is standard input.")
  var files: [String]
  @Option(help: "How the definitions are written: shell, lines, nul or qmp. By content without this.")
  var input: InputFormat?
  @Option(help: "The command line of the running guest that device_add requests go into.")
  var guest: String?
  @Option(help: "live, none, or a recording that `vfiogate probe --record` made.")
  var host = "live"
  @Option(help: "A released version, a QEMU program's path to start and ask, qmp:PATH of a running one, or none.")
  var qemu = "11.1.3"
  @Option(help: "Assert the ats behaviour instead: v3, 11.1 or none.")
  var behaviour: ATSBehaviour?
  @Option(help: "The least severity that exits 1: error, warning or note.")
  var failOn = Severity.error
  @Option(help: "What an undetermined verdict does: refuse exits 2, warn does not. Refuse, unless --host none.")
  var onUnknown: Lint.OnUnknown?
  @Option(help: "text or json.")
  var format = OutputFormat.text
  @Flag(help: "Say what could not be told, and why.")
  var verbose = false

  func validate() throws {
    if files.isEmpty { throw ValidationError("No definition is named.") }
    if QEMUChoice(qemu) == nil {
      throw ValidationError("--qemu `\(qemu)` is no version (11.1.3), path (/usr/bin/…), qmp:PATH or none.")
    }
  }

  func run() throws {
    guard let qemu = QEMUChoice(qemu) else { return }
    let lint = Lint(
      files: files, guest: guest, input: input, host: HostChoice(host), qemu: qemu, behaviour: behaviour,
      failOn: failOn, onUnknown: onUnknown, format: format, isVerbose: verbose, style: Terminal.style)
    try Terminal.finish(lint.run())
  }
}

extension InputFormat: ExpressibleByArgument {}
extension Severity: ExpressibleByArgument {}
extension Lint.OnUnknown: ExpressibleByArgument {}

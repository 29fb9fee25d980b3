import ArgumentParser
import Common
import Facts
import Glibc
import Launch
import Rules

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Check a QEMU command line, and start it unless it is refused.",
    usage: "vfiogate run [<options>] -- <qemu> <argument> ...",
    discussion: """
      Findings are printed to standard error. A refused command line is not started, and the exit code is 1; \
      otherwise this process becomes QEMU, with its arguments and descriptors unchanged. A QEMU that is \
      started without a machine to query its capabilities, as libvirt does, is started unchecked. With \
      --guard unsafe hot plugs are refused too, from the start until QEMU ends; HMP monitors are named \
      and not guarded.
      """)

  @Option(help: "live, none, or a recording that `vfiogate probe --record` wrote.")
  var host = "live"
  @Option(help: "As for lint. Default: the program to start is queried.")
  var qemu: String?
  @Option(help: "Lowest severity that refuses: error, warning or note.")
  var failOn = "error"
  @Option(help: "Action on an undetermined verdict: refuse exits 2, warn starts QEMU.")
  var onUnknown = "warn"
  @Option(help: "Policy file: allowed findings, and changed severities.")
  var policy: String?
  @Flag(help: "Guard every QMP monitor with a proxy, as `vfiogate proxy` does, at the address that clients expect.")
  var `guard` = false
  @Option(help: "Log of the guards' decisions. Default: standard error.")
  var log: String?
  @Flag(help: "Add a line with the device's name after each ATS warning on QEMU's standard error.")
  var annotate = false
  @Flag(help: "Only print what would be done.")
  var dryRun = false
  @Flag(help: "Print undetermined rules with the reasons, and the prediction for every device.")
  var verbose = false
  @Argument(parsing: .captureForPassthrough, help: "The QEMU program and its arguments.")
  var command: [String] = []

  func validate() throws {
    if let first = command.first, first.hasPrefix("-"), first != "--" {
      // Options that are not known are captured, and with them the request for help.
      if first == "--help" || first == "-h" { throw CleanExit.helpRequest(self) }
      throw ValidationError("Unknown option '\(first)'; QEMU and its arguments come after --.")
    }
    _ = try launch()
  }

  func run() throws { try Terminal.finish(launch().run()) }

  private func launch() throws -> Launch {
    let operands = command.first == "--" ? command.count - 1 : command.count
    guard operands > 0 else { throw ValidationError("No QEMU is named.") }
    // QEMU's arguments are the last of this process's own, and are passed on without a copy.
    var launch = Launch(arguments: CommandLine.unsafeArgv + (Int(CommandLine.argc) - operands))
    launch.qemu = try qemu.map(chosenQEMU)
    launch.policyCheck.host = HostChoice(host)
    launch.policyCheck.failOn = try chosen(failOn, "--fail-on")
    launch.policyCheck.onUnknown = try chosen(onUnknown, "--on-unknown")
    launch.policyCheck.isVerbose = verbose
    launch.policyCheck.style = Terminal.errorStyle
    launch.isAnnotated = annotate
    launch.isGuarded = `guard`
    launch.log = log
    launch.policy = policy
    launch.isDryRun = dryRun
    return launch
  }
}

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
      Findings are printed to standard error. A command line that is refused is not started: the exit code is 1 for \
      findings at or above --fail-on, and 2 for an undetermined verdict with --on-unknown refuse, or when the host \
      or QEMU could not be read or started. Otherwise this process becomes QEMU, and the exit code is QEMU's. \
      Arguments and descriptors are unchanged, except those of monitors with --guard and standard error with \
      --annotate.

      A command line without passthrough is passed on without a check; one with passthrough is rehearsed first, with \
      the program of --qemu: it is started with the same options, stopped and with replacements for the host's \
      devices, and what it refuses is refused. A command line that only asks QEMU for its capabilities (`-machine \
      none`, --version), as libvirt does, is passed on without a check.

      With --guard unsafe hot plugs are refused too, until QEMU ends; --host, --policy and --no-rehearse apply to \
      it. A QMP monitor that cannot be guarded, such as one on TCP, refuses the start with exit code 2; monitors of \
      the human protocol (HMP) are not guarded, and a warning names each.
      """)

  @Option(
    help: "live (this machine), none (read no host), or a recording that `vfiogate probe --record` wrote.",
    completion: .file())
  var host = "live"
  @Option(
    help: """
      QEMU whose behaviour is predicted: a release (7.2, 10.0 or 11.1), the path of a program to query and \
      rehearse, qmp:PATH of a running QEMU, or none if unknown. Only a program is rehearsed. Default: the program to start.
      """,
    completion: .file())
  var qemu: String?
  @Option(help: "Lowest severity that refuses: error, warning or note.", completion: .choices(Severity.self))
  var failOn = "error"
  @Option(help: "Action on an undetermined verdict: refuse (exit code 2) or warn (start QEMU).",
    completion: .choices(OnUnknown.self))
  var onUnknown = "warn"
  @Option(help: "Policy file, which allows findings or changes their severity. Default: no policy.", completion: .file())
  var policy: String?
  @Flag(help: "Do not rehearse the command line.")
  var noRehearse = false
  @Flag(help: "Put a proxy (see `vfiogate proxy`) in front of every QMP monitor, at the address that clients expect.")
  var `guard` = false
  @Option(help: "File for the log of these proxies' decisions. Default: standard error; none with -daemonize.", completion: .file())
  var log: String?
  @Flag(help: "Add a line with the device's name after each ATS warning on QEMU's standard error.")
  var annotate = false
  @Flag(help: "Print what would be done. QEMU is started only to query and rehearse it.")
  var dryRun = false
  @Flag(help: "Print also the rules that could not be determined, with the reasons, and the prediction for every device.")
  var verbose = false
  @Option(help: "Colour the text: auto, always or never.", completion: .choices(Terminal.Color.self))
  var color = "auto"
  @Argument(parsing: .captureForPassthrough, help: "The QEMU program and its arguments.", completion: .file())
  var command: [String] = []

  private var options: RunOptions {
    var options = RunOptions(host: host, failOn: failOn, onUnknown: onUnknown)
    options.qemu = qemu
    options.annotates = annotate
    options.guards = `guard`
    options.rehearses = !noRehearse
    options.policy = policy
    options.log = log
    options.isDryRun = dryRun
    options.isVerbose = verbose
    options.color = color
    options.operands = command.first == "--" ? command.count - 1 : command.count
    return options
  }

  func validate() throws {
    if let first = command.first, first.hasPrefix("-"), first != "--" {
      // Options that are not known are captured, and with them the request for help.
      if first == "--help" || first == "-h" { throw CleanExit.helpRequest(self) }
      throw ValidationError("Unknown option '\(first)'; QEMU and its arguments come after --.")
    }
    _ = try options.launch()
  }

  func run() throws { try Terminal.finish(options.launch().run()) }
}

/// The options of `run`, which are parsed without ArgumentParser where they have no errors. It takes 1 ms, which every
/// guest would wait for: as much as env(1) adds to a start, where the bar is twice that in all (docs/performance.md).
struct RunOptions {
  var host = "live"
  var qemu: String?
  var failOn = "error"
  var onUnknown = "warn"
  var annotates = false
  var guards = false
  var rehearses = true
  var log: String?
  var policy: String?
  var isDryRun = false
  var isVerbose = false
  var color = "auto"
  /// Number of arguments at the end that are QEMU's.
  var operands = 0

  /// - Returns: nil when this is another command, or has an error that ArgumentParser reports.
  static func plain() -> RunOptions? {
    let words = UnsafeBufferPointer(start: CommandLine.unsafeArgv, count: Int(CommandLine.argc))
    guard words.count > 1, let command = words[1], strcmp(command, "run") == 0 else { return nil }
    var options = RunOptions()
    var index = 2
    while index < words.count, let word = words[index], word.pointee == 0x2d {
      index += 1
      if strcmp(word, "--") == 0 { break }
      guard options.take(String(cString: word), words, &index) else { return nil }
    }
    options.operands = words.count - index
    return options.operands > 0 ? options : nil
  }

  /// `--name value`, `--name=value` or a flag.
  private mutating func take(
    _ word: String, _ words: UnsafeBufferPointer<UnsafeMutablePointer<CChar>?>, _ index: inout Int
  ) -> Bool {
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    switch parts[0] {
    case "--annotate" where parts.count == 1: annotates = true
    case "--guard" where parts.count == 1: guards = true
    case "--no-rehearse" where parts.count == 1: rehearses = false
    case "--dry-run" where parts.count == 1: isDryRun = true
    case "--verbose" where parts.count == 1: isVerbose = true
    case "--host", "--qemu", "--fail-on", "--on-unknown", "--log", "--policy", "--color":
      var value = parts.count == 2 ? String(parts[1]) : nil
      if value == nil, index < words.count, let next = words[index] {
        value = String(cString: next)
        index += 1
      }
      guard let value else { return false }
      switch parts[0] {
      case "--host": host = value
      case "--qemu": qemu = value
      case "--fail-on": failOn = value
      case "--log": log = value
      case "--policy": policy = value
      case "--color": color = value
      default: onUnknown = value
      }
    default: return false
    }
    return true
  }

  func launch() throws -> Launch {
    guard operands > 0 else { throw ValidationError("No QEMU is named.") }
    // QEMU's arguments are the last of this process's own, and are passed on without a copy.
    var launch = Launch(arguments: CommandLine.unsafeArgv + (Int(CommandLine.argc) - operands))
    launch.qemu = try qemu.map(chosenQEMU)
    launch.policyCheck.host = HostChoice(host)
    launch.policyCheck.failOn = try chosen(failOn, "--fail-on")
    launch.policyCheck.onUnknown = try chosen(onUnknown, "--on-unknown")
    launch.policyCheck.rehearses = rehearses
    launch.policyCheck.isVerbose = isVerbose
    launch.policyCheck.style = try Terminal.errorStyle(color)
    launch.isAnnotated = annotates
    launch.isGuarded = guards
    launch.log = log
    launch.policy = policy
    launch.isDryRun = isDryRun
    return launch
  }
}

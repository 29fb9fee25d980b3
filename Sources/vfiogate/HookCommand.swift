import ArgumentParser
import Common
import Launch
import Rules

struct HookCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hook", abstract: "Check guests when libvirt or KubeVirt starts them.",
    subcommands: [LibvirtHookCommand.self, KubeVirtHookCommand.self, HookInstallCommand.self])
}

/// Options of all hooks.
struct HookOptions: ParsableArguments {
  @Option(
    help: "live (this machine), none (read no host), or a recording that `vfiogate probe --record` wrote.",
    completion: .file())
  var host = "live"
  @Option(
    help: """
      QEMU whose behaviour is predicted: a release (7.2, 10.0 or 11.1), the path of a program to start and query at \
      each start of a guest, emulator for the program that a libvirt domain names (not with KubeVirt), or none if \
      unknown: whether QEMU accepts a device is then undetermined, and --on-unknown refuse refuses every guest with \
      passthrough.
      """,
    completion: .file())
  var qemu = "none"
  @Option(help: "Lowest severity that refuses: error, warning or note.", completion: .choices(Severity.self))
  var failOn = "error"
  @Option(
    help: "Action on an undetermined verdict: refuse the start, or warn and let it happen.",
    completion: .choices(OnUnknown.self))
  var onUnknown = "warn"

  @Option(help: "Policy file, which allows findings or changes their severity. Default: no policy.", completion: .file())
  var policy: String?

  var asksEmulator: Bool { qemu == "emulator" }

  func policyCheck() throws -> LaunchPolicyCheck {
    var policyCheck = LaunchPolicyCheck(qemu: asksEmulator ? .none : try chosenQEMU(qemu, others: ", emulator"))
    policyCheck.host = HostChoice(host)
    policyCheck.failOn = try chosen(failOn, "--fail-on")
    policyCheck.onUnknown = try chosen(onUnknown, "--on-unknown")
    return policyCheck
  }

  /// The files that the options name.
  var paths: [(option: String, path: String)] {
    get throws {
      var paths = policy.map { [("--policy", $0)] } ?? []
      if case .recording(let path) = HostChoice(host) { paths.append(("--host", path)) }
      if asksEmulator { return paths }
      switch try chosenQEMU(qemu) {
      case .program(let path), .socket(let path): return paths + [("--qemu", path)]
      case .version, .none, .assumed: return paths
      }
    }
  }

  /// The options that differ from their defaults, for a script.
  var words: [String] {
    let given = [("--host", host, "live"), ("--qemu", qemu, "none"), ("--fail-on", failOn, "error"),
      ("--on-unknown", onUnknown, "warn")]
    return given.flatMap { $0.1 == $0.2 ? [] : [$0.0, $0.1] } + (policy.map { ["--policy", $0] } ?? [])
  }
}

struct LibvirtHookCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "libvirt", abstract: "Run as libvirt's QEMU hook.",
    usage: "vfiogate hook libvirt [<options>] <argument> ...",
    discussion: """
      Checks everything in `prepare begin`, checks again in `start begin` what may have changed, and does nothing in \
      every other operation. The domain is read from standard input; nothing is printed on standard output.

      Exit codes in `prepare begin`: 0 libvirt continues, 1 the start is refused because of findings, 2 because of \
      an undetermined verdict with --on-unknown refuse, or because the domain, the host or the policy could not be \
      read. In `start begin` drivers, groups, device nodes and processes that use the devices are checked again, \
      with the same codes, but what cannot be read is printed and does not refuse. Every other operation: 0.
      """)

  @OptionGroup var options: HookOptions
  @OptionGroup var rehearsal: HookRehearsal
  @Argument(help: "GUEST OPERATION SUBOPERATION EXTRA, as libvirt passes them.")
  var arguments: [String] = []

  func validate() throws {
    _ = try options.policyCheck()
    try rehearsal.validate(with: options)
  }

  func run() throws {
    let hook = LibvirtHook(
      arguments: arguments, policyCheck: try options.policyCheck(), policy: options.policy, asksEmulator: options.asksEmulator,
      rehearses: rehearsal.rehearse)
    try Terminal.finish(hook.run(LibvirtHook.standardInput))
  }

  /// Whether the arguments are libvirt's call in an operation in which a failure would kill a running guest or have
  /// no effect. Such a failure is, for example, an option in the script that this version does not know.
  static func mustSucceed(_ arguments: [String]) -> Bool {
    guard arguments.starts(with: ["hook", "libvirt"]) else { return false }
    return arguments.count < 6 || arguments[arguments.count - 3] != "prepare"
  }
}

/// The rehearsal of libvirt's hook.
struct HookRehearsal: ParsableArguments {
  @Flag(
    help: """
      Start the program of --qemu with the domain's machine type and PCI devices too, stopped and without the host's \
      devices, before the guest starts: its refusal refuses the guest. It takes 0.1 s as a rule, and 10 s at most.
      """)
  var rehearse = false

  /// The words that the installed script passes.
  var words: [String] { rehearse ? ["--rehearse"] : [] }

  func validate(with options: HookOptions) throws {
    if !rehearse || options.asksEmulator { return }
    if case .program = try chosenQEMU(options.qemu) { return }
    throw ValidationError("--rehearse needs --qemu with the path of a program, or emulator.")
  }
}

struct KubeVirtHookCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kubevirt", abstract: "Run as KubeVirt's onDefineDomain hook, also when called by that name.",
    usage: "vfiogate hook kubevirt [<options>] --vmi <vmi> --domain <domain>",
    discussion: """
      Exit codes: 0 the domain is printed unchanged, 1 it is refused because of findings, 2 because of an \
      undetermined verdict with --on-unknown refuse, or because something could not be read. Unless it is 0 nothing \
      is printed on standard output, and KubeVirt does not start the guest. The limits, device nodes and processes \
      of QEMU's container are not known to a sidecar, and count as unknown.
      """)

  @OptionGroup var options: HookOptions
  @Option(help: "VirtualMachineInstance as JSON.")
  var vmi: String
  @Option(help: "Domain as libvirt XML; it is printed unchanged to standard output.")
  var domain: String

  func validate() throws {
    _ = try options.policyCheck()
    if options.asksEmulator { throw ValidationError("--qemu emulator: KubeVirt's QEMU is in another container.") }
  }

  func run() throws {
    let check = try options.policyCheck()
    try Terminal.finish(KubeVirtHook(vmi: vmi, domain: domain, policyCheck: check, policy: options.policy).run())
  }
}

struct HookInstallCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "install", abstract: "Write the script by which libvirt calls this program when it starts a guest.",
    usage: "vfiogate hook install [<options>]",
    discussion: """
      An existing script is replaced. The options are written into it, and their paths must be absolute. The policy \
      and the recording are read at each start of a guest, and one that cannot be read refuses every guest. Exit \
      codes: 0 installed, 2 the script could not be written, 64 wrong usage.
      """)

  @OptionGroup var options: HookOptions
  @OptionGroup var rehearsal: HookRehearsal
  @Option(help: "Folder of libvirt's hooks; the script is qemu.d/50-vfiogate in it.")
  var dir = "/etc/libvirt/hooks"

  func validate() throws {
    _ = try options.policyCheck()
    try rehearsal.validate(with: options)
    for (name, path) in try options.paths where !path.hasPrefix("/") {
      throw ValidationError("\(name) `\(path)` is not an absolute path: libvirt runs the hook in another folder.")
    }
  }

  func run() throws { try Terminal.finish(HookInstall(folder: dir, options: options.words + rehearsal.words).run()) }
}

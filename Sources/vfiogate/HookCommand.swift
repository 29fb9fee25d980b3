import ArgumentParser
import Common
import Launch
import Rules

struct HookCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hook", abstract: "Judge guests as libvirt or KubeVirt are about to start them.",
    subcommands: [LibvirtHookCommand.self, KubeVirtHookCommand.self, HookInstallCommand.self])
}

/// What all hooks have in common.
struct HookOptions: ParsableArguments {
  @Option(help: "live, none, or a recording that `vfiogate probe --record` made.")
  var host = "live"
  @Option(help: "A released version, a program's path to start and ask each time, or none: nothing is known of it.")
  var qemu = "none"
  @Option(help: "The least severity that refuses: error, warning or note.")
  var failOn = "error"
  @Option(help: "What an undetermined verdict does: refuse, or warn.")
  var onUnknown = "warn"

  @Option(help: "The policy: what is allowed for which guest, and how bad a finding is.")
  var policy: String?

  func gate() throws -> LaunchPolicyCheck {
    var gate = LaunchPolicyCheck(qemu: try chosenQEMU(qemu))
    gate.host = HostChoice(host)
    gate.failOn = try chosen(failOn, "--fail-on")
    gate.onUnknown = try chosen(onUnknown, "--on-unknown")
    return gate
  }

  /// Those that were given, for a script.
  var words: [String] {
    let given = [("--host", host, "live"), ("--qemu", qemu, "none"), ("--fail-on", failOn, "error"),
      ("--on-unknown", onUnknown, "warn")]
    return given.flatMap { $0.1 == $0.2 ? [] : [$0.0, $0.1] } + (policy.map { ["--policy", $0] } ?? [])
  }
}

struct LibvirtHookCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "libvirt", abstract: "Be libvirt's hook for QEMU guests.",
    discussion: """
      Refuses in `prepare begin`, looks again at who has the devices in `start begin`, and succeeds \
      without a word in every other operation. The domain is read from standard input; nothing is printed \
      on standard output.
      """)

  @OptionGroup var options: HookOptions
  @Argument(help: "GUEST OPERATION SUBOPERATION EXTRA, as libvirt gives them.")
  var arguments: [String] = []

  func validate() throws { _ = try options.gate() }

  func run() throws {
    try Terminal.finish(LibvirtHook(arguments: arguments, gate: options.gate(), policy: options.policy).run(LibvirtHook.standardInput))
  }

  /// Whether the arguments are libvirt's call in an operation in which a failure would kill a running guest
  /// or help nobody, such as for an option in the script that this version does not know.
  static func mustSucceed(_ arguments: [String]) -> Bool {
    guard arguments.starts(with: ["hook", "libvirt"]) else { return false }
    return arguments.count < 6 || arguments[arguments.count - 3] != "prepare"
  }
}

struct KubeVirtHookCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kubevirt", abstract: "Be KubeVirt's onDefineDomain hook, also when called by that name.")

  @OptionGroup var options: HookOptions
  @Option(help: "The VirtualMachineInstance in JSON.")
  var vmi: String
  @Option(help: "The domain in libvirt's XML; it goes to standard output unchanged.")
  var domain: String

  func validate() throws { _ = try options.gate() }

  func run() throws { try Terminal.finish(KubeVirtHook(vmi: vmi, domain: domain, gate: options.gate(), policy: options.policy).run()) }
}

struct HookInstallCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "install", abstract: "Put a script into libvirt's folder of hooks that calls this program.")

  @OptionGroup var options: HookOptions
  @Option(help: "libvirt's folder of hooks.")
  var dir = "/etc/libvirt/hooks"

  func validate() throws { _ = try options.gate() }

  func run() throws { try Terminal.finish(HookInstall(folder: dir, options: options.words).run()) }
}

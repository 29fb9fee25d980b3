import ArgumentParser
import Common
import Facts
import Inputs
import Lint
import Rules

struct LintCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lint",
    abstract: "Check QEMU command lines, device_add requests, libvirt XML and Proxmox configurations.",
    discussion: """
      A command line is a shell command, a shell script that contains one, one argument a line, or NUL-separated as \
      in /proc/PID/cmdline, or a JSON list. QMP is one command, several, the transcript of a session, or the \
      arguments of a device_add alone. libvirt XML is a domain, also inside a snapshot, or a bare hostdev, interface \
      or devices element. Proxmox VE configurations, systemd services, human monitor commands, -readconfig files and \
      libvirt's logs of guests are read too. In a directory, every file whose content is a definition is checked; \
      other files and hidden ones are skipped. All definitions of one run are taken as guests that run at the same \
      time: a device in two of them is an error.

      Exit codes: 2 if a file could not be read, else 1 with findings at or above --fail-on, else 2 with an \
      undetermined verdict (see --on-unknown), else 0; 64 wrong usage. With a folder of recordings: 0 if each \
      definition passes on at least one host.
      """)

  @Argument(help: "Definitions, and directories of definitions; - is standard input.", completion: .file())
  var files: [String]
  @Option(
    help: """
      Input format: shell, lines, nul, json, qmp, hmp, xml, proxmox, readconfig, systemd, libvirt-log, python, yaml or toml. \
      Default: by content.
      """,
    completion: .choices(InputFormat.self))
  var input: String?
  @Option(
    help: """
      Folder from which files that a definition includes may be read too; can be repeated. Default: only the folder of \
      the definition.
      """,
    completion: .directory)
  var followRoot: [String] = []
  @Option(
    help: "File with the command line of the running guest, into which the device_add requests plug.",
    completion: .file())
  var guest: String?
  @Option(
    help: ArgumentHelp(
      """
        live (this machine), none (read no host), a recording that `vfiogate probe --record` wrote, text of `lspci \
        -xxxx -nn -D`, or a folder of recordings for a table of hosts.
        """,
      discussion: "Default: the host that the policy names for the definition, else live."), completion: .file())
  var host: String?
  @Option(help: rootHelp, completion: .directory)
  var root: String?
  @Option(
    help: """
      Policy file, which allows findings or changes their severity; none uses no policy. Default: the .vfiogate.conf \
      next to the definition, or above it up to a named directory.
      """,
    completion: .file())
  var policy: String?
  @Flag(help: "Resolve fd=N in a definition as descriptor N of this process, which QEMU will inherit.")
  var inheritedFds = false
  @Option(help: "NAME=N: resolve fd=NAME, a name that getfd will assign, as descriptor N of this process.")
  var fd: [String] = []
  @Option(help: qemuHelp(default: "the program of --rehearse, else 11.1.3"), completion: .file())
  var qemu: String?
  @Option(
    help: ArgumentHelp(
      "QEMU program that rehearses each definition: a path, or emulator for the program that the definition names.",
      discussion: "Default: the path that --qemu gives; without one nothing is rehearsed."), completion: .file())
  var rehearse: String?
  @Flag(help: "Query the program of --qemu only, and rehearse nothing.")
  var noRehearse = false
  @Option(
    help: """
      Behaviour of the ats property, regardless of --qemu: v3 (the patch as posted), 11.1 (as released), or none (QEMU \
      without it).
      """,
    completion: .choices(ATSBehaviour.self))
  var behaviour: String?
  @Option(help: "Lowest severity that makes the exit code 1: error, warning or note.",
    completion: .choices(Severity.self))
  var failOn = "error"
  @Option(
    help: ArgumentHelp(
      "Effect of an undetermined verdict: refuse (exit code 2) or warn (as if it were safe, but reported).",
      discussion: "Default: refuse, but with --host none warn where only facts of a host are missing."),
    completion: .choices(OnUnknown.self))
  var onUnknown: String?
  @Option(help: "Output format: text, oneline (one line a finding), json, sarif (2.1.0), github (annotations) or junit.",
    completion: .choices(LintFormat.self))
  var format = "text"
  @Option(help: "Lowest severity to print: error, warning or note. Does not affect the exit code; see --fail-on.",
    completion: .choices(Severity.self))
  var minSeverity = "note"
  @Flag(help: "Print only the summary. Requires --format text.")
  var summary = false
  @Flag(help: "Print also the rules that could not be determined, with the reasons, and the findings that the policy allows.")
  var verbose = false

  @Flag(help: "Print the reason (why:) with every finding, not only with the first finding of each rule.")
  var explain = false
  @Option(help: "Colour the text: auto (at a terminal, unless NO_COLOR is set or TERM is dumb), always or never.",
    completion: .choices(Terminal.Color.self))
  var color = "auto"

  func validate() throws { _ = try lint() }

  func run() throws {
    let lint = try lint()
    guard case .recording(let path)? = lint.host, Fleet.isFolder(path) else {
      return try Terminal.finish(lint.run(Terminal.print))
    }
    try Terminal.finish(Fleet(lint, folder: path).run())
  }

  private func lint() throws -> Lint {
    if files.isEmpty { throw ValidationError("No definition is given.") }
    // The word is refused before it serves as the value of --qemu.
    if let rehearse, rehearse != "emulator", !rehearse.contains("/") {
      throw ValidationError("--rehearse `\(rehearse)` is neither a path (/usr/bin/…) nor emulator.")
    }
    var lint = Lint(
      files: files, guest: guest, input: try input.map { try chosen($0, "--input") },
      host: root == nil ? host.map { HostChoice($0) } : try chosenHost(host ?? "live", root),
      qemu: try (qemu ?? (rehearse == "emulator" ? nil : rehearse)).map(chosenQEMU) ?? .assumed,
      behaviour: try behaviour.map { try chosen($0, "--behaviour") },
      failOn: try chosen(failOn, "--fail-on"), onUnknown: try onUnknown.map { try chosen($0, "--on-unknown") },
      format: try chosen(format, "--format"), isVerbose: verbose,
      style: try Terminal.style(color))
    lint.explainsAll = explain
    lint.minSeverity = try chosen(minSeverity, "--min-severity")
    lint.rehearsal = try rehearsal(lint.qemu)
    if summary, lint.format != .text {
      throw ValidationError("--summary requires --format text: the other formats always contain a summary.")
    }
    lint.isSummary = summary
    lint.followRoots = followRoot
    lint.version = Vfiogate.configuration.version
    if let policy { lint.policy = PolicyChoice(policy) }
    lint.descriptors = try passedDescriptors()
    lint.showsProgress = true
    return lint
  }

  private func rehearsal(_ qemu: QEMUChoice) throws -> RehearsalChoice {
    guard let rehearse else {
      if !noRehearse, case .program(let path) = qemu { return .program(path) }
      return .none
    }
    if noRehearse { throw ValidationError("--rehearse and --no-rehearse exclude each other.") }
    return rehearse == "emulator" ? .emulator : .program(rehearse)
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
    _ = try chosenHost(host ?? "live", root)
    if (inheritedFds || !fd.isEmpty) && (host ?? "live" != "live" || root != nil) {
      throw ValidationError("--inherited-fds and --fd are about this machine: they require --host live.")
    }
    return passed
  }
}

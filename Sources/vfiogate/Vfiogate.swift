import ArgumentParser
import Common
import Facts
import Glibc
import Inspect
import Launch
import Lint
import Proxy
import Report

@main
struct Vfiogate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vfiogate",
    abstract: "Predict what QEMU and the kernel will do with a PCI passthrough configuration.",
    discussion: """
      A definition is what starts a guest or plugs a device: a QEMU command line, a QMP request, a libvirt domain, a \
      Proxmox VE configuration. Rules check it against the facts of a host, which are read from this machine (live) \
      or from a recording of it, and each rule that applies gives a finding: an error, a warning or a note. A \
      verdict sums them up: safe, unsafe (at least one error), or undetermined (no error, but a fact that matters is \
      not known). A policy is a file that allows findings or changes their severity. A rehearsal starts QEMU with \
      the definition's options, stopped and with replacements for the host's devices, to see what QEMU itself \
      refuses. ATS is PCI Express Address Translation Services, for which QEMU 11.1 has the property ats.

      Exit codes of lint (the help of each command states its own): 0 no finding at or above the threshold \
      (--fail-on), 1 findings at or above it, 2 a verdict is undetermined (--on-unknown decides whether that counts) \
      or something could not be read, 64 wrong usage.
      """,
    version: "0.1.0",
    subcommands: [
      PredictCommand.self, LintCommand.self, RunCommand.self, HookCommand.self, ProxyCommand.self, ProbeCommand.self,
      ReadyCommand.self, PlanCommand.self, TopologyCommand.self, ExplainCommand.self,
    ])

  static func main() {
    if let options = RunOptions.plain(), let launch = try? options.launch() {
      let answer = launch.run()
      Terminal.print(answer.output)
      Terminal.complain(answer.complaint)
      Glibc.exit(answer.exit.rawValue)
    }
    let words = CommandLine.arguments.dropFirst()
    // KubeVirt calls its hooks by this name.
    let isKubeVirt = CommandLine.arguments.first?.split(separator: "/").last == "onDefineDomain"
    let arguments = isKubeVirt ? ["hook", "kubevirt"] + words : Array(words)
    if let complaint = complaint(about: arguments) {
      Terminal.complain(complaint)
      Glibc.exit(ExitStatus.usage.rawValue)
    }
    do {
      var command = try parseAsRoot(arguments)
      try command.run()
    } catch {
      if LibvirtHookCommand.mustSucceed(arguments), exitCode(for: error) == .validationFailure {
        Terminal.complain("vfiogate: not checked: \(message(for: error))\n")
        Glibc.exit(ExitStatus.clean.rawValue)
      }
      // As exit(withError:), but help that cannot be written is an error.
      let error = misspelt(error, arguments) ?? error
      let (text, code) = (fullMessage(for: error), exitCode(for: error))
      if !text.isEmpty { code.isSuccess ? Terminal.print(text + "\n") : Terminal.complain(withHint(text) + "\n") }
      Glibc.exit(code.rawValue)
    }
  }

  /// The error for an option that does not exist, where the parser complains of a missing argument first.
  private static func misspelt(_ error: any Error, _ arguments: [String]) -> (any Error)? {
    guard message(for: error).hasPrefix("Missing expected argument") else { return nil }
    do {
      _ = try parseAsRoot(arguments + ["0000:00:00.0"] + (arguments.first == "plan" ? ["--for", "qemu"] : []))
      return nil
    } catch {
      return message(for: error).hasPrefix("Unknown option") ? error : nil
    }
  }

  /// The error for a subcommand that does not exist, also below `hook` and `help`; nil for one that does, and for an option.
  private static func complaint(about arguments: [String]) -> String? {
    var command: any ParsableCommand.Type = self
    var path = ["vfiogate"]
    for (index, name) in arguments.enumerated() {
      if index == 0, name == "help" { continue }
      let below = command.configuration.subcommands
      if below.isEmpty || name.hasPrefix("-") { return nil }
      if let next = below.first(where: { $0.configuration.commandName == name }) {
        command = next
        path.append(name)
        continue
      }
      if path.count > 1, name == "help" { return nil }
      let names = below.compactMap { $0.configuration.commandName } + (path.count == 1 ? ["help"] : [])
      let hint = Misspelling.hint(name, among: names), line = path.joined(separator: " ")
      return "Error: There is no command `\(printable((path.dropFirst() + [name]).joined(separator: " ")))`\(hint.isEmpty ? "." : hint)\n"
        + "Usage: \(line) <subcommand>\n  See '\(line) --help' for more information.\n"
    }
    return nil
  }
}

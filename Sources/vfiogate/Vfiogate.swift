import ArgumentParser
import FrontEnds
import Glibc

@main
struct Vfiogate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vfiogate",
    abstract: "Says what QEMU and the kernel will do with a PCI passthrough configuration.",
    discussion: """
      Exit codes: 0 nothing at or above the threshold, 1 findings at or above it, 2 could not look \
      or internal failure, 64 wrong usage.
      """,
    version: "0.1.0",
    subcommands: [PredictCommand.self, LintCommand.self, RunCommand.self, ProbeCommand.self, ExplainCommand.self])

  static func main() {
    let arguments = CommandLine.unsafeArgv
    if CommandLine.argc > 3, let one = arguments[1], let two = arguments[2], strcmp(one, "run") == 0, strcmp(two, "--") == 0 {
      _ = Launch(arguments: arguments + 3).run()
    } else if CommandLine.argc > 1, let one = arguments[1], strcmp(one, "run") == 0 {
      RunCommand.main(Array(CommandLine.arguments.dropFirst(2)))
    } else {
      main(nil)
    }
  }
}

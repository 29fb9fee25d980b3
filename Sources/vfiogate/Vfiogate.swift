import ArgumentParser
import FrontEnds

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
    subcommands: [PredictCommand.self, LintCommand.self, ProbeCommand.self, ExplainCommand.self])
}

import ArgumentParser
import FrontEnds

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Judge a QEMU command line, and start it unless it is refused.")

  @Option(help: "live, none, or a recording that `vfiogate probe --record` made.")
  var host = "live"
  @Option(help: "A released version, a QEMU program's path to start and ask, qmp:PATH of a running one, or none.")
  var qemu: String?
  @Flag(help: "Only say what would be done.")
  var dryRun = false
  @Argument(parsing: .captureForPassthrough, help: "The QEMU program and its arguments.")
  var command: [String] = []

  func run() throws {
    let start = Int(CommandLine.argc) - command.count
    try Terminal.finish(Launch(arguments: CommandLine.unsafeArgv + start).run())
  }
}

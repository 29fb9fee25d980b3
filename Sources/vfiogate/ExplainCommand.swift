import ArgumentParser
import Common
import Inspect

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Print why a rule exists and what to do about it, or list all rules.")

  @Argument(help: "A rule's name.")
  var rule: String?

  func run() throws { try Terminal.finish(Explain.run(rule, Terminal.style)) }
}

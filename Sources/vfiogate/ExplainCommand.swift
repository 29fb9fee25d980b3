import ArgumentParser
import Common
import Inspect

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Explain a rule and its fix, or list all rules.")

  @Argument(help: "Name of a rule.")
  var rule: String?

  func run() throws { try Terminal.finish(Explain.run(rule, Terminal.style)) }
}

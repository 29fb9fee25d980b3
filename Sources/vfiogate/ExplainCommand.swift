import ArgumentParser
import Common
import Inspect

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Explain a rule and its fix, or list all rules.",
    discussion: "A rule is one check of `vfiogate lint`; a finding has its name in brackets, such as error[not-bound].")

  @Argument(help: "Name of a rule. Default: list all rules.", completion: .rules)
  var rule: String?

  @Option(help: "Colour the text: auto, always or never.", completion: .choices(Terminal.Color.self))
  var color = "auto"

  func validate() throws { _ = try Terminal.style(color) }

  func run() throws { try Terminal.finish(Explain.run(rule, Terminal.style(color))) }
}

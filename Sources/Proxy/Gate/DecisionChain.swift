import QMP
import Syntax

/// Several decisions about one command: the next is made when the one before passes it. Only the last may change the command.
final class DecisionChain: CommandDecision {
  private let decisions: [any CommandDecision]
  private var next = 0

  /// Creates a decision of others, in their order.
  init(_ decisions: [any CommandDecision]) { self.decisions = decisions }

  /// The decisions as one; nil for none.
  static func of(_ decisions: [(any CommandDecision)?]) -> ProxyInspection? {
    let given = decisions.compactMap { $0 }
    return given.count > 1 ? .inquire(DecisionChain(given)) : given.first.map { .inquire($0) }
  }

  func proceed(_ answers: [Result<JSON, CommandError>]) -> DecisionStep {
    var answers = answers
    while next < decisions.count {
      let step = decisions[next].proceed(answers)
      guard case .pass(instead: nil) = step else { return step }
      next += 1
      answers = []
    }
    return .pass(instead: nil)
  }

  /// Reports the answer to each.
  func answered(_ reply: Result<JSON, CommandError>) {
    for decision in decisions { decision.answered(reply) }
  }
}

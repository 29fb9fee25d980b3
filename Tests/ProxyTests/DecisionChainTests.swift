import QMP
import Syntax
import XCTest

@testable import Proxy

/// Several decisions about one command.
final class DecisionChainTests: XCTestCase {
  private final class Asking: CommandDecision {
    private(set) var seen: [[JSON?]] = []
    private(set) var replies = 0

    func proceed(_ answers: [Result<JSON, CommandError>]) -> DecisionStep {
      seen.append(answers.map { try? $0.get() })
      return seen.count == 1 ? .ask([Command("query-name")]) : .pass(instead: nil)
    }

    func answered(_ reply: Result<JSON, CommandError>) { replies += 1 }
  }

  func testEachGetsTheAnswersToItsOwnQuestions() {
    let (first, second) = (Asking(), Asking())
    let chain = DecisionChain([first, second])
    for answers: [JSON] in [[], ["one"], ["two"]] {
      let step = chain.proceed(answers.map { .success($0) })
      if case .pass(instead: nil) = step { XCTAssertEqual(answers, ["two"]) }
    }
    XCTAssertEqual(first.seen, [[], ["one"]])
    XCTAssertEqual(second.seen, [[], ["two"]])
    chain.answered(.success([:]))
    XCTAssertEqual([first.replies, second.replies], [1, 1])
  }
}

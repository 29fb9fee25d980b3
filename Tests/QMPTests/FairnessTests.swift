import Syntax
import XCTest

@testable import QMP

/// What one client can do to the others, and to the memory of the proxy.
final class FairnessTests: XCTestCase {
  /// A trial takes up to 3 seconds: another client's plug is tried before the next of the client that had one.
  func testPlugsOfSeveralClientsAreTriedInTurns() throws {
    let filter = TrialFilter()
    let harness = SessionHarness(negotiated: 2, filter: filter)
    for number in 1...2 { harness.send(#"{"execute":"try","id":1}{"execute":"try","id":2}"#, from: number) }
    for _ in 1...4 {
      let trial = try XCTUnwrap(filter.running)
      trial.result = .refuse(CommandError(errorClass: "GenericError", text: "no"))
      harness.settle()
    }
    XCTAssertEqual(filter.order, [1, 2, 1, 2])
    for number in 1...2 { XCTAssertEqual(WireText(harness.text(number)).split("\n").count, 3) }
  }

  func testAClientThatDoesNotReadGetsALimitedNumberOfAnswers() {
    for clients in 1...2 {
      let harness = SessionHarness(negotiated: clients)
      harness.stalled = [1]
      var sent = 0
      while harness.session.wantsInput(of: 1), sent < 200 {
        harness.send(String(repeating: "}", count: 4096))
        sent += 1
      }
      XCTAssertLessThan(sent, 20)
      XCTAssertLessThan(harness.session.clients[0].outbox.byteCount, 2 << 20)
      harness.stalled = []
      harness.settle()
      XCTAssertEqual(WireText(harness.text(1)).split("\n").count - 1, sent * 4096)
    }
  }

  func testDescriptorsThatAClientLeavesAreClosed() {
    let filter = ScriptedFilter()
    filter.left = ["a", "b"]
    let harness = SessionHarness(negotiated: 2, filter: filter)
    harness.session.lost(1)
    harness.settle()
    XCTAssertEqual(harness.commands.count, 2)
    for name in ["a", "b"] { XCTAssert(harness.commands.contains { $0.contains("closefd") && $0.contains("\"\(name)\"") }) }
    XCTAssertEqual(harness.text(2), "")
  }
}

/// A filter that tries each command, one at a time.
private final class TrialFilter: CommandFilter {
  private(set) var order: [Int] = []
  private(set) var running: Trial?

  final class Trial: CommandTrial {
    var result: ProxyInspection?
    let filter: TrialFilter
    let client: Int
    init(_ filter: TrialFilter, _ client: Int) { (self.filter, self.client) = (filter, client) }

    var inspection: ProxyInspection? {
      if filter.running == nil {
        filter.running = self
        filter.order.append(client)
      }
      guard filter.running === self, let result else { return nil }
      filter.running = nil
      return result
    }
  }

  func inspect(_ message: ClientMessage, from client: ProxyPeer) -> ProxyInspection { .wait(Trial(self, client.number)) }
  func clientGone(_ client: ProxyPeer) -> [WireText] { [] }
}

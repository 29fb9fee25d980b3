import Support
import Syntax
import XCTest

@testable import QMP

/// Held decisions, commands out of band, and the end of a session.
final class SessionDecisionTests: XCTestCase {
  private let filter = ScriptedFilter()

  private func harness(
    _ clients: Int, outOfBand: Bool = false, _ change: (inout ProxySession.Options) -> Void = { _ in }
  ) -> SessionHarness {
    let harness = SessionHarness(negotiated: clients, outOfBand: outOfBand, filter: filter, change)
    harness.answers = false
    return harness
  }

  func testADecisionHasQEMUToItself() {
    let harness = harness(2)
    harness.send(#"{"execute":"before","id":1}"#, from: 1)
    harness.send(#"{"execute":"decide","id":2}"#, from: 2)
    harness.send(#"{"execute":"after","id":3}"#, from: 1)
    XCTAssertEqual(harness.commands.count, 1, "the decision waits, and the command after it")
    harness.reply("1")
    XCTAssertEqual(harness.commands.last, #"{"execute":"question","id":"own-1"}"#)
    harness.reply("\"own-1\"")
    XCTAssertEqual(harness.commands.last, #"{"execute":"decide","id":2}"#)
    XCTAssertEqual(harness.text(2), "")
    harness.reply("2")
    XCTAssertEqual(harness.text(2), "{\"return\": {}, \"id\": 2}\r\n")
    XCTAssertEqual(harness.commands.last, #"{"execute":"after","id":3}"#)
    XCTAssertEqual(filter.decisions[0].reply, .success([:]))
    XCTAssertEqual(filter.inspected, ["1:before", "2:decide", "1:after"])
  }

  func testARefusalIsAnsweredInTheOrderOfTheCommands() {
    let harness = harness(1)
    harness.send(#"{"execute":"a","id":1}{"execute":"refuse","id":2}{"execute":"decide-no","id":3}{"execute":"b","id":4}"#)
    XCTAssertEqual(harness.text(), "")
    harness.reply("1")
    harness.reply("\"own-1\"")
    harness.reply("4")
    let ids = harness.text().split(separator: "\r\n").map { $0.contains("error") ? String($0.prefix(8)) : String($0.suffix(8)) }
    XCTAssertEqual(ids, ["\"id\": 1}", "{\"id\": 2", "{\"id\": 3", "\"id\": 4}"])
    XCTAssertFalse(harness.commands.contains { $0.contains("decide") })
  }

  /// One client always has a command in progress.
  func testASteadyClientStarvesNoDecision() {
    let harness = harness(2)
    harness.send(#"{"execute":"steady","id":0}"#, from: 1)
    harness.send(#"{"execute":"decide","id":"d"}"#, from: 2)
    for number in 1...3 { harness.send(#"{"execute":"steady","id":\#(number)}"#, from: 1) }
    harness.reply("0")
    XCTAssertEqual(harness.commands.last, #"{"execute":"question","id":"own-1"}"#)
  }

  /// One client always has the next decision ready.
  func testASteadyDeciderStarvesNoOther() {
    let harness = harness(2)
    for number in 0..<3 { harness.send(#"{"execute":"decide","id":\#(number)}"#, from: 1) }
    harness.send(#"{"execute":"plain","id":"p"}"#, from: 2)
    harness.reply("\"own-1\"")
    harness.reply("0")
    XCTAssert(harness.commands.contains(#"{"execute":"plain","id":"p"}"#))
  }

  func testDecisionsAreMadeInTheirOrder() {
    let harness = harness(3)
    harness.send(#"{"execute":"busy","id":0}"#, from: 1)
    harness.send(#"{"execute":"decide","id":3}"#, from: 3)
    harness.send(#"{"execute":"decide","id":2}"#, from: 2)
    harness.reply("0")
    harness.reply("\"own-1\"")
    XCTAssertEqual(harness.commands.last, #"{"execute":"decide","id":3}"#)
    harness.reply("3")
    harness.reply("\"own-2\"")
    XCTAssertEqual(harness.commands.last, #"{"execute":"decide","id":2}"#)
  }

  /// An out-of-band command may need a decision too.
  func testOneDecisionIsHeldAtATime() {
    let harness = harness(2, outOfBand: true)
    harness.send(#"{"execute":"busy","id":0}"#, from: 1)
    harness.send(#"{"execute":"decide","id":1}"#, from: 1)
    harness.send(#"{"exec-oob":"decide","id":2}"#, from: 2)
    XCTAssertEqual(harness.session.deciding?.peer.number, 1)
    harness.reply("0")
    harness.reply("\"own-1\"")
    harness.reply("1")
    harness.reply("\"own-2\"")
    XCTAssertEqual(harness.commands.last, #"{"exec-oob":"decide","id":2}"#)
    XCTAssertEqual(filter.inspected, ["1:busy", "1:decide", "2:decide"])
    XCTAssertNil(harness.session.end)
  }

  /// The reply to a command that was decided is still its decision's, when its client has gone.
  func testADecisionLearnsTheReplyToACommandWhoseClientHasGone() {
    let harness = harness(2)
    harness.send(#"{"execute":"decide","id":1}"#, from: 1)
    harness.reply("\"own-1\"")
    harness.session.lost(1)
    harness.settle()
    harness.reply("1")
    XCTAssertEqual(filter.decisions[0].reply, .success([:]))
    XCTAssertEqual(filter.gone, [1, 1], "what QEMU accepted after it had gone is forgotten too")
  }

  /// QEMU keeps a descriptor whose command it refused.
  func testDescriptorsThatAClientLeavesInQEMUAreTakenBack() {
    let harness = harness(2)
    harness.send(#"{"execute":"getfd","id":1}"#, descriptors: [Witness().copy()], from: 1)
    harness.receive(#"{"id": 1, "error": {"class": "GenericError", "desc": "no"}}"# + "\r\n")
    harness.session.lost(1)
    harness.settle()
    XCTAssertEqual(harness.commands.filter { $0.contains("vfiogate-stray") }.count, 2)
  }

  /// At each step of its decision; the next client's command gets the next reply.
  func testAClientThatGoesDuringItsDecisionLeavesNoTrace() {
    for step in 0...2 {
      let harness = harness(2)
      if step == 0 { harness.send(#"{"execute":"busy","id":0}"#, from: 2) }
      harness.send(#"{"execute":"decide","id":1}"#, from: 1)
      if step == 2 { harness.reply("\"own-1\"") }
      harness.session.lost(1)
      harness.settle()
      harness.send(#"{"execute":"next","id":"n"}"#, from: 2)
      switch step {
      case 0: harness.reply("0")
      case 1: harness.reply("\"own-1\"")
      default: harness.reply("1")
      }
      harness.reply("\"n\"")
      XCTAssert(harness.text(2).hasSuffix("{\"return\": {}, \"id\": \"n\"}\r\n"), "\(step)")
      XCTAssertNil(harness.session.end)
      XCTAssertEqual(harness.commands.contains { $0.contains("decide") }, step == 2)
    }
  }

  func testAnAnswerToNoCommandEndsTheSession() {
    let late = harness(1)
    late.reply("1")
    XCTAssertEqual(late.session.end, .failed("QEMU sent a reply without a command"))
    let other = harness(1)
    other.send(#"{"execute":"decide","id":1}"#)
    other.reply("\"own-7\"")
    XCTAssertEqual(other.session.end, .failed("QEMU's replies are out of step with its commands"))
  }

  func testAnOutOfBandCommandOvertakesAndARefusedOneIsInspectedOnce() {
    let harness = harness(1, outOfBand: true)
    harness.send(
      #"{"execute":"decide","id":1}{"execute":"a","id":2}{"exec-oob":"refuse-oob","id":3}{"exec-oob":"yank","id":4}"#)
    XCTAssertEqual(harness.commands, [#"{"execute":"question","id":"own-1"}"#, #"{"exec-oob":"yank","id":4}"#])
    for _ in 0..<5 { harness.settle() }
    harness.reply("4")
    XCTAssertEqual(harness.text(), "{\"return\": {}, \"id\": 4}\r\n")
    harness.reply("\"own-1\"")
    harness.reply("1")
    harness.reply("2")
    XCTAssertEqual(filter.inspected.filter { $0 == "1:refuse-oob" }.count, 1)
    XCTAssert(harness.text().hasSuffix("\"desc\": \"no\"}}\r\n"))
  }

  func testAnOutOfBandCommandWaitsForAnotherClientsId() {
    let harness = harness(2, outOfBand: true)
    harness.send(#"{"execute":"a","id":7}"#, from: 1)
    harness.send(#"{"exec-oob":"yank","id":7}"#, from: 2)
    for _ in 0..<3 { harness.settle() }
    XCTAssertEqual(harness.commands.count, 1)
    XCTAssertEqual(filter.inspected, ["1:a", "2:yank"])
    harness.reply("7")
    XCTAssertEqual(harness.text(1), "{\"return\": {}, \"id\": 7}\r\n")
    XCTAssertEqual(harness.commands.count, 2)
    harness.reply("7")
    XCTAssertEqual(harness.text(2), "{\"return\": {}, \"id\": 7}\r\n")
  }

  func testLittleIsReadAheadOfALargeCommand() {
    let harness = harness(1, outOfBand: true)
    harness.send(#"{"execute":"busy"}{"execute":"decide","id":1}"#)
    let large = #"{"execute":"x","id":""# + String(repeating: "x", count: 1 << 16) + "\"}"
    XCTAssert(harness.session.wantsInput(of: 1))
    harness.send(large)
    XCTAssertFalse(harness.session.wantsInput(of: 1))
  }

  func testAStopAnswersWhatIsInProgressAndNothingElse() {
    let harness = harness(1)
    harness.send(#"{"execute":"a","id":1}"#)
    harness.session.stop(at: harness.now)
    harness.send(#"{"execute":"b","id":2}"#)
    XCTAssertEqual(harness.commands.count, 1)
    XCTAssertNil(harness.session.end)
    harness.reply("1")
    XCTAssertEqual(harness.session.end, .stopped)
    XCTAssertEqual(harness.text(), "{\"return\": {}, \"id\": 1}\r\n")
  }

  /// A QEMU that does not answer, a client that does not read, and a QEMU that ends, in each order: one drain time.
  func testAStopTakesOneDrainTime() {
    let drain = ProxySession.Options().drain
    let events: [(SessionHarness) -> Void] = [
      { $0.session.stop(at: $0.now) }, { $0.session.qemuHungUp(at: $0.now) }, { $0.session.qemuEnded() },
      { $0.session.fail("x") },
    ]
    for first in events {
      for second in events {
        let harness = harness(1)
        harness.stalled = [1]
        harness.receive("{\"timestamp\": {\"seconds\": 1}, \"event\": \"X\"}\r\n")
        harness.send(#"{"execute":"a","id":1}"#)
        first(harness)
        harness.settle()
        XCTAssertEqual(harness.session.deadline, harness.now + drain)
        harness.now += drain - .milliseconds(1)
        second(harness)
        harness.settle()
        XCTAssertNil(harness.session.end)
        harness.now += .milliseconds(1)
        harness.settle()
        XCTAssertNotNil(harness.session.end)
      }
    }
  }

  func testAQEMUThatHasEndedIsReadOnceTheClientReads() {
    let harness = harness(1)
    harness.stalled = [1]
    harness.receive("{\"timestamp\": {\"seconds\": 1}, \"event\": \"X\"}\r\n")
    XCTAssert(harness.session.watchesServer)
    harness.session.qemuHungUp(at: harness.now)
    XCTAssertFalse(harness.session.watchesServer, "poll(2) would report it again and again")
    harness.stalled = []
    harness.settle()
    XCTAssert(harness.session.watchesServer)
    harness.session.qemuEnded()
    harness.settle()
    XCTAssertEqual(harness.session.end, .qemuGone(midMessage: false))
  }

  func testTheLastClientsEndIsTheEndWhereNoOtherCanConnect() {
    let harness = harness(1) { $0.endsWithoutClients = true }
    harness.session.inputEnded(of: 1)
    harness.settle()
    XCTAssertEqual(harness.session.end, .clientsGone)
  }
}

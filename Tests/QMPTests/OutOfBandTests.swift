import Support
import Syntax
import XCTest

@testable import QMP

/// Commands out of band: what they overtake, what holds them back, and whose their replies are.
final class OutOfBandTests: XCTestCase {
  private func harness(_ clients: Int, filter: any CommandFilter = UnfilteredCommands()) -> SessionHarness {
    let harness = SessionHarness(negotiated: clients, outOfBand: true, filter: filter)
    harness.answers = false
    return harness
  }

  private static func yank(_ id: Int) -> String { #"{"exec-oob":"yank","id":\#(id)}"# }

  /// A QEMU that does not read gets one message, and little is read ahead.
  func testAQEMUThatDoesNotReadIsNotOvertaken() {
    let harness = harness(1)
    harness.isQEMUStalled = true
    harness.send(#"{"execute":"a"}{"execute":"b"}"#)
    for id in 1...20 { harness.send(Self.yank(id)) }
    XCTAssertEqual(harness.session.toQEMU.byteCount, #"{"execute":"a"}"#.utf8.count)
    XCTAssertFalse(harness.session.wantsInput(of: 1), "8 messages are read ahead")
    harness.isQEMUStalled = false
    harness.settle()
    XCTAssertEqual(harness.commands.count, 22)
  }

  func testOneThatQEMUWouldRefuseKeepsItsPlace() {
    let harness = harness(1)
    harness.send(#"{"execute":"a","id":1}{"execute":5,"id":2}{"exec-oob":"yank","id":3,"more":0}"#)
    XCTAssertEqual(harness.commands.count, 1)
    XCTAssertEqual(harness.text(), "")
    harness.reply("1")
    let lines = WireText(harness.text()).split("\n").map(\.description)
    XCTAssert(lines[2].contains("QMP input member 'more' is unexpected"), lines[2])
  }

  /// Ids are a client's own affair, unless another's reply could be mistaken for its.
  func testAClientMayUseOneIdTwice() {
    for clients in 1...2 {
      let harness = harness(clients)
      harness.send(#"{"execute":"a","id":7}"# + Self.yank(7))
      XCTAssertEqual(harness.commands.count, 2, "\(clients)")
    }
    let alone = harness(1)
    alone.send(#"{"execute":"a"}"# + Self.yank(7) + Self.yank(7))
    XCTAssertEqual(alone.commands.count, 3)
  }

  func testTwoClientsWithOneIdWaitForEachOther() {
    let harness = harness(2)
    harness.send(Self.yank(7), from: 1)
    harness.send(Self.yank(7), from: 2)
    XCTAssertEqual(harness.commands.count, 1)
    harness.reply("7")
    XCTAssertEqual(harness.commands.count, 2)
    harness.reply("7")
    for number in 1...2 { XCTAssertEqual(harness.text(number), "{\"return\": {}, \"id\": 7}\r\n") }
  }

  /// Of an in-band command with the same id the reply could not be distinguished.
  func testCommandsInBandWaitWhereSeveralAreServed() {
    for clients in 1...2 {
      let harness = harness(clients)
      harness.send(Self.yank(7), from: 1)
      harness.send(#"{"execute":"a","id":7}"#, from: clients)
      XCTAssertEqual(harness.commands.count, clients == 1 ? 2 : 1)
      harness.reply("7")
      XCTAssertEqual(harness.commands.count, 2)
    }
  }

  /// Longer than is parsed, and in pieces, while its kind is not decided.
  func testALargeReplyInBandPassesWhole() {
    let harness = harness(1)
    harness.send(#"{"execute":"a","id":1}"# + Self.yank(2))
    let large = "{\"return\": \"" + String(repeating: "x", count: 300_000) + "\", \"id\": 1}\r\n"
    harness.receive(large)
    harness.reply("2")
    XCTAssert(harness.text() == large + "{\"return\": {}, \"id\": 2}\r\n", "\(harness.text().utf8.count) bytes")
    XCTAssertEqual(harness.session.clients[0].outstanding, 0)
  }

  /// An answer to the proxy's own question is read whole, although it could be out of band at first.
  func testALargeAnswerDuringACommandOutOfBandIsRead() {
    let filter = ScriptedFilter()
    let harness = harness(2, filter: filter)
    harness.send(#"{"execute":"decide","id":1}"#, from: 1)
    harness.send(Self.yank(2), from: 2)
    let large = String(repeating: "x", count: 300_000)
    harness.receive("{\"return\": \"" + large + "\", \"id\": \"own-1\"}\r\n")
    XCTAssertEqual(filter.decisions.first?.answers.compactMap { try? $0.get() }, [.string(large)])
    harness.reply("2")
    XCTAssertNil(harness.session.ending)
  }

  /// A reply has the command's id, which may be larger than other replies out of band.
  func testALargeIdIsThatOfTheReply() {
    for clients in 1...2 {
      let harness = harness(clients)
      let id = "\"" + String(repeating: "A", count: 200_000) + "\""
      harness.send(#"{"exec-oob":"yank","id":\#(id)}"#)
      harness.reply(id)
      XCTAssertEqual(harness.text().utf8.count, id.utf8.count + #"{"return": {}, "id": }"#.utf8.count + 2)
      XCTAssertNil(harness.session.ending)
      harness.send(#"{"execute":"a","id":1}"#)
      harness.reply("1")
      XCTAssert(harness.text().hasSuffix("{\"return\": {}, \"id\": 1}\r\n"))
    }
  }

  func testAReplyThatNoCommandHasEndsTheSession() {
    let harness = harness(1)
    harness.send(Self.yank(1))
    harness.receive("{\"return\": {}, \"id\": 2}\r\n")
    XCTAssertEqual(harness.session.ending, .failed("QEMU sent a reply without a command"))
  }

  /// Its reply would be taken for that of the command, whose client would get the other.
  func testACommandWithADecisionSharesItsIdWithNone() {
    for clients in 1...2 {
      let filter = ScriptedFilter()
      let harness = harness(clients, filter: filter)
      harness.send(#"{"execute":"decide","id":7}"#, from: 1)
      harness.send(Self.yank(7), from: clients)
      harness.send(Self.yank(8), from: clients)
      XCTAssertEqual(harness.commands.count, 2, "the question, and what has another id")
      harness.reply("8")
      harness.reply("\"own-1\"")
      XCTAssert(harness.commands.last?.contains("decide") ?? false)
      harness.receive("{\"return\": {\"a\": 1}, \"id\": 7}\r\n")
      XCTAssertEqual(try? filter.decisions[0].reply?.get(), ["a": 1])
      XCTAssert(harness.text(1).contains("\"a\": 1"))
      harness.reply("7")
      XCTAssertNil(harness.session.ending)
    }
  }

  /// A stream of them would otherwise hold back what waits for their replies.
  func testCommandsOutOfBandLetOthersPass() {
    for command in ["a", "decide"] {
      let harness = harness(2, filter: ScriptedFilter())
      harness.send(Self.yank(1), from: 1)
      harness.send(#"{"execute":"\#(command)","id":9}"#, from: 2)
      harness.send(Self.yank(2), from: 1)
      XCTAssertEqual(harness.commands.count, 1, command)
      harness.reply("1")
      XCTAssert(harness.commands[1].contains(command == "a" ? "\"a\"" : "question"), harness.commands[1])
      XCTAssert(harness.commands[2].contains("yank"))
    }
    // Also where the next one is sent before the last is written.
    let stream = harness(2)
    stream.isQEMUStalled = true
    stream.send(Self.yank(1), from: 1)
    stream.send(#"{"execute":"a","id":9}"#, from: 2)
    stream.send(Self.yank(2), from: 1)
    stream.isQEMUStalled = false
    stream.settle()
    stream.reply("1")
    XCTAssertEqual(stream.commands.map { $0.contains("yank") }, [true, false, true])
    // A client that goes holds back nothing.
    let harness = harness(2)
    harness.send(Self.yank(1), from: 1)
    harness.send(#"{"execute":"a","id":9}"#, from: 2)
    harness.session.lost(2)
    harness.send(Self.yank(2), from: 1)
    XCTAssertEqual(harness.commands.count, 2)
  }

  /// As many as QEMU's own queue holds; another client's command waits for all of them.
  func testOfOneClientAFewAreInProgress() {
    let harness = harness(2)
    for id in 1...12 { harness.send(Self.yank(id), from: 1) }
    XCTAssertEqual(harness.commands.count, 8)
    harness.reply("1")
    XCTAssertEqual(harness.commands.count, 9)
  }

  func testADecisionWaitsForRepliesOutOfBand() {
    let filter = ScriptedFilter()
    let harness = harness(1, filter: filter)
    harness.send(Self.yank(7) + #"{"execute":"decide","id":7}"#)
    XCTAssertEqual(harness.commands.count, 1)
    harness.reply("7")
    XCTAssertEqual(harness.commands.count, 2)
  }

  func testAStopWaitsForTheReply() {
    let harness = harness(1)
    harness.send(Self.yank(1))
    harness.session.stop(at: harness.now)
    harness.settle()
    XCTAssertNil(harness.session.end)
    harness.reply("1")
    XCTAssertEqual(harness.text(), "{\"return\": {}, \"id\": 1}\r\n")
    XCTAssertEqual(harness.session.end, .stopped)
  }

  /// Its reply would be taken for that of the next client's.
  func testNoOtherProgramContinuesBeforeTheReplyToAClientThatHasGone() {
    let harness = harness(2)
    harness.send(Self.yank(1), from: 1)
    harness.session.lost(1)
    harness.settle()
    XCTAssertNil(harness.session.stateBetweenMessages)
    harness.reply("1")
    XCTAssertNotNil(harness.session.stateBetweenMessages)
  }
}

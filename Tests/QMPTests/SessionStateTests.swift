import Glibc
import Syntax
import XCTest

@testable import QMP

/// The session between two messages, and its continuation by another program.
final class SessionStateTests: XCTestCase {
  private static let command = #"{"execute":"query-name","id":1}"#

  private func isAtRest(_ harness: SessionHarness) -> Bool { harness.session.stateBetweenMessages != nil }

  /// A session that another has handed over.
  private func continued(_ harness: SessionHarness, clients: Int = 1) throws -> SessionHarness {
    let state = try XCTUnwrap(harness.session.stateBetweenMessages)
    return SessionHarness(continuing: state, clients: clients)
  }

  func testThereIsNoStateWhileAMessageIsInProgress() {
    let harness = SessionHarness(negotiated: 1)
    XCTAssert(isAtRest(harness))

    harness.answers = false
    harness.send(Self.command)
    XCTAssertFalse(isAtRest(harness), "QEMU owes a reply")
    harness.receive(#"{"return": {}, "#)
    XCTAssertFalse(isAtRest(harness), "half a reply has come")
    harness.receive(#""id": 1}"# + "\r\n")
    XCTAssert(isAtRest(harness))

    harness.receive(#"{"event": "#)
    XCTAssertFalse(isAtRest(harness), "half an event has come")
    harness.receive(#""RESUME", "timestamp": {"seconds": 1, "microseconds": 1}}"# + "\r\n")
    XCTAssert(isAtRest(harness))

    harness.isQEMUStalled = true
    harness.send(Self.command)
    XCTAssertFalse(isAtRest(harness), "a command waits for QEMU")
  }

  func testThereIsNoStateWhileAClientHasSomethingToReadOrADescriptorOnItsWay() {
    let harness = SessionHarness(negotiated: 1)
    harness.stalled = [1]
    harness.send(Self.command)
    XCTAssertFalse(isAtRest(harness), "a reply waits for the client")
    harness.stalled = []
    harness.settle()
    XCTAssert(isAtRest(harness))

    harness.send("{", descriptors: [Witness().copy()])
    XCTAssertFalse(isAtRest(harness), "a descriptor belongs to a message that is not complete")
  }

  func testThereIsNoStateBehindAByteThatBeginsNoToken() {
    let harness = SessionHarness(negotiated: 1)
    harness.send([0x01])
    XCTAssertFalse(isAtRest(harness))
    harness.send("\n")
    XCTAssert(isAtRest(harness))
  }

  func testThereIsNoStateWhileADecisionWaits() {
    let filter = ScriptedFilter()
    let harness = SessionHarness(negotiated: 1, filter: filter)
    harness.answers = false
    harness.send(#"{"execute":"decide","id":1}"#)
    XCTAssertFalse(isAtRest(harness))
  }

  func testAPausedSessionTakesNoInputAndNoClient() {
    let harness = SessionHarness(negotiated: 1) { $0.clients = 2 }
    XCTAssert(harness.session.wantsInput(of: 1) && harness.session.wantsClients)
    harness.session.isPaused = true
    XCTAssertFalse(harness.session.wantsInput(of: 1))
    XCTAssertFalse(harness.session.wantsClients)
    // Without its end there would be no state.
    harness.send(#"{"execute":"getfd","#, descriptors: [OwnedDescriptor(open("/dev/null", O_RDONLY))])
    XCTAssert(harness.session.wantsInput(of: 1))
    XCTAssertFalse(isAtRest(harness))
    harness.send(#""arguments":{"fdname":"x"}}{"exec"#)
    XCTAssertFalse(harness.session.wantsInput(of: 1))
    XCTAssert(isAtRest(harness))
    harness.send(#"ute":"query-name"}"#)
    harness.session.isPaused = false
    XCTAssert(harness.session.wantsInput(of: 1) && harness.session.wantsClients)
  }

  func testAMessageCanBeginBeforeAndEndAfter() throws {
    for cut in 0..<Self.command.utf8.count {
      let before = SessionHarness(negotiated: 1)
      before.send(Array(Self.command.utf8)[..<cut])
      let after = try continued(before)
      after.send(Array(Self.command.utf8)[cut...])
      XCTAssertEqual(after.text(), #"{"return": {}, "id": 1}"# + "\r\n", "cut at \(cut)")
    }
  }

  func testTheClientsKeepTheirNegotiation() throws {
    let before = SessionHarness(clients: 3)
    before.send(#"{"execute":"qmp_capabilities","arguments":{"enable":["oob"]}}"#, from: 1)
    before.send(#"{"execute":"qmp_capabilities"}"#, from: 2)
    let after = try continued(before, clients: 3)
    XCTAssertEqual(after.session.connected, [1, 2, 3])
    XCTAssertEqual(after.text(3), "", "no second greeting")
    for number in 1...3 { after.send(#"{"exec-oob":"query-name","id":\#(number)}"#, from: number) }
    XCTAssertEqual(after.commands.count, 1)
    XCTAssert(after.text(2).contains("QMP input member 'exec-oob' is unexpected"), after.text(2))
    after.reply("1")
    XCTAssertEqual(after.text(1), #"{"return": {}, "id": 1}"# + "\r\n")
    after.send(Self.command, from: 3)
    XCTAssert(after.text(3).contains("Expecting capabilities negotiation"), after.text(3))
  }

  func testTheProxysOwnIdsGoOnWhereTheyWere() throws {
    let filter = ScriptedFilter()
    let before = SessionHarness(negotiated: 1, filter: filter)
    before.send(#"{"execute":"decide","id":1}"#)
    let state = try XCTUnwrap(before.session.stateBetweenMessages)
    XCTAssertEqual(state.issued, before.session.issued)
    XCTAssertEqual(SessionHarness(continuing: state, clients: 1).session.issued, state.issued)
    XCTAssertEqual(state.idPrefix, "own-")
  }

  func testAClientThatHasClosedItsSideIsServedToTheEnd() throws {
    let client = SessionState.Client(
      peer: ProxyPeer(number: 4, process: nil, user: nil), isNegotiated: true, hasOutOfBand: false, inputEnded: true, unread: [])
    let state = SessionState(idPrefix: "own-", issued: 0, turn: 0, hasStrayDescriptors: true, clients: [client])
    let after = SessionHarness(continuing: state, clients: 2)
    XCTAssertEqual(after.session.connected, [], "it had nothing left to read")
    XCTAssert(after.commands.contains { $0.contains("closefd") }, "the descriptor that it may have left is taken back")
  }
}

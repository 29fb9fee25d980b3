import Support
import Syntax
import XCTest

@testable import QMP

/// Branches of the session that only unusual moments reach.
final class SessionEdgeTests: XCTestCase {
  private static let event = "{\"timestamp\": {\"seconds\": 1}, \"event\": \"X\"}\r\n"
  private static let no = CommandError(errorClass: "GenericError", text: "no")

  private func harness(_ clients: Int = 1, _ steps: [DecisionStep] = [], _ filter: StepFilter? = nil) -> SessionHarness {
    let harness = SessionHarness(negotiated: clients, filter: filter ?? StepFilter(steps))
    harness.answers = false
    return harness
  }

  func testMessagesOfOneReadAreAnsweredAtOnce() {
    let harness = harness()
    harness.session.receive(Array(#"{"execute":5,"id":1}{"execute":5,"id":2}"#.utf8)[...], from: 1)
    harness.session.advance(at: harness.now)
    XCTAssertEqual(harness.session.write(to: 1)?.bytes.filter { $0 == 0x0a }.count, 2)
  }

  func testAnOnlyClientHasAThousandCommandsInProgress() {
    let harness = harness()
    harness.send(String(repeating: #"{"execute":"a"}"#, count: 1100))
    XCTAssertEqual(harness.commands.count, 1024)
    harness.receive("{\"return\": {}}\r\n")
    XCTAssertEqual(harness.commands.count, 1025)
  }

  func testAnAnswerOfTheProxysOwnWaitsForTheEndOfAnEvent() {
    for text in ["}", #"{"execute":5}"#, #"{"execute":"refuse"}"#, #"{"execute":"decide"}"#] {
      let harness = harness(1, [.refuse(Self.no)])
      harness.receive(String(Self.event.prefix(20)))
      harness.send(text)
      XCTAssertEqual(harness.text(), String(Self.event.prefix(20)), text)
      harness.receive(String(Self.event.dropFirst(20)))
      XCTAssert(harness.text().hasPrefix(Self.event + "{"), "\(text): \(harness.text())")
      XCTAssert(harness.text().contains("error"), text)
    }
  }

  func testAnAnswerOfTheProxysOwnWaitsForReplies() {
    for text in ["}", #"{"execute":5}"#, #"{"execute":"refuse"}"#] {
      let harness = harness()
      harness.send(#"{"execute":"a","id":1}"# + text)
      XCTAssertEqual(harness.text(), "", text)
      harness.reply("1")
      XCTAssert(harness.text().contains("error"), text)
    }
  }

  func testADecisionMayHaveNothingToAsk() {
    let harness = harness(1, [.ask([]), .ask([]), .pass(instead: nil)])
    harness.send(#"{"execute":"decide","id":1}"#)
    XCTAssertEqual(harness.commands, [#"{"execute":"decide","id":1}"#])
  }

  func testADecisionGetsAllAnswersTogether() {
    let filter = StepFilter([.ask([Command("q"), Command("r")]), .pass(instead: nil)])
    let harness = harness(1, [], filter)
    harness.send(#"{"execute":"decide","id":1}"#)
    XCTAssertEqual(harness.commands.count, 2)
    harness.reply("\"own-1\"")
    XCTAssertEqual(filter.decision.answers, [[]])
    harness.receive(#"{"id": "own-2", "error": {"class": "GenericError", "desc": "no"}}"# + "\r\n")
    XCTAssertEqual(filter.decision.answers, [[], [.success([:]), .failure(Self.no)]])
  }

  func testAnErrorOfAnotherIdEndsTheSessionAndTheDecision() {
    for reply in [#"{"return": {}, "id": "own-7"}"#, #"{"id": 1, "error": {"class": "GenericError", "desc": "no"}}"#] {
      let filter = StepFilter([.ask([Command("q")]), .pass(instead: nil)])
      let harness = harness(1, [], filter)
      harness.send(#"{"execute":"decide","id":1}"#)
      harness.receive(reply + "\r\n")
      XCTAssertEqual(harness.session.end, .failed("QEMU's replies are out of step with its commands"))
      XCTAssertEqual(filter.decision.answers.count, 1, "it is not asked to go on")
      XCTAssertEqual(harness.commands.count, 1)
    }
  }

  /// QEMU assigns descriptors to commands that take none (monitor/fds.c).
  func testADecidedCommandThatTakesNoDescriptorGetsNone() {
    let harness = harness(1, [.pass(instead: nil)])
    harness.send(#"{"execute":"decide","id":1}"#, descriptors: [Witness().copy()])
    XCTAssertEqual(harness.commands.count, 1)
    XCTAssertEqual(harness.passed, [])
  }

  func testALargeReplyToAQuestionIsReadAndThatToACommandIsNot() {
    let large = String(repeating: "x", count: 100_000)
    let filter = StepFilter([.ask([Command("q")]), .pass(instead: nil)])
    let harness = harness(1, [], filter)
    harness.send(#"{"execute":"decide","id":1}"#)
    harness.receive(#"{"return": "\#(large)", "id": "own-1"}"# + "\r\n")
    XCTAssertEqual(filter.decision.answers.last, [.success(.string(large))])
    harness.receive(#"{"return": "\#(large)", "id": 1}"# + "\r\n")
    XCTAssertEqual(
      filter.decision.reply, .failure(CommandError(errorClass: "GenericError", text: "the reply is too large to be read")))
    XCTAssertGreaterThan(harness.text().utf8.count, 100_000)
  }

  func testOneClientIsServedToTheEndOfItsCommands() {
    let harness = harness(1, [.refuse(Self.no)])
    harness.stalled = [1]
    harness.isQEMUStalled = true
    harness.send(#"{"execute":"a","id":1}{"execute":"decide","id":2}{"execute":"b","id":3}"#)
    harness.session.inputEnded(of: 1)
    harness.settle()
    XCTAssertEqual(harness.session.connected, [1], "commands wait")
    harness.isQEMUStalled = false
    harness.settle()
    harness.reply("1")
    XCTAssertEqual(harness.session.connected, [1], "QEMU owes a reply")
    harness.reply("3")
    XCTAssertEqual(harness.session.connected, [1], "replies are not read")
    harness.stalled = []
    harness.settle()
    XCTAssertEqual(harness.session.connected, [])
    XCTAssertEqual(WireText(harness.text()).split("\n").count, 4)
  }

  /// The one thing that is left to do: a reply, or a plug that is tried.
  func testAClientThatSendsNoMoreIsKeptForOneThing() {
    for text in [#"{"execute":"a","id":1}"#, #"{"execute":"try","id":1}"#] {
      let harness = harness()
      harness.send(text)
      harness.session.inputEnded(of: 1)
      harness.settle()
      XCTAssertEqual(harness.session.connected, [1], text)
    }
  }

  func testAnOnlyClientThatReadsNothingIsNotDisconnected() {
    let harness = SessionHarness(negotiated: 1) { $0.outboxLimit = 10 }
    harness.stalled = [1]
    harness.receive(Self.event)
    XCTAssertEqual(harness.session.connected, [1])
  }

  func testDescriptorsAreTakenBackOnce() {
    let harness = harness(3)
    harness.send(#"{"execute":"getfd","id":1}"#, descriptors: [Witness().copy()])
    harness.reply("1")
    for number in 1...2 {
      harness.session.lost(number)
      harness.settle()
    }
    XCTAssertEqual(harness.commands.filter { $0.contains("vfiogate-stray") }.count, 2)
  }

  func testNoClientIsAcceptedAboveTheLimitOrWhileItEnds() {
    let full = harness(2)
    XCTAssertFalse(full.session.wantsClients)
    full.send(#"{"execute":"a"}"#)
    full.session.lost(2)
    full.settle()
    XCTAssert(full.session.wantsClients)
    XCTAssert(full.session.wantsInput(of: 1))
    for _ in 0..<2 { full.session.stop(at: full.now) }
    full.settle()
    XCTAssertFalse(full.session.wantsClients)
    XCTAssertFalse(full.session.wantsInput(of: 1))
    XCTAssertEqual(full.notices.filter { if case .stopping = $0 { true } else { false } }.count, 1)
  }

  func testAStopLetsAReplyEnd() {
    let harness = harness()
    harness.send(#"{"execute":"a","id":1}"#)
    harness.receive("{\"return\": {}, ")
    harness.session.stop(at: harness.now)
    harness.settle()
    XCTAssertNil(harness.session.end)
    harness.receive("\"id\": 1}\r\n")
    XCTAssertEqual(harness.text(), "{\"return\": {}, \"id\": 1}\r\n")
    XCTAssertEqual(harness.session.end, .stopped)
  }

  func testTheReasonOfALateEnd() {
    let reasons: [(ProxySession.End, (SessionHarness) -> Void)] = [
      (.stopped, { $0.session.stop(at: $0.now) }), (.qemuGone(midMessage: true), { $0.session.qemuHungUp(at: $0.now) }),
    ]
    for (reason, event) in reasons {
      let harness = harness()
      harness.isQEMUStalled = true
      let witness = Witness()
      var given: OwnedDescriptor? = witness.copy()
      let number = given?.number ?? -1
      harness.send(#"{"execute":"getfd"}"#, descriptors: [given].compactMap { $0 })
      given = nil
      event(harness)
      harness.settle()
      XCTAssertNil(harness.session.end)
      XCTAssertNil(harness.session.stateBetweenMessages)
      XCTAssert(Witness.isOpen(number))
      harness.now += ProxySession.Options().drain
      harness.settle()
      XCTAssertEqual(harness.session.end, reason)
      XCTAssertFalse(Witness.isOpen(number), "what waits for QEMU is dropped")
    }
  }

  func testAQEMUThatHasHungUpIsNotHandedOver() {
    let harness = harness()
    harness.session.qemuHungUp(at: harness.now)
    XCTAssertNil(harness.session.stateBetweenMessages)
  }

  /// More than is read at once.
  func testNothingIsForwardedBehindAnInvalidMessage() {
    for text in [String(repeating: "nonsense", count: 30_000), "{\"return\": {}}\r\n"] {
      let harness = harness()
      harness.receive(text + Self.event)
      guard case .failed? = harness.session.end else { return XCTFail("\(String(describing: harness.session.end))") }
      XCTAssertEqual(harness.text(), "")
    }
  }

  func testEventsAreForClientsThatHaveNegotiated() {
    let harness = SessionHarness(clients: 2)
    harness.send(#"{"execute":"qmp_capabilities"}"#, from: 2)
    for number in 1...2 { _ = harness.take(number) }
    harness.receive(Self.event)
    XCTAssertEqual(harness.text(1), "")
    XCTAssertEqual(harness.text(2), Self.event)
  }

  /// With the last of its messages in one read, once; and an event for several gives them to none.
  func testDescriptorsOfQEMUHaveOneReceiver() {
    for clients in 1...2 {
      let harness = harness(clients)
      harness.stalled = [1, 2]
      harness.session.receiveFromQEMU(Array((Self.event + Self.event).utf8)[...], descriptors: [Witness().copy()])
      var counts: [Int] = []
      while let write = harness.session.write(to: 1) {
        counts.append(write.descriptors.count)
        harness.session.wrote(write.bytes.count, to: 1)
      }
      XCTAssertEqual(counts, clients == 1 ? [0, 1] : [0])
    }
  }

  func testBytesBehindADescriptorAreAWriteOfTheirOwn() {
    var outbox = Outbox()
    outbox.add([1], descriptors: [Witness().copy()])
    outbox.add([2])
    outbox.add([3])
    XCTAssertEqual(outbox.next.map { Array($0.bytes) }, [1])
    outbox.wrote(1)
    XCTAssertEqual(outbox.next.map { Array($0.bytes) }, [2, 3])
  }

  func testTheFilterLearnsThatADeviceMayBeGone() {
    func event(_ data: String, _ name: String = "DEVICE_DELETED") -> String {
      "{\"timestamp\": {\"seconds\": 1}, \"event\": \"\(name)\", \"data\": {\(data)}}\r\n"
    }
    let gone = event(#""device": "v", "path": "/machine/peripheral/v""#)
    let rows: [([String], [String?])] = [
      ([Self.event], []), ([gone], ["v"]), ([String(gone.prefix(40)), String(gone.dropFirst(40))], [nil, nil]),
      ([event(#""path": "/machine/peripheral-anon/device[1]""#)], [nil]),
      ([event(#""device": "v", "path": "DEVICE_DELETED""#, "X")], [nil]),
    ]
    for (pieces, ids) in rows {
      let filter = StepFilter([])
      let harness = harness(1, [], filter)
      pieces.forEach(harness.receive)
      XCTAssertEqual(filter.deletions, ids, "\(pieces)")
    }
  }

  /// A trial logs its refusal when it is asked.
  func testATrialIsAskedOnceForItsDecision() {
    let filter = StepFilter([])
    let harness = harness(1, [], filter)
    harness.send(#"{"execute":"a","id":1}{"execute":"try","id":2}"#)
    filter.trial.result = .refuse(Self.no)
    for _ in 0..<3 { harness.settle() }
    XCTAssertEqual(harness.text(), "")
    harness.reply("1")
    XCTAssert(harness.text().hasSuffix("\"desc\": \"no\"}}\r\n"), harness.text())
    XCTAssertEqual(filter.trial.decided, 1)
  }

  func testThereIsNoStateWhileAPlugIsTried() {
    let harness = harness()
    harness.send(#"{"execute":"try","id":1}"#)
    XCTAssertNil(harness.session.stateBetweenMessages)
  }
}

/// A filter whose one decision has the steps of a test, and that refuses and tries commands by their name.
private final class StepFilter: CommandFilter {
  let decision: StepDecision
  let trial = OneTrial()
  private(set) var deletions: [String?] = []
  init(_ steps: [DecisionStep]) { decision = StepDecision(steps) }

  func inspect(_ message: ClientMessage, from client: ProxyPeer) -> ProxyInspection {
    switch message.command {
    case "decide": .inquire(decision)
    case "refuse": .refuse(CommandError(errorClass: "GenericError", text: "no"))
    case "try": .wait(trial)
    default: .pass
    }
  }

  func clientGone(_ client: ProxyPeer) -> [WireText] { [] }
  func deviceGone(_ id: WireText?) { deletions.append(id?.description) }
}

/// A trial that ends when a test says so.
private final class OneTrial: CommandTrial {
  var result: ProxyInspection?
  private(set) var decided = 0

  var inspection: ProxyInspection? {
    if result != nil { decided += 1 }
    return result
  }
}

private final class StepDecision: CommandDecision {
  private var steps: [DecisionStep]
  private(set) var answers: [[Result<JSON, CommandError>]] = []
  private(set) var reply: Result<JSON, CommandError>?
  init(_ steps: [DecisionStep]) { self.steps = steps }

  func proceed(_ answers: [Result<JSON, CommandError>]) -> DecisionStep {
    self.answers.append(answers)
    return steps.removeFirst()
  }

  func answered(_ reply: Result<JSON, CommandError>) { self.reply = reply }
}

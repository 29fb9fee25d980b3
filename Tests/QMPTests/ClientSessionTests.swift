import QMP
import Support
import Syntax
import XCTest

final class ClientSessionTests: XCTestCase {
  static let greeting = #"{"QMP": {"version": {"qemu": {"micro": 3, "minor": 1, "major": 11}, "package": ""}, "#
    + #""capabilities": ["oob"]}}"# + "\r\n"

  private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  /// A session that has negotiated; its next command is vfiogate-2.
  private func ready(wantsOutOfBand: Bool = false) -> ClientSession {
    var session = ClientSession(wantsOutOfBand: wantsOutOfBand)
    _ = session.receive(bytes(Self.greeting + #"{"return": {}, "id": "vfiogate-1"}"#))
    _ = session.takeTransmissions()
    guard case .ready = session.state else {
      XCTFail("\(session.state)")
      return session
    }
    return session
  }

  private func sentText(_ session: inout ClientSession) -> [String] {
    session.takeTransmissions().map { String(decoding: $0.bytes, as: UTF8.self) }
  }

  func testStatesInOrderFromGreetingToReady() {
    var session = ClientSession()
    XCTAssertEqual(session.state, .expectingGreeting)
    XCTAssertEqual(session.awaiting, "the greeting")
    XCTAssertEqual(sentText(&session), [], "a client speaks second")
    let occurrences = session.receive(bytes(Self.greeting))
    guard case .negotiating(let greeting) = session.state else { return XCTFail("\(session.state)") }
    XCTAssertEqual(occurrences, [.greeted(greeting)])
    XCTAssertEqual(session.awaiting, "the reply to `qmp_capabilities`")
    XCTAssertEqual(sentText(&session), [#"{"execute":"qmp_capabilities","id":"vfiogate-1"}"# + "\n"])
    XCTAssertEqual(session.receive(bytes(#"{"return": {}, "id": "vfiogate-1"}"#)), [.ready])
    XCTAssertEqual(session.state, .ready(greeting, outOfBand: false))
    XCTAssertNil(session.awaiting)
  }

  func testCommandsAreRefusedBeforeReady() {
    var session = ClientSession()
    XCTAssertThrowsError(try session.send(Command("stop"))) {
      XCTAssertEqual($0 as? ClientSession.Refusal, .notReady)
    }
    _ = session.receive(bytes(Self.greeting))
    XCTAssertThrowsError(try session.send(Command("stop")))
    XCTAssertEqual(session.outstanding.map(\.name), ["qmp_capabilities"])
  }

  func testRepliesAreMatchedByIDInAnyOrder() throws {
    var session = ready()
    let first = try session.send(Command("query-status"))
    let second = try session.send(Command("query-name"))
    XCTAssertEqual(session.outstanding.map(\.name), ["query-status", "query-name"])
    XCTAssertEqual(
      session.receive(bytes(#"{"return": 2, "id": "vfiogate-3"}{"return": 1, "id": "vfiogate-2"}"#)),
      [.replied(second, .success(2)), .replied(first, .success(1))])
    XCTAssertEqual(session.outstanding, [])
  }

  func testErrorRepliesBelongToTheirCommandAndTheSessionGoesOn() throws {
    var session = ready()
    let id = try session.send(Command("nope"))
    XCTAssertEqual(
      session.receive(bytes(#"{"id": "vfiogate-2", "error": {"class": "CommandNotFound", "desc": "no"}}"#)),
      [.replied(id, .failure(CommandError(errorClass: "CommandNotFound", text: "no")))])
    XCTAssertNoThrow(try session.send(Command("query-status")))
  }

  func testEventsBetweenRepliesAreDeliveredInTheStreamsOrder() throws {
    var session = ready()
    let id = try session.send(Command("cont"))
    let stream = #"{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "RESUME"}"#
      + #"{"return": {}, "id": "vfiogate-2"}"#
      + #"{"timestamp": {"seconds": 3, "microseconds": 4}, "event": "STOP", "data": {"a": []}}"#
    XCTAssertEqual(session.receive(bytes(stream)), [
      .event(Event(name: "RESUME", data: nil, seconds: 1, microseconds: 2)),
      .replied(id, .success([:])),
      .event(Event(name: "STOP", data: ["a": []], seconds: 3, microseconds: 4)),
    ])
  }

  func testAnErrorWithoutIDEndsTheSessionAndKeepsWhatIsOutstanding() throws {
    var session = ready()
    _ = try session.send(Command("device_add"))
    let error = CommandError(errorClass: "GenericError", text: "1:1: JSON parse error")
    let closure = ClientSession.Closure.violation(.errorWithoutID(error))
    let stream = #"{"error": {"class": "GenericError", "desc": "1:1: JSON parse error"}}"#
      + #"{"return": {}, "id": "vfiogate-2"}"#
    XCTAssertEqual(session.receive(bytes(stream)), [.closed(closure)], "nothing after it counts")
    XCTAssertEqual(session.state, .closed(closure))
    XCTAssertEqual(session.outstanding.map(\.name), ["device_add"])
    XCTAssertEqual(sentText(&session), [], "nothing more is to be sent")
    XCTAssertThrowsError(try session.send(Command("query-status")))
  }

  func testUnknownIDsAreIgnored() throws {
    var session = ready()
    let id = try session.send(Command("query-status"))
    let ids: [(String, JSON?)] = [
      (#", "id": "other-2""#, "other-2"), (#", "id": 2"#, 2), (#", "id": null"#, .null),
      (#", "id": {"a": "vfiogate-2"}"#, ["a": "vfiogate-2"]), (#", "id": "vfiogate-9""#, "vfiogate-9"),
      ("", nil),
    ]
    for (text, unknown) in ids {
      XCTAssertEqual(session.receive(bytes("{\"return\": 1\(text)}")), [.ignored(id: unknown)])
    }
    XCTAssertEqual(
      session.receive(bytes(#"{"id": 5, "error": {"class": "C", "desc": "d"}}"#)), [.ignored(id: 5)])
    XCTAssertEqual(session.receive(bytes(#"{"return": 1, "id": "vfiogate-2"}"#)), [.replied(id, .success(1))])
    XCTAssertEqual(
      session.receive(bytes(#"{"return": 1, "id": "vfiogate-2"}"#)), [.ignored(id: "vfiogate-2")],
      "a second answer is no answer")
  }

  func testAnythingButAGreetingAtFirstEndsTheSession() {
    for text in [#"{"return": {}}"#, #"{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "STOP"}"#] {
      var session = ClientSession()
      let excerpt = String(text.prefix(60)) + (text.utf8.count > 60 ? "…" : "")
      XCTAssertEqual(session.receive(bytes(text)), [.closed(.violation(.notAGreeting(text: excerpt)))])
    }
    var session = ClientSession()
    let occurrences = session.receive(bytes("QEMU 7.2.22 monitor - type 'help' for more\r\n(qemu) "))
    guard case .closed(.violation(.notJSON(_, text: "QEMU")))? = occurrences.first else {
      return XCTFail("\(occurrences)")
    }
  }

  func testASecondGreetingEndsTheSession() {
    var session = ready()
    XCTAssertEqual(session.receive(bytes(Self.greeting)), [.closed(.violation(.secondGreeting))])
  }

  func testRefusedNegotiationEndsTheSession() {
    var session = ClientSession(wantsOutOfBand: true)
    _ = session.receive(bytes(Self.greeting))
    let text = "Parameter 'null' does not accept value 'oob'"
    let reply = "{\"id\": \"vfiogate-1\", \"error\": {\"class\": \"GenericError\", \"desc\": \"\(text)\"}}"
    XCTAssertEqual(
      session.receive(bytes(reply)),
      [.closed(.negotiationRefused(CommandError(errorClass: "GenericError", text: text)))])
  }

  func testOutOfBandIsNegotiatedOnlyWhenWantedAndOffered() throws {
    var session = ClientSession(wantsOutOfBand: true)
    _ = session.receive(bytes(Self.greeting))
    XCTAssertEqual(
      sentText(&session),
      [#"{"execute":"qmp_capabilities","arguments":{"enable":["oob"]},"id":"vfiogate-1"}"# + "\n"])
    _ = session.receive(bytes(#"{"return": {}, "id": "vfiogate-1"}"#))
    _ = try session.send(Command("query-yank", isOutOfBand: true))
    XCTAssertEqual(sentText(&session), [#"{"exec-oob":"query-yank","id":"vfiogate-2"}"# + "\n"])

    var plain = ClientSession(wantsOutOfBand: true)
    let greeting = Self.greeting.replacingOOB()
    _ = plain.receive(bytes(greeting + #"{"return": {}, "id": "vfiogate-1"}"#))
    XCTAssertEqual(sentText(&plain), [#"{"execute":"qmp_capabilities","id":"vfiogate-1"}"# + "\n"])
    XCTAssertThrowsError(try plain.send(Command("query-yank", isOutOfBand: true))) {
      XCTAssertEqual($0 as? ClientSession.Refusal, .outOfBandNotNegotiated)
    }
    XCTAssertEqual(plain.outstanding, [], "a refused command is not outstanding")
  }

  func testDescriptorsGoWithTheirOwnCommandsBytesAndNoOthers() throws {
    var session = ready()
    _ = try session.send(Command("query-status"))
    _ = try session.send(Command("getfd", ["fdname": "dev"], descriptors: [7, 8]))
    _ = try session.send(Command("query-name"))
    let transmissions = session.takeTransmissions()
    XCTAssertEqual(transmissions.map(\.descriptors), [[], [7, 8], []])
    XCTAssertEqual(
      String(decoding: transmissions[1].bytes, as: UTF8.self),
      #"{"execute":"getfd","arguments":{"fdname":"dev"},"id":"vfiogate-3"}"# + "\n")
    XCTAssertEqual(session.takeTransmissions(), [], "taken once")
  }

  func testAMessageBeyondTheLimitEndsTheSession() {
    var session = ClientSession(frameLimit: 300)
    _ = session.receive(bytes(Self.greeting + #"{"return": {}, "id": "vfiogate-1"}"# + "\r\n"))
    let occurrences = session.receive(bytes("{\"return\": \"" + String(repeating: "x", count: 300)))
    guard case .closed(.violation(.framing(.tooLarge(limit: 300, _))))? = occurrences.last else {
      return XCTFail("\(occurrences)")
    }
  }

  func testTheEndInTheMiddleOfAMessageSaysHowMuchOfItCame() {
    var session = ready()
    _ = session.receive(bytes("\r\n{\"return\""))
    XCTAssertEqual(session.receiveEnd(), [.closed(.byPeer(unfinished: 9))])
    XCTAssertEqual(session.receiveEnd(), [], "once")
  }

  func testIDsUseThePrefixThatWasGiven() throws {
    var session = ClientSession(prefix: "own#")
    _ = session.receive(bytes(Self.greeting + #"{"return": {}, "id": "own#1"}"#))
    XCTAssertEqual(try session.send(Command("stop")).text, "own#2")
  }
}

extension String {
  fileprivate func replacingOOB() -> String { split(separator: "\"oob\"").joined() }
}

import Support
import Syntax
import XCTest

@testable import QMP

/// The proxy's core without sockets: every chunking, and every fault at every point.
final class ProxySessionTests: XCTestCase {
  private static let talk =
    #"{"execute":"qmp_capabilities"} {"execute":"query-name","id":1}{"execute":"x","arguments":{"a":[1,"}"]},"id":2} } {"execute":5}"#
    + #"{"execute":"query-name","id":3}"#
  private static let answer =
    SessionHarness.greeting + "{\"return\": {}}\r\n{\"return\": {}, \"id\": 1}\r\n{\"return\": {}, \"id\": 2}\r\n"
    + #"{"error": {"class": "GenericError", "desc": "1:112: JSON parse error, expecting value"}}"# + "\r\n"
    + #"{"error": {"class": "GenericError", "desc": "QMP input member 'execute' must be a string"}}"# + "\r\n"
    + "{\"return\": {}, \"id\": 3}\r\n"

  private func split(_ bytes: [UInt8]) -> [[ArraySlice<UInt8>]] {
    (0...bytes.count).map { [bytes[..<$0], bytes[$0...]] } + [bytes.indices.map { bytes[$0...$0] }]
  }

  func testAClientsMessagesMayBeSplitAnywhere() {
    for pieces in split(Array(Self.talk.utf8)) {
      let harness = SessionHarness()
      for piece in pieces { harness.send(piece) }
      XCTAssertEqual(harness.text(), Self.answer, "\(pieces[0].count)")
      XCTAssertEqual(harness.commands.count, 3)
    }
  }

  func testQEMUGetsTextThatIsWrittenFromTheValue() {
    let harness = SessionHarness(negotiated: 1)
    var bytes: [UInt8] = []
    harness.answers = false
    harness.isQEMUStalled = true
    harness.send("{ \"execute\" : \"query\\u002dname\", \"id\":[ 1E0,\"\u{e9}\" ,18446744073709551615] }")
    while let write = harness.session.writeToQEMU {
      bytes += write.bytes
      harness.session.wroteToQEMU(write.bytes.count)
    }
    XCTAssertEqual(
      String(decoding: bytes, as: UTF8.self), #"{"execute":"query-name","id":[1.0,"\u00E9",18446744073709551615]}"#)
  }

  func testAQEMUsMessagesMayBeSplitAnywhere() {
    let bytes = Array(
      ("{\"timestamp\": {\"seconds\": 1}, \"event\": \"X\"}\r\n{\"return\": {}, \"id\": 1}\r\n"
        + "{\"timestamp\": {\"seconds\": 2}, \"event\": \"Y\"}\r\n{\"return\": [\"{\"]}\r\n").utf8)
    for pieces in split(bytes) {
      let harness = SessionHarness(negotiated: 2)
      harness.answers = false
      harness.send(#"{"execute":"a","id":1}"#, from: 1)
      harness.send(#"{"execute":"b"}"#, from: 2)
      for piece in pieces {
        harness.session.receiveFromQEMU(piece)
        harness.settle()
      }
      let all = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n").map(String.init)
      XCTAssertEqual(harness.text(1), [all[0], all[1], all[2]].map { $0 + "\r\n" }.joined())
      XCTAssertEqual(harness.text(2), [all[0], all[2], all[3]].map { $0 + "\r\n" }.joined())
    }
  }

  func testAClientThatGoesAnywhereIsForgottenWithItsDescriptors() {
    let bytes = Array(Self.talk.utf8)
    for length in 0...bytes.count {
      for isHalfClosed in [false, true] {
        let filter = ScriptedFilter()
        let harness = SessionHarness(clients: 2, filter: filter)
        harness.answers = false
        let witness = Witness()
        var given: OwnedDescriptor? = witness.copy()
        let number = given?.number ?? -1
        harness.session.receive(bytes[..<length], descriptors: given.map { [$0] } ?? [], at: max(0, length - 1), from: 1)
        given = nil
        harness.settle()
        if isHalfClosed { harness.session.inputEnded(of: 1) } else { harness.session.lost(1) }
        harness.settle()
        // QEMU owes at most the replies to what it got.
        for _ in 0..<10 {
          if harness.session.inFlight.isEmpty { break }
          let id = harness.session.inFlight.all.first
          if case .own(let own)? = id { harness.reply("\"\(own.text)\"") } else { harness.receive("{\"return\": {}}\r\n") }
        }
        XCTAssertEqual(harness.session.connected, [2], "\(length)")
        XCTAssertEqual(filter.gone, [1])
        XCTAssertFalse(Witness.isOpen(number), "\(length)")
        harness.send(#"{"execute":"qmp_capabilities"}{"execute":"query-name","id":"still"}"#, from: 2)
        harness.reply("\"still\"")
        XCTAssert(harness.text(2).hasSuffix("{\"return\": {}, \"id\": \"still\"}\r\n"), "\(length)")
      }
    }
  }

  func testAQEMUThatEndsAnywhereEndsTheSession() {
    let bytes = Array("{\"timestamp\": {\"seconds\": 1}, \"event\": \"X\"}\r\n{\"return\": {}, \"id\": 1}\r\n".utf8)
    let ends = Set(bytes.indices.filter { bytes[$0] == 0x0a }.map { $0 + 1 } + [0])
    for length in 0...bytes.count {
      let harness = SessionHarness(negotiated: 1)
      harness.answers = false
      harness.send(#"{"execute":"a","id":1}"#)
      harness.session.receiveFromQEMU(bytes[..<length])
      harness.session.qemuEnded()
      harness.settle()
      XCTAssertEqual(harness.session.end, .qemuGone(midMessage: !ends.contains(length)), "\(length)")
      XCTAssertEqual(harness.session.connected, [])
    }
  }

  func testOneMessageWaitsForAQEMUThatDoesNotRead() {
    let harness = SessionHarness(negotiated: 3)
    harness.isQEMUStalled = true
    for number in 1...3 { harness.send(#"{"execute":"query-name","id":\#(number)}{"execute":"later"}"#, from: number) }
    XCTAssertEqual(harness.session.writeToQEMU?.bytes.count, 31)
    XCTAssertFalse(harness.session.wantsInput(of: 2))
    // Byte by byte, and all six arrive, the clients in turn.
    for _ in 0..<400 {
      harness.write(toQEMU: 1)
      harness.settle()
    }
    XCTAssertEqual(harness.commands.map { $0.contains("query-name") }, [true, true, true, false, false, false])
    for number in 1...3 { XCTAssert(harness.text(number).hasPrefix("{\"return\": {}, \"id\": \(number)}\r\n")) }
  }

  func testAQEMUThatCannotBeWrittenIsStillRead() {
    let harness = SessionHarness(negotiated: 1)
    harness.answers = false
    harness.send(#"{"execute":"quit"}"#)
    harness.session.qemuUnwritable()
    harness.send(#"{"execute":"lost"}"#)
    harness.receive("{\"return\": {}}\r\n")
    XCTAssertEqual(harness.text(), "{\"return\": {}}\r\n")
    XCTAssertEqual(harness.commands.count, 1)
  }

  func testQEMUWaitsForTheOnlyClientAndNotForOneOfSeveral() {
    for clients in 1...2 {
      let harness = SessionHarness(negotiated: clients)
      harness.stalled = [1]
      harness.receive("{\"timestamp\": {\"seconds\": 1}, \"event\": \"X\"}\r\n")
      XCTAssertEqual(harness.session.wantsServerInput, clients > 1)
      harness.stalled = []
      harness.settle()
      XCTAssert(harness.session.wantsServerInput)
    }
  }

  func testOneOfSeveralThatReadsNothingIsDisconnectedAtTheLimit() {
    let harness = SessionHarness(negotiated: 2) { $0.outboxLimit = 200 }
    harness.stalled = [1]
    for _ in 0..<5 { harness.receive("{\"timestamp\": {\"seconds\": 1}, \"event\": \"X\"}\r\n") }
    XCTAssertEqual(harness.session.connected, [2])
    XCTAssert(harness.notices.contains { if case .closed = $0 { true } else { false } })
  }

  /// Descriptors of each kind of message, and of none.
  func testDescriptorsWithoutAUseAreClosed() {
    for (text, isPassed) in [
      (" ", false), ("}", false), (#"{"execute":5}"#, false), (#"{"execute":"x"}"#, false),
      (#"{"execute":"getfd"}"#, true), (#"{"exec"#, false),
      (#"{"id":""# + String(repeating: "x", count: ClientStream.sizeLimit) + "\"}", false),
    ] {
      let harness = SessionHarness(negotiated: 1)
      let witness = Witness()
      var given: OwnedDescriptor? = witness.copy()
      let number = given?.number ?? -1
      harness.send(text, descriptors: [given].compactMap { $0 })
      given = nil
      XCTAssertEqual(harness.passed, isPassed ? [number] : [], text)
      harness.session.lost(1)
      harness.settle()
      XCTAssertFalse(Witness.isOpen(number), text)
    }
  }

  func testADescriptorOfARefusedTextIsNotThatOfTheNextCommand() {
    for text in ["}", #"{"execute":5}"#, "\u{1}"] {
      let harness = SessionHarness(negotiated: 1)
      harness.send(text, descriptors: [Witness().copy()])
      harness.send(#"{"execute":"getfd"}"#)
      XCTAssertEqual(harness.passed, [], text)
      XCTAssertEqual(harness.commands.count, 1)
    }
  }

  func testADescriptorTravelsAloneWithItsCommand() {
    let harness = SessionHarness(negotiated: 1)
    harness.answers = false
    let witness = Witness()
    harness.send(#"{"execute":"a"}"#)
    harness.send(#"{"execute":"getfd"}"#, descriptors: [witness.copy()])
    harness.send(#"{"execute":"b"}"#)
    XCTAssertEqual(harness.commands, [#"{"execute":"a"}"#])
    harness.receive("{\"return\": {}}\r\n")
    XCTAssertEqual(harness.passed.count, 1)
    XCTAssertEqual(harness.commands.last, #"{"execute":"getfd"}"#)
    harness.receive("{\"return\": {}}\r\n")
    XCTAssertEqual(harness.commands.last, #"{"execute":"b"}"#)
    XCTAssertFalse(Witness.isOpen(harness.passed[0]))
  }

  func testAQEMUsDescriptorsGoToTheClientOfTheMessage() {
    let harness = SessionHarness(negotiated: 1)
    harness.stalled = [1]
    let witness = Witness()
    harness.session.receiveFromQEMU(Array("{\"timestamp\": 1, \"event\": \"X\"}\r\n".utf8)[...], descriptors: [witness.copy()])
    harness.settle()
    XCTAssertEqual(harness.session.write(to: 1)?.descriptors.count, 1)
    harness.session.wrote(1, to: 1)
    XCTAssertEqual(harness.session.write(to: 1)?.descriptors.count, 0, "they went with the first byte")
  }

  func testAQEMUsDescriptorsAreClosedWhenItsBytesAreNotQMP() {
    for text in ["nonsense\r\n", "{\"return\": {}}\r\nx"] {
      let harness = SessionHarness(negotiated: 1)
      let witness = Witness()
      var given: OwnedDescriptor? = witness.copy()
      let number = given?.number ?? -1
      harness.session.receiveFromQEMU(Array(text.utf8)[...], descriptors: [given].compactMap { $0 })
      given = nil
      harness.settle()
      XCTAssertFalse(Witness.isOpen(number))
      guard case .failed? = harness.session.end else { return XCTFail("\(text): \(String(describing: harness.session.end))") }
    }
  }

  func testAClientMayNotHoardDescriptors() {
    let harness = SessionHarness(negotiated: 2)
    let witness = Witness()
    for count in [253, 1] {
      XCTAssertEqual(harness.session.connected, [1, 2])
      harness.send("{", descriptors: (0..<count).map { _ in witness.copy() })
    }
    XCTAssertEqual(harness.session.connected, [2])
  }

  func testADescriptorIsClosedOnceHoweverManyHoldIt() {
    let witness = Witness()
    var first: OwnedDescriptor? = witness.copy()
    let number = first?.number ?? -1
    var others = [first, first]
    first = nil
    XCTAssert(Witness.isOpen(number))
    // Another close of the number would fail here, and elsewhere close the descriptor of another file.
    errno = 0
    others = []
    XCTAssertEqual(errno, 0)
    XCTAssertFalse(Witness.isOpen(number))
    // The number belongs to another file now, which nothing closes.
    XCTAssertEqual(dup2(witness.descriptor.number, number), number)
    XCTAssertEqual(others.count, 0)
    XCTAssert(Witness.isOpen(number))
    close(number)
  }

  /// QEMU answers in order: what one client has sent ahead delays all others.
  func testAClientMayNotQueueCommandsBeforeTheOthers() {
    let harness = SessionHarness(negotiated: 2)
    harness.answers = false
    for id in 1...6 { harness.send(#"{"execute":"query-qmp-schema","id":\#(id)}"#) }
    harness.send(#"{"execute":"query-name","id":7}"#, from: 2)
    XCTAssertEqual(harness.commands.suffix(3).map { WireText($0).contains("query-name") }, [false, false, true])
    for id in [1, 2] { harness.reply("\(id)") }
    XCTAssertEqual(harness.commands.suffix(2).map { WireText($0).contains("query-qmp-schema") }, [true, true])
    harness.reply("7")
    for id in 3...6 { harness.reply("\(id)") }
    XCTAssert(harness.text(2).hasSuffix("\"id\": 7}\r\n"), harness.text(2))
    XCTAssertEqual(WireText(harness.text()).split("\n").count, 7)
  }

  func testAnOnlyClientQueuesAsItLikes() {
    let harness = SessionHarness(negotiated: 1)
    harness.answers = false
    let before = harness.commands.count
    for id in 1...6 { harness.send(#"{"execute":"query-name","id":\#(id)}"#) }
    XCTAssertEqual(harness.commands.count - before, 6)
  }
}

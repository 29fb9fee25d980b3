import QMP
import Support
import Syntax
import XCTest

/// The proxy's state machines, without sockets.
final class ProxyStreamTests: XCTestCase {
  private func items(_ text: String, tellsPlace: Bool = true, _ chunking: Chunking = .whole) -> [String] {
    var stream = ClientStream(tellsPlace: tellsPlace)
    var found: [String] = []
    for piece in chunking.cut(Array(text.utf8)) {
      stream.append(piece)
      while let item = stream.next() {
        switch item {
        case .message(let message): found.append("+" + String(decoding: message.bytes, as: UTF8.self))
        case .refused(let words): found.append("-" + words)
        }
      }
    }
    return found
  }

  func testAMessageThatNeverEndsIsRefusedOnceAndNotKept() {
    var stream = ClientStream(tellsPlace: true)
    var refusals = 0
    stream.append([UInt8(ascii: "\"")][...])
    for _ in 0..<64 {
      stream.append([UInt8](repeating: 0x78, count: 1 << 16)[...])
      while stream.next() != nil { refusals += 1 }
      XCTAssertLessThanOrEqual(stream.bytesHeld, ClientStream.sizeLimit + 1)
    }
    XCTAssertEqual(refusals, 1)
  }

  func testDescriptorsAreForTheCommandsThatTakeThem() throws {
    for (name, takes) in [("getfd", true), ("add-fd", true), ("closefd", false), ("query-status", false)] {
      let message = ClientMessage(bytes: [], json: ["execute": .string(name)])
      XCTAssertEqual(message.takesDescriptor, takes, name)
    }
    XCTAssertFalse(ClientMessage(bytes: [], json: ["exec-oob": "getfd"]).takesDescriptor)
  }

  /// Texts and places as QEMU 11.1.3 gave them.
  func testComplaintsAreThoseOf11_1() {
    let rows: [(String, [String])] = [
      (#"{"execute":"query-name","id":1,}"#, ["-1:32: JSON parse error, expecting key"]),
      ("\nhello\n", ["-2:1: JSON parse error, invalid keyword 'hello'"]),
      (#"{"execute" "query-name"}"#, ["-1:12: JSON parse error, expecting ':'"]),
      (#"{"execute":"query-name" "id":1}"#, ["-1:25: JSON parse error, expected ',' or '}'"]),
      (#"{"a":1,"a":2}"#, ["-1:12: JSON parse error, duplicate key"]),
      (#"{"a":1,"\u0061":2}"#, ["-1:17: JSON parse error, duplicate key"]),
      (#"{"execute":"query-name","id":"\ud800"}"#, [#"-1:30: JSON parse error, \ud800 is not a valid Unicode character"#]),
      (#"{"execute":"query-name","id":"\uffff"}"#, [#"-1:30: JSON parse error, \uffff is not a valid Unicode character"#]),
      (#"["\uDBFF\uDFFF"]"#, [#"-1:2: JSON parse error, \uDBFF\uDFFF is not a valid Unicode character"#]),
      (#"["\uD83F\uDFFE"]"#, [#"-1:2: JSON parse error, \uD83F\uDFFE is not a valid Unicode character"#]),
      (#"["\uD83D\uDFFE"]"#, [##"+["\uD83D\uDFFE"]"##]), (#"["\uD83F\uDFFD"]"#, [##"+["\uD83F\uDFFD"]"##]),
      (#"["\uD800\u0041"]"#, [#"-1:2: JSON parse error, \uD800 is not a valid Unicode character"#]),
      (#"["\uDC00"]"#, [#"-1:2: JSON parse error, \uDC00 is not a valid Unicode character"#]),
      (#"["\u-000"]"#, [#"-1:2: JSON parse error, \u-000 is not a valid Unicode character"#]),
      (#"["\u+000"]"#, [#"-1:2: JSON parse error, \u+000 is not a valid Unicode character"#]),
      (#"["\u12g4"]"#, [#"-1:2: JSON parse error, \u12g4 is not a valid Unicode character"#]),
      (#"["\u00"]"#, [#"-1:2: JSON parse error, \u00" is not a valid Unicode character"#]),
      (#"{"execute":"query-name","id":7.}"#, ["-1:30: JSON parse error, stray '7.}'"]),
      ("]]", ["-1:1: JSON parse error, expecting value", "-1:2: JSON parse error, expecting value"]),
      (
        #"{"a": @ , "b":{"c":1}}"#,
        [
          "-1:7: JSON parse error, stray '@'", "-1:10: JSON parse error, expecting value", "+\"b\"",
          "-1:14: JSON parse error, expecting value", #"+{"c":1}"#, "-1:22: JSON parse error, expecting value",
        ]
      ),
      (
        #"{'execute':'device_add'}"#,
        [
          "-1:2: JSON parse error, stray '''", "-1:12: JSON parse error, expecting value",
          "-1:12: JSON parse error, stray '''", "-1:25: JSON parse error, expecting value",
        ]
      ),
    ]
    for (text, expected) in rows {
      for chunking in Chunking.allCases { XCTAssertEqual(items(text, chunking), expected, text) }
    }
  }

  func testLimitsHaveNoPlace() {
    let deep = String(repeating: "[", count: 600) + String(repeating: "]", count: 600)
    XCTAssertEqual(items(deep), ["-JSON nesting depth limit exceeded"])
    XCTAssertEqual(items("\"" + String(repeating: "x", count: ClientStream.sizeLimit) + "\""), ["-JSON token size limit exceeded"])
    for (more, isRefused) in [(0, false), (1, true)] {
      let text = "\"" + String(repeating: "x", count: ClientStream.sizeLimit - 2 + more) + "\""
      XCTAssertEqual(items(text) == ["-JSON token size limit exceeded"], isRefused, "\(more) bytes above the limit")
      XCTAssertEqual(items(text) == ["+" + text], !isRefused, "\(more) bytes above the limit")
    }
  }

  func testIntegersUpTo64BitsAreAcceptedAndTheirBytesKept() {
    let text = #"{"execute":"x","id":18446744073709551615}"#
    XCTAssertEqual(items(text), ["+" + text])
  }

  func testIntegersThatQEMUsLexerRefusesAreRefused() {
    let text = #"{"execute":"x","id":[18446744073709551615,018446744073709551615],"arguments":{"execute":"quit"}}"#
    XCTAssertEqual(items(text).first, "-1:43: JSON parse error, stray '01'")
    XCTAssertFalse(items(text).contains { $0.hasPrefix("+") && $0.contains("quit") })
  }

  /// Bytes that are part of other tokens.
  func testAByteThatBeginsNoTokenIsStray() {
    for byte in ["T", "X", "+", "."] {
      XCTAssertEqual(items("{\"execute\": \(byte)1}").first, "-1:13: JSON parse error, stray '\(byte)'")
    }
  }

  /// Text that looks like a marked integer, written with an escape, beside a wide one.
  func testTextIsNeverReadAsAWideInteger() throws {
    let message = try JSON.parse(#"{"id":18446744073709551615,"fd":"\u007564-0-5","g":"u64-0-5"}"#)
    XCTAssertEqual(message["id"], .unsigned(.max))
    XCTAssertEqual(message["fd"], "u64-0-5")
    XCTAssertEqual(message["g"], "u64-0-5")
  }

  func testQEMUGetsTextThatReadsBackAsTheSameValue() throws {
    for text in [
      #"{"execute":"x","id":18446744073709551615}"#, #"[-9223372036854775808,0,1.5,1e5,-0.0,1e-300,123456789012345678901234567890]"#,
      #"["\u0000","é\n","\ud83d\ude00","\"\\/"]"#, #"{"b":1,"a":{"d":null,"c":[true,false]}}"#, "1e100", "{}", "[]",
    ] {
      let value = try JSON.parse(text)
      let canonical = value.canonicalBytes
      XCTAssertEqual(try JSON.parse(canonical), value, text)
      XCTAssert(canonical.allSatisfy { 0x20..<0x7f ~= $0 }, text)
    }
    let spaced = try JSON.parse(#"{ "b" : [1e5, 2] , "a":"é" }"#)
    XCTAssertEqual(String(decoding: spaced.canonicalBytes, as: UTF8.self), #"{"b":[100000.0,2],"a":"\u00E9"}"#)
  }

  func testRepliesAreLaidOutAsQEMUDoes() {
    let reply = LocalReply(error: CommandError(errorClass: "GenericError", text: "é\"\n"), id: ["z": .real(1.5), "a": [2]], isPretty: false)
    XCTAssertEqual(
      String(decoding: reply.bytes, as: UTF8.self),
      #"{"id": {"a": [2], "z": 1.5}, "error": {"class": "GenericError", "desc": "\u00E9\"\n"}}"# + "\r\n")
    XCTAssertEqual(
      String(decoding: LocalReply(id: nil, isPretty: true).bytes, as: UTF8.self), "{\r\n    \"return\": {\r\n    }\r\n}\r\n")
  }

  func testQEMUsTextIsWhatItRecorded() throws {
    for name in try Fixture.names(in: "qmp/replies") where !name.contains("pretty") {
      let text = try Fixture.text("qmp/replies/" + name)
      let bytes = Array(text.utf8)
      // Twice: members of one bucket come out newest first, so once more puts them back.
      let twice = try JSON.parse(try JSON.parse(bytes).qemuText()).qemuText()
      XCTAssertEqual(twice, text.filter { $0 != "\r\n" && $0 != "\n" }, name)
    }
  }

  /// The server's stream is cut alike in whatever pieces it comes, pretty or not.
  func testTheServersMessagesAreCutAtTheirEnds() throws {
    for name in ["greeting.11.1.3.json", "greeting-pretty.11.1.3.json"] {
      let message = try Fixture.bytes("qmp/replies/" + name)
      let event = Array("{\"timestamp\": {\"seconds\": 1}, \"event\": \"X\"}\r\n".utf8)
      let reply = Array("{\r\n    \"return\": {\r\n    }\r\n}\r\n".utf8)
      let all = message + event + reply + event
      for chunking in Chunking.allCases {
        var stream = ServerStream()
        var kinds: [ServerStream.Kind] = []
        var joined: [UInt8] = []
        for piece in chunking.cut(all) {
          _ = stream.receive { room in
            room.copyBytes(from: piece)
            return piece.count
          }
          for found in try stream.pieces() {
            joined += stream.buffer[found.range]
            if found.isEnd { kinds.append(found.kind) }
          }
        }
        XCTAssertEqual(kinds, [.greeting, .event, .reply, .event], "\(name) \(chunking)")
        XCTAssertEqual(String(decoding: joined, as: UTF8.self), String(decoding: all, as: UTF8.self), "\(name) \(chunking)")
      }
    }
  }
}

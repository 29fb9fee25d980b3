import CLinux
import Common
import Glibc
import Proxy
import Support
import XCTest

/// A client receives through the proxy what it receives without, byte for byte, on real QEMU.
final class ProxyTransparencyTests: XCTestCase {
  /// The same bytes to QEMU itself and through the proxy; timestamps aside, the same answers.
  private func compare(
    _ pieces: [String], pretty: Bool = false, oneByOne: Bool = false, on lab: (program: String, arguments: [String])? = nil,
    file: StaticString = #filePath, line: UInt = #line
  ) throws {
    let directory = try TemporaryDirectory()
    let qemu = try RealQEMU.start(in: directory, pretty: pretty, program: lab?.program, more: lab?.arguments ?? [])
    defer { qemu.end() }
    let direct = RawClient(adopting: try RealQEMU.connect(directory, second: true))
    let proxy = try ProxyHarness(qemu: try RealQEMU.connect(directory))
    let proxied = try proxy.connect()
    // With pretty=on a message ends with a line of its own.
    let isEnd: (String) -> Bool = { $0 == "}" || ($0.hasPrefix("{") && $0 != "{") }
    XCTAssertEqual(try proxied.text(through: isEnd), try direct.text(through: isEnd), "greeting", file: file, line: line)
    for (index, piece) in pieces.enumerated() {
      let mark = "mark \(index)\""
      for client in [direct, proxied] {
        if oneByOne {
          for byte in piece.utf8 { try client.send([byte]) }
        } else {
          try client.send(piece)
        }
      }
      // The piece may have any number of answers; that of the mark is the last.
      let answers = try [direct, proxied].map { client in
        try client.send("\n{\"execute\":\"query-name\",\"id\":\"\(mark)}")
        var isMarked = false
        return try client.text { line in
          isMarked = isMarked || line.contains(mark)
          return isMarked && isEnd(line)
        }
      }
      XCTAssertEqual(Self.withoutTimes(answers[1]), Self.withoutTimes(answers[0]), piece, file: file, line: line)
    }
    proxy.stop()
  }

  private static func withoutTimes(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      guard let at = line.firstRange(of: "seconds\": ") else { return String(line) }
      return String(line[..<at.upperBound])
    }.joined(separator: "\n")
  }

  static let beforeNegotiation = [
    #"{"execute":"query-version"}"#, #"{"execute":"nope","id":1}"#, #"{"id":7}"#, #"{"execute":5,"id":[1]}"#,
    #"{"execute":"query-name","foo":1,"id":3}"#, #"{"exec-oob":"query-name","id":1}"#,
    #"{"execute":"qmp_capabilities","arguments":[],"id":4}"#,
    #"{"execute":"qmp_capabilities","arguments":{"enable":"oob"}}"#,
    #"{"execute":"qmp_capabilities","arguments":{"enable":["bogus"]}}"#,
    #"{"execute":"qmp_capabilities","arguments":{"enable":[5]}}"#,
    #"{"execute":"qmp_capabilities","arguments":{"enable":[],"x":1},"id":null}"#,
    #"[1]"#, #"{"a":1,"b":2}"#,
  ]

  static let afterNegotiation = [
    #"{"execute":"qmp_capabilities"}"#, #"{"execute":"query-status"}"#,
    #"{"execute":"query-status","id":1}{"execute":"query-status","id":2}"#,
    #"{"execute":"nope","id":1}"#, #"{"id":7}"#, "{}", #"{"execute":"query-name","foo":1,"id":3}"#,
    "[1]\n", "\"x\"", "null ", "42 ", "1 2 3 ", #"{"execute":42,"id":1}"#, #"{"execute":"query-name","arguments":[],"id":1}"#,
    #"{"execute":"query-name","arguments":{"x":1},"id":1}"#, #"{"execute":"query-name","id":[1,{"a":2,"execute":3}]}"#,
    #"{"execute":"query-name","id":{"z":1,"a":[2]}}"#, #"{"execute":"query-name","id":1.50}"#,
    #"{"execute":"query-name","id":1e3}"#, #"{"execute":"query-name","id":12345678901234567890}"#,
    #"{"execute":"query-name","id":"\u00e9\ud83d\ude00\u0001\u007f"}"#, #"{"execute":"query-name","id":0.1}"#,
    #"{"exec-oob":"query-name","id":1}"#, #"{"execute":"query-name","exec-oob":"query-name","id":1}"#,
    #"{"execute":"query-name","execute":"query-status","id":1,"id":2}"#, #"{"execute":"query-name","id":1,}"#,
    "hello\n", "hello {\"execute\":\"query-name\",\"id\":\"g\"}", "}", "]]", #"{"execute":%s}"#, "%p", "// x\n",
    #"{"execute":"query-name","id":tru}"#, #"{"execute":"query-name","id":true1}"#, #"{"execute" "query-name"}"#,
    #"{"execute":"query-name" "id":1}"#, "{1:2}", #"{"execute":"query-name","id":"a\qb"}"#,
    #"{"execute":"query-name","id":"\ud800"}"#, #"{"execute":"query-name","id":"\uffff"}"#,
    #"{"execute":"query-name","id":"\u12"}"#, #"{"a": @ , "b":{"c":1}}"#, "\u{c}{\"execute\":\"query-name\",\"id\":\"ff\"}",
    "\u{a0}{\"execute\":\"query-name\"}", #"{"exec\u0075te":"query-name","id":1}"#,
    #"{"execute":"query-name\u0000zzz","id":1}"#, #"{"execute":"cont","id":"c"}"#, #"{"execute":"stop"}"#,
    #"{"execute":"device_add","arguments":{"driver":"nope"},"id":"d"}"#,
    #"{"execute":"human-monitor-command","arguments":{"command-line":"info version"}}"#,
    #"{"execute":"query-commands","id":"big"}"#,
  ]

  func testEveryAnswerBeforeNegotiationIsQEMUs() throws { try compare(Self.beforeNegotiation) }

  func testEveryAnswerIsQEMUs() throws {
    try compare([#"{"execute":"qmp_capabilities","id":{"a":[],"b":{}}}"#] + Self.afterNegotiation)
  }

  /// QEMU 11.1 tells line and column of what it does not take.
  func testEveryAnswerIsThatOfTheLabsQEMU() throws {
    let lab = try RealQEMU.lab()
    let places = [#"{"a":true]"#, #"{"a":1 ]"#, #"[1 2]"#, "[tru]", "@@ @{}", "x {\"a\":@}]", #"[true"a"]"#, #"{"a":1"b":2}"#]
    try compare(
      Self.beforeNegotiation + [#"{"execute":"qmp_capabilities","id":{"a":[],"b":{}}}"#] + Self.afterNegotiation + places,
      on: lab)
  }

  func testOutOfBandIsQEMUs() throws {
    try compare([
      #"{"execute":"qmp_capabilities","arguments":{"enable":["oob"]}}"#, #"{"exec-oob":"query-yank","id":1}"#,
      #"{"exec-oob":"query-name","id":2}"#, #"{"execute":"query-name","exec-oob":"query-name","id":1}"#,
      #"{"exec-oob":"query-yank"}"#, #"{"exec-oob":7,"id":1}"#,
    ])
  }

  func testAPrettyMonitorsAnswersAreQEMUs() throws {
    try compare(Self.beforeNegotiation + [#"{"execute":"qmp_capabilities","id":{"a":[],"b":{}}}"#] + Self.afterNegotiation, pretty: true)
  }

  func testOneByteAtATime() throws {
    try compare(
      [#"{"execute":"qmp_capabilities"}"#, #"{"execute":"query-status","id":"a{\"}"}"#, #"{"a": @ }"#, "[1]", "null\n"],
      oneByOne: true)
  }
}

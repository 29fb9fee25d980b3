import Glibc
import Support
import Syntax
import XCTest

@testable import Proxy

/// A log that never waits, and lines that are short, printable and limited in number.
final class ProxyLogTests: XCTestCase {
  private var ends: [Int32] = [-1, -1]

  override func setUp() {
    signal(SIGPIPE, SIG_IGN)
    XCTAssertEqual(pipe(&ends), 0)
    _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
  }

  override func tearDown() { for end in ends where end >= 0 { close(end) } }

  /// The bytes that the log's reader gets now.
  private func read() -> String {
    var text: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(ends[0], &piece, piece.count)
      guard count > 0 else { return String(decoding: text, as: UTF8.self) }
      text += piece[..<count]
    }
  }

  func testAReaderThatStallsHoldsUpNothingAndMissesACountedNumberOfLines() throws {
    let log = ProxyLog(descriptor: ends[1])
    let text = JSON.string(String(repeating: "x", count: 1000))
    let lines = 1000
    for _ in 0..<lines { log.write(.info, "event", [.init("text", text)]) }
    XCTAssertNotNil(log.waitsForReader)
    var got = read()
    while log.waitsForReader != nil {
      log.flush()
      got += read()
    }
    for _ in 0..<2 { log.write(.info, "last") }
    got += read()
    let events = got.split(separator: "\n")
    let written = events.filter { $0.contains(" event ") }.count
    XCTAssertGreaterThan(written, 100)
    XCTAssertLessThan(written, lines)
    XCTAssert(events.contains { $0.hasSuffix("dropped lines=\(lines - written)") }, "\(written) \(events.suffix(2))")
    XCTAssertEqual(events.count { $0.contains(" dropped ") }, 1, "they are reported once")
    XCTAssert(events.last?.hasSuffix("info last") == true)
  }

  func testNothingIsDroppedForAReaderThatReads() {
    let log = ProxyLog(descriptor: ends[1])
    var got = ""
    for _ in 0..<400 {
      log.write(.info, "event", [.init("text", .string(String(repeating: "x", count: 1000)))])
      got += read()
    }
    XCTAssertEqual(got.split(separator: "\n").count { $0.contains(" event ") }, 400)
  }

  func testAReaderThatHasGoneEndsNothing() {
    signal(SIGPIPE, SIG_DFL)
    defer { signal(SIGPIPE, SIG_IGN) }
    let log = ProxyLog(descriptor: ends[1])
    close(ends[0])
    ends[0] = -1
    for _ in 0..<3 { log.write(.info, "event") }
    XCTAssertNil(log.waitsForReader)
  }

  func testASocketIsNotWaitedFor() {
    var pair: [Int32] = [-1, -1]
    XCTAssertEqual(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair), 0)
    defer { for end in pair { close(end) } }
    let log = ProxyLog(descriptor: pair[1])
    for _ in 0..<2000 { log.write(.info, "event", [.init("text", .string(String(repeating: "x", count: 1000)))]) }
    XCTAssertNotNil(log.waitsForReader)
    XCTAssertEqual(fcntl(pair[1], F_GETFL) & O_NONBLOCK, 0, "others may write there too")
  }

  func testNothingUnprintableReachesTheLog() {
    let nasty = "a\u{1b}[2J\u{7f}\u{9b}31m\u{202e}b\u{2066}\u{200f}\u{2028}\n\r\0\u{e000}é"
    for format in ProxyLog.Format.allCases {
      let log = ProxyLog(descriptor: ends[1], format: format)
      log.write(.info, "event", [.init("text", .string(nasty)), .init(nasty, [.init(stringLiteral: nasty), ["k": .string(nasty)]])])
      let line = read()
      XCTAssert(line.hasSuffix("\n"))
      let bad = line.dropLast().unicodeScalars.filter { scalar in
        [.control, .format, .lineSeparator, .paragraphSeparator, .privateUse].contains(scalar.properties.generalCategory)
      }
      XCTAssertEqual(bad.count, 0, "\(format): \(bad.map { String($0.value, radix: 16) })")
      XCTAssert(line.contains("\\u202e") || line.contains("\\u202E"))
      if format == .json { XCTAssertEqual(try JSON.parse(line)["text"]?.string, nasty) }
    }
  }

  func testALineHasALimit() throws {
    let long = JSON.string(String(repeating: "é\u{7f}", count: 100_000))
    var deep = JSON.array([])
    for _ in 0..<400 { deep = .array([deep, deep.array?.isEmpty == true ? 1 : 2]) }
    let values: [JSON] = [
      long, .array(Array(repeating: long, count: 1000)), .object((0..<1000).map { .init("k\($0)", long) }), deep,
      .object([.init(String(repeating: "k", count: 100_000), 1)]),
    ]
    for format in ProxyLog.Format.allCases {
      for value in values {
        let bytes = LogLine(time: "t", level: .info, event: "e", fields: [.init("id", value), .init("verdict", "refused")]).bytes(format)
        XCTAssertLessThanOrEqual(bytes.count, LogLine.limit)
        if format == .json { XCTAssertEqual(try JSON.parse(bytes)["event"]?.string, "e") }
      }
    }
    // Lines that are as long as the limit, and one byte shorter or longer.
    var longest = 0
    for count in 1900...2048 {
      let texts = [2048, count].map { JSON.string(String(repeating: "x", count: $0)) }
      let line = LogLine(time: "t", level: .info, event: "e", fields: [.init("a", texts[0]), .init("b", texts[1])]).bytes(.text)
      XCTAssertLessThanOrEqual(line.count, LogLine.limit)
      longest = max(longest, line.count)
    }
    XCTAssertEqual(longest, LogLine.limit)
    // A text as long as its own limit is whole.
    let whole = String(repeating: "x", count: 2048)
    let line = LogLine(time: "t", level: .info, event: "e", fields: [.init("a", .string(whole))]).bytes(.text)
    XCTAssertEqual(String(decoding: line, as: UTF8.self), "t info e a=\(whole)\n")
    let short = LogLine(time: "t", level: .info, event: "e", fields: [.init("id", [1, "x"]), .init("text", "a b")]).bytes(.text)
    XCTAssertEqual(String(decoding: short, as: UTF8.self), "t info e id=[1,\"x\"] text=\"a b\"\n")
    let named = LogLine(time: "t", level: .info, event: "e", fields: [.init("id", ["k": 1])]).bytes(.text)
    XCTAssertEqual(String(decoding: named, as: UTF8.self), "t info e id={\"k\":1}\n")
  }

  func testLinesAreLimitedForEachClientAndSecond() {
    var budget = LogBudget()
    let start = ContinuousClock.now
    for _ in 0..<LogBudget.perClient { XCTAssertEqual(budget.take(1, at: start), .allowed(before: [:])) }
    for _ in 0..<7 { XCTAssertEqual(budget.take(1, at: start), .exhausted) }
    XCTAssertEqual(budget.take(2, at: start), .allowed(before: [:]), "another client's lines are written")
    XCTAssertEqual(budget.take(nil, at: start), .allowed(before: [:]))
    XCTAssertEqual(budget.take(1, at: start + .seconds(1)), .allowed(before: [1: 7]))
    XCTAssertEqual(budget.take(1, at: start + .seconds(1)), .allowed(before: [:]))
  }

  func testLinesOfAllClientsAreLimited() {
    var budget = LogBudget()
    let start = ContinuousClock.now
    for client in 1...LogBudget.perSecond { XCTAssertEqual(budget.take(client, at: start), .allowed(before: [:])) }
    XCTAssertEqual(budget.take(LogBudget.perSecond + 1, at: start), .exhausted)
    XCTAssertEqual(budget.take(nil, at: start + .seconds(2)), .allowed(before: [nil: 1]))
  }
}

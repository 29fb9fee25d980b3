import QMP
import Support
import Syntax
import XCTest

/// A session must survive any bytes: it may end, but never trap, and it ends once and last.
final class HostileServerTests: XCTestCase {
  private func play(_ stream: [UInt8], _ chunking: Chunking) -> [ClientSession.Occurrence] {
    var session = ClientSession(frameLimit: 4096)
    var happened: [ClientSession.Occurrence] = []
    for piece in chunking.cut(stream) {
      happened += session.receive(piece)
      if !session.isClosed, case .ready = session.state { _ = try? session.send(Command("query-status")) }
      _ = session.takeTransmissions()
    }
    return happened + session.receiveEnd()
  }

  private func check(_ stream: [UInt8], file: StaticString = #filePath, line: UInt = #line) {
    // The commands sent depend on the pieces; what is parsed and where it ends must not.
    let ends = Chunking.allCases.map { chunking -> ClientSession.Occurrence? in
      let happened = play(stream, chunking)
      let closures = happened.filter { if case .closed = $0 { true } else { false } }
      XCTAssertEqual(closures.count, 1, printable(stream), file: file, line: line)
      XCTAssertEqual(happened.last, closures.first, printable(stream), file: file, line: line)
      return happened.last
    }
    XCTAssertEqual(Set(ends).count, 1, "\(ends) for \(printable(stream))", file: file, line: line)
  }

  func testRandomBytes() {
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<500 {
      check((0..<Int.random(in: 0...300, using: &generator)).map { _ in
        UInt8.random(in: 0...255, using: &generator)
      })
    }
  }

  func testRandomBytesBehindAGreeting() {
    var generator = SeededGenerator(seed: 6)
    let alphabet = Array(#"{}[]",:\ "returniderror1"#.utf8)
    for _ in 0..<500 {
      let noise = (0..<Int.random(in: 0...200, using: &generator)).map { _ in
        alphabet.randomElement(using: &generator)!
      }
      check(Array(ClientSessionTests.greeting.utf8) + noise)
    }
  }

  func testRecordedConnectionsWithBytesChangedDroppedAndDoubled() throws {
    var generator = SeededGenerator(seed: 7)
    let transcript = try Transcript("session-pretty-11.1.3.qmp")
    let stream = transcript.negotiation + transcript.rest
    for _ in 0..<300 {
      var mutant = stream
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let at = Int.random(in: 0..<mutant.count, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: mutant[at] = UInt8.random(in: 0...255, using: &generator)
        case 1: mutant.remove(at: at)
        case 2: mutant.insert(mutant[at], at: at)
        default: mutant.removeSubrange(at..<min(mutant.count, at + 50))
        }
      }
      check(mutant)
    }
  }

  func testWellFormedJSONOfWrongShapes() {
    let values = ["{}", "[]", "1", "null", "\"x\"", "{\"seconds\":1}", "[{\"name\":1}]", "18446744073709551616"]
    for member in ["QMP", "return", "error", "event", "timestamp", "id"] {
      for value in values {
        check(Array("{\"\(member)\": \(value)}".utf8))
        check(Array((ClientSessionTests.greeting + "{\"\(member)\": \(value)}").utf8))
      }
    }
  }

  func testInvalidUTF8InEveryRole() {
    for bad in [[0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80], [0xff]] as [[UInt8]] {
      check(bad)
      check(Array("{\"".utf8) + bad + Array("\": 1}".utf8))
      check(Array((ClientSessionTests.greeting + "{\"return\": \"").utf8) + bad + Array("\"}".utf8))
    }
  }
}

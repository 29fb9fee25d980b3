import QMP
import Support
import Syntax
import XCTest

final class FramingPropertyTests: XCTestCase {
  func testRecordedRepliesComeOutAsTheyWentInUnderAnyChunking() throws {
    var stream: [UInt8] = []
    var expected: [[UInt8]] = []
    for name in try Fixture.names(in: "qmp/replies") {
      let bytes = try Fixture.bytes("qmp/replies/\(name)")
      stream += bytes
      expected.append(Array(bytes.reversed().drop { $0 == 0x0a || $0 == 0x0d }.reversed()))
    }
    XCTAssertGreaterThan(expected.count, 15)
    let frames = verifiedFrames(stream).map { result -> [UInt8] in
      guard case .frame(let bytes, _) = result else { return [] }
      return bytes
    }
    XCTAssertEqual(frames, expected)
  }

  /// Well-formed values, whose ends are known because they were put together here.
  func testRandomValuesAreFoundWhereTheyWerePut() {
    var generator = SeededGenerator(seed: 2)
    for _ in 0..<300 {
      var stream: [UInt8] = []
      var expected: [Framed] = []
      for _ in 0..<Int.random(in: 1...6, using: &generator) {
        let value = Array(randomValue(depth: 4, &generator).utf8)
        expected.append(.frame(value, at: UInt64(stream.count)))
        stream += value + Array([" ", "\r\n", "\n", "\t "].randomElement(using: &generator)!.utf8)
      }
      XCTAssertEqual(verifiedFrames(stream), expected)
    }
  }

  /// Any bytes at all: every chunking agrees, nothing traps, and every frame is a piece of the stream.
  func testRandomBytesGiveTheSameUnderAnyChunking() {
    let alphabets: [[UInt8]] = [
      Array(#"{}[]",:\ a1"#.utf8), Array("{}[]\"\\\n\u{1f}'x".utf8) + [0xff, 0xfe, 0xc0, 0x80],
      Array(UInt8.min...UInt8.max),
    ]
    var generator = SeededGenerator(seed: 3)
    for round in 0..<3000 {
      let alphabet = alphabets[round % alphabets.count]
      let stream = (0..<Int.random(in: 0...120, using: &generator)).map { _ in
        alphabet.randomElement(using: &generator) ?? 0
      }
      let limit = Int.random(in: 1...200, using: &generator)
      for case .frame(let bytes, let offset) in verifiedFrames(stream, limit: limit, seeds: 1...1) {
        XCTAssertLessThanOrEqual(bytes.count, limit)
        XCTAssertEqual(bytes, Array(stream[Int(offset)..<Int(offset) + bytes.count]))
      }
    }
  }

  /// Text that jansson accepts whole is one frame: no message that could be passed on is cut in two.
  func testWhateverTheParserAcceptsIsExactlyOneFrame() {
    var generator = SeededGenerator(seed: 4)
    let alphabet = Array(#"{}[]"":,\1an "#.utf8)
    var accepted = 0
    for _ in 0..<60_000 {
      let text = (0..<Int.random(in: 1...8, using: &generator)).map { _ in
        alphabet.randomElement(using: &generator)!
      }
      guard (try? JSON.parse(text)) != nil else { continue }
      accepted += 1
      let frames = frame([text[...], [0x0a]])
      guard frames.count == 1, case .frame(let bytes, _) = frames[0] else {
        XCTFail("\(printable(text)): \(frames)")
        continue
      }
      XCTAssertEqual(try? JSON.parse(bytes), try? JSON.parse(text))
    }
    XCTAssertGreaterThan(accepted, 500)
  }

  private func randomValue(depth: Int, _ generator: inout SeededGenerator) -> String {
    switch Int.random(in: 0..<(depth == 0 ? 3 : 6), using: &generator) {
    case 0: ["0", "-1.5e3", "true", "null", "18446744073709551615"].randomElement(using: &generator)!
    case 1, 2: randomString(&generator)
    case 3, 4:
      "{" + (0..<Int.random(in: 0...3, using: &generator)).map { _ in
        randomString(&generator) + ": " + randomValue(depth: depth - 1, &generator)
      }.joined(separator: ", ") + "}"
    default:
      "[" + (0..<Int.random(in: 0...3, using: &generator)).map { _ in
        randomValue(depth: depth - 1, &generator)
      }.joined(separator: ",\r\n    ") + "]"
    }
  }

  private func randomString(_ generator: inout SeededGenerator) -> String {
    let pieces = [
      "a", "{", "}", "[", "]", "\\\"", "\\\\", "\\u00E9", "é", "😀", ",", ":", "'", "/", "long text ",
    ]
    return "\"" + (0..<Int.random(in: 0...20, using: &generator)).map { _ in
      pieces.randomElement(using: &generator)!
    }.joined() + "\""
  }
}

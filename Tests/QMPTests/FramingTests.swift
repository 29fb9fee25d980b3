import QMP
import Support
import Syntax
import XCTest

final class FramingTests: XCTestCase {
  private func texts(_ stream: String, file: StaticString = #filePath, line: UInt = #line) -> [String] {
    verifiedFrames(Array(stream.utf8), file: file, line: line).map {
      switch $0 {
      case .frame(let bytes, _): String(decoding: bytes, as: UTF8.self)
      case .error(let error): "error: \(error)"
      }
    }
  }

  func testObjectsEndAtTheirBraceWithOrWithoutSeparators() {
    XCTAssertEqual(texts(#"{"a":1}{"b":[{}]}"#), [#"{"a":1}"#, #"{"b":[{}]}"#])
    XCTAssertEqual(texts("{}\r\n {} \t[]\n"), ["{}", "{}", "[]"])
  }

  func testPrettyPrintedMessagesKeepTheirInnerLines() {
    XCTAssertEqual(texts("{\r\n    \"a\": {\r\n    }\r\n}\r\n{}"), ["{\r\n    \"a\": {\r\n    }\r\n}", "{}"])
  }

  func testBracketsInStringsDoNotCount() {
    XCTAssertEqual(texts(#"{"a":"}]{["}{}"#), [#"{"a":"}]{["}"#, "{}"])
  }

  func testEscapedQuotesDoNotEndAString() {
    XCTAssertEqual(texts(#"{"a":"\"}"}{"b":"\\"}"#), [#"{"a":"\"}"}"#, #"{"b":"\\"}"#])
    XCTAssertEqual(texts(#"{"\\\"\\":1}[]"#), [#"{"\\\"\\":1}"#, "[]"])
  }

  func testScalarsAreValuesToo() {
    XCTAssertEqual(texts(#"42 "x"null[1]"y""z" "#), ["42", #""x""#, "null", "[1]", #""y""#, #""z""#])
  }

  func testScalarWaitsForWhatEndsIt() throws {
    var framer = Framer(limit: 100)
    framer.append(Array("12".utf8))
    XCTAssertNil(try framer.next())
    XCTAssertEqual(framer.unfinished, 2)
    framer.append(Array("3\n".utf8))
    XCTAssertEqual(try framer.next()?.bytes, Array("123".utf8))
    XCTAssertEqual(framer.unfinished, 0)
  }

  func testPunctuationWithoutAValueIsAFrameThatNoParserTakes() {
    XCTAssertEqual(texts("}]],:{}"), ["}", "]", "]", ",", ":", "{}"])
    for text in ["}", "]", ",", ":"] { XCTAssertThrowsError(try JSON.parse(text)) }
  }

  func testOffsetsAreTheStreamsOwn() {
    let stream = Array("  {}\r\n[1]\n\"x\"".utf8)
    XCTAssertEqual(
      verifiedFrames(stream),
      [
        .frame(Array("{}".utf8), at: 2), .frame(Array("[1]".utf8), at: 6),
        .frame(Array("\"x\"".utf8), at: 10),
      ])
  }

  func testBytesThatJSONHasNoPlaceForAreReportedAndTheNextValueIsFound() {
    let next = #"{"execute":"x"}"#
    XCTAssertEqual(texts("{\"a\": \u{1}\(next)"), ["error: byte 0x01 at byte 6 is not JSON", next])
    XCTAssertEqual(texts("{\"a\n\(next)"), ["error: byte 0x0a at byte 3 is not JSON", next])
    XCTAssertEqual(texts("{\"a\\\n\(next)"), ["error: byte 0x0a at byte 4 is not JSON", next])
    XCTAssertEqual(texts("{'a"), ["error: byte 0x27 at byte 1 is not JSON"])
    XCTAssertEqual(texts("\u{b}{}"), ["error: byte 0x0b at byte 0 is not JSON", "{}"])
  }

  func testAStringBehindAStrayByteIsAValueWhateverWasOpenBefore() {
    XCTAssertEqual(
      texts("[[\u{1}\"x\" \"y\" "), ["error: byte 0x01 at byte 2 is not JSON", "\"x\"", "\"y\""])
  }

  /// Large enough that the framer lets go of what it has read while the next value is arriving.
  func testLargeValuesInSuccessionAreKeptApart() {
    var stream: [UInt8] = []
    var expected: [Framed] = []
    for length in [70_000, 150_000, 10, 90_000, 200_000] {
      let value = Array("[\"\(String(repeating: "x", count: length))\"]".utf8)
      expected.append(.frame(value, at: UInt64(stream.count)))
      stream += value + Array("\r\n".utf8)
    }
    XCTAssertEqual(verifiedFrames(stream, seeds: 1...1), expected)
  }

  func testByteFFStartsAfreshAnywhere() {
    for before in ["", "{", "{\"a", "{\"a\\", "[[[", "tru"] {
      let stream = Array(before.utf8) + [0xff] + Array("{}".utf8)
      let results = verifiedFrames(stream)
      XCTAssertEqual(results.last, .frame(Array("{}".utf8), at: UInt64(before.utf8.count) + 1), before)
      XCTAssertTrue(results.contains(.error(.stray(0xff, offset: UInt64(before.utf8.count)))), before)
    }
  }

  func testEveryByteAtEveryPlaceOfAString() {
    for length in 0..<20 {
      for byte in UInt8.min...UInt8.max {
        let stream = Array("[\"".utf8) + [UInt8](repeating: 0x61, count: length) + [byte] + Array("\"]".utf8)
        let at = UInt64(2 + length)
        let results = frame([stream[...]])
        switch byte {
        case 0x00..<0x20, 0xfe, 0xff:
          XCTAssertEqual(results.first, .error(.stray(byte, offset: at)), "byte \(byte) after \(length)")
        // The quote ends the string, and the one behind it begins another; the escape eats it.
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): XCTAssertEqual(results, [], "byte \(byte) after \(length)")
        default: XCTAssertEqual(results, [.frame(stream, at: 0)], "byte \(byte) after \(length)")
        }
      }
    }
  }

  func testEveryByteOutsideStrings() {
    let allowed = Set("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-.,: \t\r\n".utf8)
    for byte in UInt8.min...UInt8.max {
      let results = frame([[UInt8(ascii: "["), byte, UInt8(ascii: "]")]])
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "["), UInt8(ascii: "{"): XCTAssertEqual(results, [], "byte \(byte)")
      case UInt8(ascii: "]"), UInt8(ascii: "}"): XCTAssertEqual(results.count, 2, "byte \(byte)")
      case let byte where allowed.contains(byte):
        XCTAssertEqual(results, [.frame([UInt8(ascii: "["), byte, UInt8(ascii: "]")], at: 0)], "byte \(byte)")
      default: XCTAssertEqual(results.first, .error(.stray(byte, offset: 1)), "byte \(byte)")
      }
    }
  }

  func testAValueAtTheLimitPassesAndOneBeyondDoesNot() {
    let text = Array("[\"\(String(repeating: "x", count: 96))\"]".utf8)
    XCTAssertEqual(verifiedFrames(text, limit: 100), [.frame(text, at: 0)])
    XCTAssertEqual(verifiedFrames(text, limit: 99), [.error(.tooLarge(limit: 99, offset: 0))])
    let padded = Array(repeating: UInt8(0x20), count: 1000) + text
    XCTAssertEqual(verifiedFrames(padded, limit: 100), [.frame(text, at: 1000)])
  }

  func testValuesBeforeOneThatIsTooLargeComeFirstAndNothingAfterIt() {
    let stream = Array("{} [] \(String(repeating: "[", count: 200)) {}".utf8)
    XCTAssertEqual(
      verifiedFrames(stream, limit: 100),
      [
        .frame(Array("{}".utf8), at: 0), .frame(Array("[]".utf8), at: 3),
        .error(.tooLarge(limit: 100, offset: 6)),
      ])
  }

  func testTheLimitErrorSaysTheLimit() {
    let error = FramingError.tooLarge(limit: 99, offset: 7)
    XCTAssertEqual("\(error)", "the message at byte 7 is larger than 99 bytes")
  }

  func testHugeNestingIsFramedInConstantDepthAndRefusedByTheParser() throws {
    let levels = 200_000
    let deep = Array(repeating: UInt8(ascii: "["), count: levels) + Array(repeating: UInt8(ascii: "]"), count: levels)
    XCTAssertEqual(frame([deep[...]]), [.frame(deep, at: 0)])
    XCTAssertThrowsError(try ServerMessage.parse(deep)) {
      XCTAssertTrue("\($0)".contains("nested deeper than 512 levels"), "\($0)")
    }
  }
}

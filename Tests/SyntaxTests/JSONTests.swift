import Support
import XCTest

@testable import Syntax

final class JSONTests: XCTestCase {
  func testValuesComeBackAsTheyWere() throws {
    for text in [
      "null", "true", "-1", "9223372036854775807", "\"a\\u0000b\"", "[]", "{}", "[1,[2,[]],{\"a\":{\"b\":null}}]",
    ] {
      XCTAssertEqual(try JSON.parse(text).text(), text)
    }
  }

  func testStringsInSingleQuotesBecomeStringsInDoubleOnes() {
    func rewritten(_ text: String) -> String { String(decoding: JSON.inDoubleQuotes(Array(text.utf8)), as: UTF8.self) }
    XCTAssertEqual(rewritten("{'a':'b',\"c\":\"d'e\\\"'\"}"), "{\"a\":\"b\",\"c\":\"d'e\\\"'\"}")
    for text in ["{'a':'b\"c'}", "{'a':'b\\'c'}", "{\"a\":1}"] { XCTAssertEqual(rewritten(text), text) }
  }

  func testMembersKeepTheirOrder() throws {
    XCTAssertEqual(try JSON.parse(#"{"z":1,"a":2,"m":3}"#).members?.map(\.key), ["z", "a", "m"])
  }

  func testIntegersBeyond63BitsKeepTheirValue() throws {
    XCTAssertEqual(
      try JSON.parse(#"[18446744073709551615,9223372036854775808,1,"u64-0-5"]"#),
      .array([.unsigned(.max), .unsigned(1 << 63), .integer(1), .string("u64-0-5")]))
  }

  func testIntegersBeyond64BitsAreReals() throws {
    XCTAssertEqual(try JSON.parse("18446744073709551616"), .real(18446744073709551616))
    XCTAssertEqual(try JSON.parse("-9223372036854775809"), .real(-0x1p63))
  }

  func testWhatQEMUTakesAndJSONDoesNotIsRefused() {
    for text in ["{'a':1}", "[1,]", "{\"a\":1,}", "", " ", "nul", "[1] 2", "\"\\ud800\"", "{\"a\":1,\"a\":2}"] {
      XCTAssertThrowsError(try JSON.parse(text), text)
    }
  }

  func testDuplicateKeysAreRefusedWhereTheyStand() {
    XCTAssertThrowsError(try JSON.parse(#"{"host":"a","host":"b"}"#)) { error in
      let error = error as? SyntaxError
      XCTAssertTrue(error?.message.contains("duplicate") ?? false)
      XCTAssertEqual(error.map { (12...19).contains($0.offset) }, true, "\(String(describing: error))")
    }
  }

  func testEscapedDuplicatesAreDuplicates() {
    XCTAssertThrowsError(try JSON.parse(#"{"ats":"on","\u0061ts":"off"}"#))
  }

  func testTheDepthCapSaysThatItWasHit() {
    let deep = String(repeating: "[", count: 600) + String(repeating: "]", count: 600)
    XCTAssertThrowsError(try JSON.parse(deep)) { XCTAssertEqual("\($0)".contains("nested deeper than 512"), true) }
    XCTAssertNoThrow(try JSON.parse(String(repeating: "[", count: 512) + String(repeating: "]", count: 512)))
  }

  func testTheSizeCapSaysThatItWasHit() {
    let large = [UInt8](repeating: 0x20, count: JSON.maximumSize + 1)
    XCTAssertThrowsError(try JSON.parse(large)) { XCTAssertEqual("\($0)".contains("larger than"), true) }
  }

  func testPlacesOfMembers() throws {
    let text = Array(#" {"a": "x{\"", "b": {"c": [1, 2], "\u0064": 3}}"#.utf8)
    _ = try JSON.parse(text)
    let places = JSONPlaces(text)
    func at(_ keys: String...) -> String? { places.range(of: keys).map { String(decoding: text[$0], as: UTF8.self) } }
    XCTAssertEqual(at("a"), #""x{\"""#)
    XCTAssertEqual(at("b", "c"), "[1, 2]")
    XCTAssertEqual(at("b", "d"), "3")
    XCTAssertNil(at("c"))
    XCTAssertNil(at("a", "b"))
  }

  func testNothingTrapsOnAnyBytesAndEveryOffsetLiesInTheText() {
    var chance = SeededGenerator(seed: 11)
    let alphabet = Array(#"{}[]",:\u0d8'tfn-1e9. \#u{0}\#u{ff}abc"#.utf8)
    for _ in 0..<20_000 {
      let bytes = (0..<Int.random(in: 0..<40, using: &chance)).map { _ in
        alphabet[Int.random(in: 0..<alphabet.count, using: &chance)]
      }
      do { _ = try JSON.parse(bytes) } catch { XCTAssertTrue((0...bytes.count).contains(error.offset)) }
      let places = JSONPlaces(bytes)
      for range in places.values { XCTAssertTrue(range.upperBound <= bytes.count) }
      _ = places.range(of: ["a", "b"])
    }
  }
}

import QMP
import Support
import Syntax
import XCTest

final class ServerMessageTests: XCTestCase {
  private func parse(_ text: String) throws -> ServerMessage { try ServerMessage.parse(Array(text.utf8)) }

  private func violation(_ text: String, file: StaticString = #filePath, line: UInt = #line) -> String {
    do {
      XCTFail("accepted as \(try parse(text))", file: file, line: line)
      return ""
    } catch { return "\(error)" }
  }

  func testGreetingsOfBothVersionsPlainAndPretty() throws {
    let new = QEMUVersion(major: 11, minor: 1, micro: 3, package: "Debian 1:11.1.3+ds-1~bpo13+1")
    let old = QEMUVersion(major: 7, minor: 2, micro: 22, package: "Debian 1:7.2+dfsg-7+deb12u18+b3")
    for (name, version) in [("11.1.3", new), ("7.2.22", old)] {
      for kind in ["greeting", "greeting-pretty"] {
        let message = try ServerMessage.parse(Fixture.bytes("qmp/replies/\(kind).\(name).json"))
        XCTAssertEqual(message, .greeting(Greeting(version: version, capabilities: ["oob"])))
      }
    }
    XCTAssertEqual("\(old)", "7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)")
    XCTAssertEqual("\(QEMUVersion(major: 9, minor: 0, micro: 1, package: ""))", "9.0.1")
  }

  func testReplies() throws {
    XCTAssertEqual(try parse(#"{"return": {}, "id": "a"}"#), .success(id: "a", value: [:]))
    XCTAssertEqual(try parse(#"{"return": 5}"#), .success(id: nil, value: 5))
    XCTAssertEqual(try parse(#"{"return": null, "id": null}"#), .success(id: .null, value: .null))
    XCTAssertEqual(
      try parse(#"{"id": 7, "error": {"class": "GenericError", "desc": "no"}}"#),
      .failure(id: 7, CommandError(errorClass: "GenericError", text: "no")))
  }

  func testEvents() throws {
    XCTAssertEqual(
      try parse(#"{"timestamp": {"seconds": 5, "microseconds": 6}, "event": "STOP"}"#),
      .event(Event(name: "STOP", data: nil, seconds: 5, microseconds: 6)))
    XCTAssertEqual(
      try parse(#"{"timestamp": {"seconds": -1, "microseconds": -1}, "event": "X", "data": {"a": 1}}"#),
      .event(Event(name: "X", data: ["a": 1], seconds: -1, microseconds: -1)))
  }

  func testMembersThatQMPDoesNotKnowArePassedOver() throws {
    XCTAssertEqual(try parse(#"{"return": 1, "id": 2, "new": 3}"#), .success(id: 2, value: 1))
    XCTAssertEqual(
      try parse(#"{"error": {"class": "C", "desc": "d", "hint": []}, "id": 1}"#),
      .failure(id: 1, CommandError(errorClass: "C", text: "d")))
  }

  func testWhatIsNoMessageIsSaidToBeNone() {
    for text in ["{}", "[]", "1", "\"QMP\"", "null", #"{"id": 1}"#, #"{"return": 1, "event": "X"}"#,
      #"{"return": 1, "error": {"class": "C", "desc": "d"}}"#]
    {
      XCTAssertEqual(violation(text), "not a QMP message: `\(text)`")
    }
  }

  func testMembersOfTheWrongTypeAreNamed() {
    XCTAssertEqual(violation(#"{"error": {"class": 1, "desc": "d"}}"#), "`error.class` is not a string")
    XCTAssertEqual(violation(#"{"error": {"class": "C"}}"#), "`error.desc` is not there")
    XCTAssertEqual(violation(#"{"error": "C"}"#), "`error.class` is not there")
    XCTAssertEqual(violation(#"{"event": 1, "timestamp": {}}"#), "`event` is not a string")
    XCTAssertEqual(violation(#"{"event": "X"}"#), "`timestamp` is not there")
    XCTAssertEqual(
      violation(#"{"event": "X", "timestamp": {"seconds": 1.5, "microseconds": 0}}"#),
      "`timestamp.seconds` is not an integer")
    XCTAssertEqual(violation(#"{"QMP": {"capabilities": []}}"#), "`QMP.version` is not there")
    XCTAssertEqual(
      violation(#"{"QMP": {"version": {"qemu": {"major": "1"}, "package": ""}, "capabilities": []}}"#),
      "`QMP.version.qemu.major` is not an integer")
  }

  func testBrokenTextIsQuotedInShortAndOnOneLine() {
    let text = "{\"a\":\n" + String(repeating: "x", count: 100) + "}"
    let message = violation(text)
    XCTAssertTrue(message.hasPrefix("not JSON ("), message)
    XCTAssertTrue(message.hasSuffix("`{\"a\": " + String(repeating: "x", count: 54) + "…`"), message)
  }

  func testDuplicateKeysAndInvalidUTF8AreRefused() {
    XCTAssertTrue(violation(#"{"return": 1, "return": 2}"#).contains("duplicate"))
    let bytes = Array(#"{"return": ""#.utf8) + [0xc3] + Array("\"}".utf8)
    XCTAssertThrowsError(try ServerMessage.parse(bytes))
  }

  func testPropertiesOfARealListingIncludingAnUnsigned64BitDefault() throws {
    let bytes = try Fixture.bytes("qmp/replies/device-list-properties-vfio-pci.11.1.3.json")
    XCTAssertTrue(String(decoding: bytes, as: UTF8.self).contains("18446744073709551615"))
    guard case .success(nil, let listing) = try ServerMessage.parse(bytes) else { return XCTFail("no success") }
    let properties = try DeviceProperty.parse(listing: listing)
    XCTAssertEqual(properties.count, 55)
    XCTAssertTrue(properties.contains(DeviceProperty(name: "ats", type: "OnOffAuto")))
    XCTAssertTrue(properties.contains(DeviceProperty(name: "iommufd", type: "link<iommufd>")))
    XCTAssertTrue(properties.contains(DeviceProperty(name: "fd", type: "string")))
    XCTAssertTrue(
      listing.array?.contains { $0["default-value"] == .unsigned(18_446_744_073_709_551_615) } ?? false)
  }

  func testAListingThatIsNoneNamesWhatIsWrong() {
    for (listing, words) in [
      (JSON.object([]), "`return` is not an array"), ([["name": "a"]], "`return[0].type` is not there"),
      ([["name": "a", "type": "b"], 5], "`return[1].name` is not there"),
    ] as [(JSON, String)] {
      XCTAssertThrowsError(try DeviceProperty.parse(listing: listing)) { XCTAssertEqual("\($0)", words) }
    }
  }
}

import Support
import Syntax
import XCTest

@testable import QMP

/// Damaged messages of a client, without QEMU.
final class DamagedStreamTests: XCTestCase {
  /// Nothing of them ends the program, and what is accepted is read again as the same value.
  func testDamagedMessagesAreAcceptedOrRefused() throws {
    var messages = MutatedMessages(seed: 18)
    var (accepted, refused) = (0, 0)
    for _ in 0..<20_000 {
      var stream = ClientStream(tellsPlace: true)
      stream.append((messages.next() + [0xff])[...])
      while let item = stream.next() {
        switch item {
        case .refused: refused += 1
        case .message(let message):
          accepted += 1
          XCTAssertEqual(try JSON.parse(message.canonicalBytes), message.json)
        }
      }
    }
    XCTAssertGreaterThan(accepted, 5000)
    XCTAssertGreaterThan(refused, 5000)
  }

  /// QEMU makes a real of such an integer, and what it does then with a number that has lost its last digits was not judged.
  func testAnIntegerOutside64BitsIsRefused() {
    for (number, text) in [
      ("18446744073709551616", "too big integer"), ("-9223372036854775809", "too big negative integer"),
      ("1" + String(repeating: "0", count: 400), "too big integer"),
    ] {
      for message in [
        #"{"execute":"balloon","arguments":{"value":\#(number)}}"#, #"{"execute":"query-name","id":[18446744073709551615,\#(number)]}"#,
      ] {
        var stream = ClientStream(tellsPlace: false)
        stream.append(Array(message.utf8)[...])
        guard case .refused(let answer)? = stream.next() else { return XCTFail(number) }
        XCTAssertTrue(answer.hasPrefix("JSON parse error, \(text)"), answer)
      }
    }
    for number in ["18446744073709551615", "-9223372036854775808", "1e19", "18446744073709551616.0"] {
      var stream = ClientStream(tellsPlace: false)
      stream.append(Array(#"{"execute":"balloon","arguments":{"value":\#(number)}}"#.utf8)[...])
      guard case .message? = stream.next() else { return XCTFail(number) }
    }
  }

  /// A message with a wide integer is parsed twice, and its second text is longer: one of these ended the program.
  func testAnErrorBehindAWideIntegerHasItsPlace() throws {
    for (text, expected) in [
      (#"[18446744073709551615,1e999]"#, "1:23: JSON parse error, real number overflow near '1e999'"),
      (#"{"execute":"query-name","id":[18446744073709551615,18446744073709551615,18446744073709551615,1e3080]}"#,
        "1:94: JSON parse error, real number overflow near '1e3080'"),
    ] {
      var stream = ClientStream(tellsPlace: true)
      stream.append(Array(text.utf8)[...])
      guard case .refused(let answer)? = stream.next() else { return XCTFail(text) }
      XCTAssertEqual(answer, expected)
    }
  }
}

import XCTest

@testable import Syntax

/// Configuration files as QEMU's sscanf reads them; each line was tried with QEMU 11.1.3.
final class IniTextTests: XCTestCase {
  private func read(_ text: String) -> [String] {
    let ini = IniText(Array(text.utf8), isStrict: true)
    return ini.sections.flatMap { section in
      ["[\(section.name)|\(section.id ?? "-")]"] + section.entries.map { "\($0.key)=\($0.isQuoted ? $0.value : "?")" }
    } + ini.problems.map(\.message)
  }

  func testAHeaderEndsWhereItsTextMatches() {
    for text in ["[device \"v\"]\n", "[device \"v\"\n", "[ device \"v\" ]\n", "[device   \"v\"] and more\n", "[device \"v\"]\r\n"] {
      XCTAssertEqual(read(text), ["[device|v]"], text)
    }
    XCTAssertEqual(read("[device]\n"), ["[device|-]"])
  }

  func testOtherHeadersNameGroupsThatDoNotExist() {
    XCTAssertEqual(read("[ device ]\n"), ["[ device |-]"])
    XCTAssertEqual(read("[device\"v\"]\n"), ["[device\"v\"|-]"])
    XCTAssertEqual(read("[device \"\"]\n"), ["[device \"\"|-]"])
    XCTAssertEqual(read("[device\n"), ["[device\n|-]"])
    XCTAssertEqual(read("[device \"v]\n"), ["[device|v]\n]"])
  }

  func testAWordWithoutAValueInQuotesIsAnEntry() {
    func entry(_ line: String) -> [String] { Array(read("[device]\n" + line).dropFirst()) }
    XCTAssertEqual(entry("  host = \"02:00.0\" and more\n"), ["host=02:00.0"])
    XCTAssertEqual(entry("host =\"a b\"\n"), ["host=a b"])
    XCTAssertEqual(entry("host = \"\"\n"), ["host="])
    XCTAssertEqual(entry("host = \"a"), ["host=a"])
    XCTAssertEqual(entry("host = \"a\n"), ["host=a\n"])
    XCTAssertEqual(entry("host = a\n"), ["host=?"])
    XCTAssertEqual(entry("host\n"), ["host=?"])
    XCTAssertEqual(entry("host=\"a\"\n"), ["host=\"a\"=?"])
    XCTAssertEqual(entry(" [device \"w\"]\n"), ["[device=?"])
    XCTAssertEqual(entry(String(repeating: "k", count: 64) + " = \"a\"\n"), [String(repeating: "k", count: 63) + "=?"])
    XCTAssertEqual(entry(" \n"), ["a line of blanks, which QEMU cannot parse"])
    XCTAssertEqual(read("host = \"a\"\n"), ["an entry before the first section"])
  }
}

import Support
import Syntax
import XCTest

@testable import Proxy

/// The human monitor's commands, against the tables of QEMU's own binaries and its `help`.
final class HumanCommandTests: XCTestCase {
  func testTypesAreThoseOfTheBinaries() throws {
    var count = 0
    for line in try Fixture.text("qmp/human-commands.tsv").split(separator: "\n") where !line.hasPrefix("#") {
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      let given = Set(fields.dropFirst()).subtracting(["none"])
      for name in fields[0].split(separator: "|") {
        let types = HumanCommands.types(WireText(String(name)))
        switch name {
        // The flags of both, and the type that reads more.
        case "migrate": XCTAssertEqual(types, "detach:-d,blk:-b,inc:-i,resume:-r,uri:s")
        case "migrate_set_parameter": XCTAssertEqual(types, "parameter:s,value:S")
        case "dump-guest-memory": XCTAssertEqual(given.contains(types ?? ""), true)
        default: XCTAssertEqual(given, [types ?? "unknown"], String(name))
        }
        count += 1
      }
    }
    XCTAssertGreaterThan(count, 110)
  }

  func testEachCommandOfHelpIsInTheTable() throws {
    for version in ["7.2.22", "11.1.3"] {
      let names = HumanHelp.names(try Fixture.text("qmp/help.\(version).txt"))
      XCTAssertGreaterThan(names.count, 95, version)
      for name in names { XCTAssertNotNil(HumanCommands.types(WireText(name)), name) }
    }
    XCTAssertNil(HumanCommands.types("cont|c"))
  }

  func testArgumentsAreReadByTheirTypes() throws {
    func read(_ line: String, _ types: String) -> [String: String]? {
      guard let command = HMPCommand(line), let arguments = HMPArguments(command, types: types) else { return nil }
      var found: [String: String] = [:]
      for item in WireText(types).split(",") {
        let key = item.split(":")[0]
        if let word = arguments[key] { found["\(key)"] = word.text }
      }
      return found
    }
    let migrate = "detach:-d,resume:-r,uri:s"
    let rows: [(String, String, [String: String]?)] = [
      ("migrate tcp:h:1", migrate, ["uri": "tcp:h:1"]), ("migrate -d -r tcp:h:1", migrate, ["detach": "", "resume": "", "uri": "tcp:h:1"]),
      ("migrate -r tcp:h:1", migrate, ["resume": "", "uri": "tcp:h:1"]), ("migrate -dtcp:h:1", migrate, ["detach": "", "uri": "tcp:h:1"]),
      ("migrate -x tcp:h:1", migrate, nil), ("migrate -r -d tcp:h:1", migrate, nil),
      ("migrate \"exec:a b\"", migrate, ["uri": "exec:a b"]), ("migrate \"exec:a", migrate, nil), ("migrate a b", migrate, nil),
      ("migrate", migrate, nil), ("migrate \"a\\q\"", migrate, nil), ("migrate \"a\\\"b\"", migrate, ["uri": "a\"b"]),
      ("o a,b=c d", "o:S", ["o": "a,b=c d"]), ("o \"a", "o:S", ["o": "\"a"]), ("o", "o:S", nil), ("o", "o:S?", [:]),
      ("o a=b", "o:O", ["o": "a=b"]), ("o", "o:O", [:]), ("o a=b c", "o:O", nil), ("o x", "o:s?", ["o": "x"]), ("o", "o:s?", [:]),
      ("s -f png x", "format:-fs,file:F", ["format": "png", "file": "x"]), ("s x", "format:-fs,file:F", ["file": "x"]),
      ("s -f", "format:-fs,file:F", nil), ("i 1", "addr:i", ["addr": "1"]), ("i 1+1", "addr:i", nil),
      ("q -j /p realized x y", "json:-j,path:s,property:s,value:S", ["json": "", "path": "/p", "property": "realized", "value": "x y"]),
      ("o " + String(repeating: "x", count: 1023), "o:s", ["o": String(repeating: "x", count: 1023)]),
      ("o " + String(repeating: "x", count: 1024), "o:s", nil),
    ]
    for (line, types, expected) in rows { XCTAssertEqual(read(line, types), expected, line) }
  }

  func testACommandThatIsNotInTheTableIsRefused() throws {
    for line in ["frobnicate", "device_ad e1000e", "DEVICE_ADD e1000e", "info\u{301}", "x/10i", "i/x 5"] {
      let isKnown = line.hasPrefix("x/") || line.hasPrefix("i/")
      XCTAssertEqual(try FilterProbe().answer(FilterProbe.human(line)), isKnown ? .pass : .refuse("unknown-command"), line)
    }
    XCTAssertEqual(try FilterProbe { $0.allowed = ["frobnicate"] }.answer(FilterProbe.human("frobnicate")), .pass)
    XCTAssertEqual(try FilterProbe().answer(FilterProbe.human("  ")), .pass)
  }
}

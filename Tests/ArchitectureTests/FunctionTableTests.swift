import Glibc
import Support
import XCTest

/// ARCHITECTURE.md's table from QEMU's functions to our files.
final class FunctionTableTests: XCTestCase {
  private struct Row {
    let topic: String
    let function: String
    let file: String
  }

  /// Questions that the table must answer in one step.
  private static let topics = [
    "the mask warning", "group viability", "slot placement", "fd without id", "property order",
    "the vIOMMU's aw-bits check", "`-global` on a hot plug", "VF token", "unknown facts in the proxy", "memlock check",
  ]

  func testEveryFileOfTheTableContainsTheFunctionsName() throws {
    let rows = try FunctionTableTests.rows()
    XCTAssertGreaterThan(rows.count, 20, "the table was not found")
    for row in rows {
      guard access(Fixture.path("../" + row.file), R_OK) == 0 else {
        XCTFail("ARCHITECTURE.md, \(row.topic): \(row.file) does not exist")
        continue
      }
      let names = try SourceFile(at: row.file).lines.flatMap { SourceFile.identifiers(in: $0) }
      XCTAssert(
        names.contains(Substring(row.function)), "ARCHITECTURE.md, \(row.topic): \(row.file) does not name \(row.function)")
    }
    for topic in FunctionTableTests.topics {
      XCTAssert(rows.contains { $0.topic == topic }, "ARCHITECTURE.md has no row for \(topic)")
    }
  }

  /// Rows of four cells, the function in the second in backquotes, the file in the fourth as a link.
  private static func rows() throws -> [Row] {
    let text = try Fixture.text("../ARCHITECTURE.md")
    let table = text.firstRange(of: "## From QEMU's function to our file").map { text[$0.upperBound...] } ?? ""
    return table.split(separator: "\n").compactMap { line in
      let cells = line.split(separator: "|").map { $0.drop { $0 == " " } }
      guard cells.count == 4, cells[1].hasPrefix("`"), let file = cells[3].split(separator: "](").last else { return nil }
      return Row(
        topic: String(cells[0].reversed().drop { $0 == " " }.reversed()),
        function: String(cells[1].dropFirst().prefix { $0 != "`" }), file: String(file.prefix { $0 != ")" }))
    }
  }
}

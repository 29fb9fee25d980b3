import Glibc
import Support
import XCTest

/// Forbidden words in sources, and limits of their length.
final class StyleTests: XCTestCase {
  /// Foundation multiplies start-up and memory; the others end the program on bad input.
  private static let forbidden = [
    "import Foundation", "fatalError", "preconditionFailure", "precondition(", "try!", "as!",
    "unsafelyUnwrapped", "assumingMemoryBound",
  ]

  func testSourcesNeitherTrapNorImportFoundation() throws {
    for file in try SourceFile.all(below: "Sources") {
      for (index, line) in file.code.enumerated() {
        for word in StyleTests.forbidden where line.contains(word) {
          XCTFail("\(file.path):\(index + 1): `\(word)`")
        }
      }
    }
  }

  /// scripts/test runs XCTest alone: a test of another kind would never run.
  func testEveryTestIsXCTests() throws {
    for file in try SourceFile.all(below: "Tests") where file.imports.contains("Testing") {
      XCTFail("\(file.path) imports Testing")
    }
  }

  /// A fixed delay is too short on a busy machine: tests wait for events, with Support's `Wait`.
  func testNoTestSleeps() throws {
    let calls = ["usleep(", "nanosleep(", " sleep(", "Thread.sleep", "Task.sleep", "asyncAfter"]
    for file in try SourceFile.all(below: "Tests") where !StyleTests.mayPause.contains(file.path) {
      for (index, line) in file.code.enumerated() where !line.contains("let calls = ") {
        for call in calls where (" " + line).contains(call) {
          XCTFail("\(file.path):\(index + 1): `\(call)`: wait for the event with Support's Wait")
        }
      }
    }
  }

  private static let mayPause: Set = [
    "Tests/Support/Wait.swift",
  ]

  func testFilesAreShort() throws {
    for file in try SourceFile.all(below: "Sources", ending: [".swift", ".c", ".h"]) {
      XCTAssertLessThanOrEqual(file.lines.count, 300, "\(file.path) is a file for two")
    }
    for file in try SourceFile.all(below: "Tests") {
      XCTAssertLessThanOrEqual(file.lines.count, 400, "\(file.path) is a file for two")
    }
  }

  func testLinesAreShort() throws {
    for file in try SourceFile.all(below: "Sources") + SourceFile.all(below: "Tests") {
      for (index, line) in file.lines.enumerated() where line.count > 140 {
        XCTFail("\(file.path):\(index + 1): \(line.count) columns")
      }
    }
  }

  func testEveryScriptIsExecutableAndSaysHowToUseIt() throws {
    let scripts = try Fixture.names(in: "../scripts")
    XCTAssert(scripts.contains("demo"), "the scripts were not found")
    for script in scripts.map({ "../scripts/\($0)" }) + ["../.ci/run"] {
      if SourceFile.isFolder(String(script.dropFirst(3))) { continue }
      XCTAssertEqual(access(Fixture.path(script), X_OK), 0, "\(script) is not executable")
      let text = try Fixture.text(script)
      XCTAssert(text.hasPrefix("#!/"), "\(script) names no interpreter")
      let head = text.split(separator: "\n").prefix(15).joined(separator: "\n").lowercased()
      XCTAssert(head.contains("usage: "), "\(script) has no usage line")
    }
  }
}

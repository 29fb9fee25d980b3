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

  /// The release counts references without atomic instructions (scripts/build), and signals, forks and descriptors are simple
  /// with one thread.
  func testNothingStartsAThread() throws {
    let ways = ["pthread_create", "thrd_create", "Dispatch", "Task {", "Task(", "Task.detached", " async ", " async throws", "await "]
    for file in try SourceFile.all(below: "Sources", ending: [".swift", ".c", ".h"]) {
      for (index, line) in file.code.enumerated() {
        for way in ways where line.contains(way) { XCTFail("\(file.path):\(index + 1): `\(way)`: the program has one thread") }
      }
    }
  }

  /// Text that QEMU compares as bytes is compared as bytes: Swift's strings compare characters, and two spellings of a letter
  /// are one to them.
  func testTheCommandFilterComparesBytes() throws {
    for line in [
      #"if arguments["type"]?.string == "tap" {"#, #"member.key == "fd""#, #"switch message.command {"#, #"request.string("fd") != "x""#,
      #"command.name.hasPrefix("x")"#, #"guard let text = value.string, text.contains("x")"#, #"names.contains($0.driver)"#,
    ] {
      XCTAssert(ByteComparison.isViolated(by: line[...]), line)
    }
    for line in [
      #"switch WireText(member.key) {"#, #"WireText(command.name) == "x""#, #"switch request.driver.map({ WireText($0) }) {"#,
      #".string(text)"#, #"request.id == nil"#, #"about.command == "getfd""#,
    ] {
      XCTAssertFalse(ByteComparison.isViolated(by: line[...]), line)
    }
    // The scratch QEMU compares plugs with each other.
    for file in try SourceFile.all(below: "Sources/Proxy/Gate") where !file.path.hasSuffix("/ScratchQEMU.swift") {
      for (index, line) in file.code.enumerated() where ByteComparison.isViolated(by: line) {
        XCTFail("\(file.path):\(index + 1): compare bytes, with WireText: \(line)")
      }
    }
  }

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

  /// `set -e` ignores a failure on the left of `&&`.
  func testAStepOfAScriptCanFail() throws {
    let text = try Fixture.text("../scripts/test")
    XCTAssert(text.contains("\n  scripts/manual --check\n"), "the steps were not found")
    for line in text.split(separator: "\n").map({ $0.drop { $0 == " " } }) where line.hasPrefix("scripts/") {
      XCTAssertFalse(line.contains("&&"), "\(line)")
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

/// Comparisons of a client's text as Swift's strings, as far as a line shows them.
enum ByteComparison {
  private static let text = #"\.(?:string|key|name|text|driver|id|bus|property|command)\b(?:\("[^"]*"\))?"#

  /// Wrapped text is bytes.
  private static let wrapped = [
    #"\.map \{ WireText\(\$0\) \}"#, #"\.map\(\{ WireText\(\$0\) \}\)"#, #"WireText\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)"#,
    // The filter's own command is bytes already.
    #"\babout\.command\b"#,
  ]

  private static let forbidden = [
    text + #"\)?\??\.(?:hasPrefix|hasSuffix|contains|lowercased|split|starts|number)\b"#, text + #"\)?\?? ?(?:==|!=) (?!nil\b)"#,
    #"(?:==|!=) [\w.$]*"# + text, #"switch [^{]*"# + text, #"\.contains\(\$0\.(?:string|name|text|driver|id)\b"#,
    // JSON's strings are read as bytes: `wire`.
    #"\.string\b(?!\()"#,
  ]

  static func isViolated(by line: Substring) -> Bool {
    var code = String(line)
    for pattern in wrapped { code = code.replacingOccurrences(of: pattern, with: "W", options: .regularExpression) }
    return forbidden.contains { code.range(of: $0, options: .regularExpression) != nil }
  }
}

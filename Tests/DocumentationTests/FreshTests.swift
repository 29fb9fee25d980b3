import Glibc
import Support
import XCTest

/// What the documents show is what the program prints: every `$ vfiogate …` in a console block, and
/// what stands between `<!-- $ vfiogate … -->` and `<!-- end -->`, is run and compared.
/// `VFIOGATE_RECORD=1 swift test --filter DocumentationTests` writes it anew.
final class FreshTests: XCTestCase {
  private static let documents = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "THREATS.md", "examples/README.md"]
  private static let prompt = "$ vfiogate "

  override func setUp() { XCTAssertEqual(chdir(Fixture.path("..")), 0) }

  func testDocumentsShowWhatTheProgramPrints() throws {
    var shown = 0
    for document in FreshTests.documents {
      let text = try Fixture.text("../" + document)
      var fresh = Refresher(text)
      try fresh.run()
      shown += fresh.commands
      if text == fresh.text { continue }
      if getenv("VFIOGATE_RECORD") != nil { try writeFile(document, fresh.text) }
      XCTFail("\(document) is not fresh; VFIOGATE_RECORD=1 swift test --filter DocumentationTests writes it anew")
    }
    XCTAssertGreaterThan(shown, 2, "the documents show nothing")
  }

  func testEveryLinkLeadsSomewhere() throws {
    for document in FreshTests.documents + ["CHANGELOG.md", "RULES.md"] {
      let folder = document.split(separator: "/").dropLast().map { "\($0)/" }.joined()
      for part in try Fixture.text("../" + document).split(separator: "](").dropFirst() {
        let target = part.prefix { $0 != ")" && $0 != "#" }
        if target.isEmpty || target.hasPrefix("https://") { continue }
        XCTAssertEqual(access(Fixture.path("../\(folder)\(target)"), F_OK), 0, "\(document): \(target) does not exist")
      }
    }
  }

  func testTheReadmeNamesTheCommandsThatExist() throws {
    let text = try Fixture.text("../README.md")
    for command in ["scripts/demo", "scripts/test"] { XCTAssert(text.contains(command), command) }
    let test = try Fixture.text("../.ci/run")
    XCTAssert(test.contains("exec scripts/test\n"), "CI does not run the README's test command")
  }

  /// A document with its commands run again.
  private struct Refresher {
    private let lines: [Substring]
    private var output: [String] = []
    private(set) var commands = 0

    init(_ text: String) { lines = text.split(separator: "\n", omittingEmptySubsequences: false) }

    var text: String { output.joined(separator: "\n") }

    mutating func run() throws {
      var isSkipping = false
      var isInConsole = false
      for line in lines {
        if line == "<!-- end -->" || line == "```" { isSkipping = false }
        if line.hasPrefix("```") { isInConsole = line == "```console" }
        if isInConsole, line.hasPrefix("$ ") { isSkipping = false }
        if isSkipping { continue }
        output.append(String(line))
        if isInConsole, line.hasPrefix(FreshTests.prompt) {
          try show(line.dropFirst(FreshTests.prompt.count))
          isSkipping = true
        } else if line.hasPrefix("<!-- " + FreshTests.prompt), line.hasSuffix(" -->") {
          try show(line.dropFirst("<!-- ".count + FreshTests.prompt.count).dropLast(" -->".count))
          isSkipping = true
        }
      }
    }

    private mutating func show(_ arguments: Substring) throws {
      commands += 1
      let words = arguments.split(separator: " ").map(String.init)
      let (_, text, error) = try Child.run(try Child.built("vfiogate"), words)
      let shown = String(decoding: text + error, as: UTF8.self)
      output += shown.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }
  }
}

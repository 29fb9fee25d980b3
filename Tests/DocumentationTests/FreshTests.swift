import Glibc
import Support
import XCTest

/// The documents show what the program prints: every `$ vfiogate …` in a console block, and the text
/// between `<!-- $ vfiogate … -->` and `<!-- end -->`, is run and compared.
/// `VFIOGATE_RECORD=1 swift test --filter DocumentationTests` writes it anew.
final class FreshTests: XCTestCase {
  private static var documents: [String] {
    get throws {
      try ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "THREATS.md", "examples/README.md"] + pages(below: "docs")
    }
  }
  private static let prompt = "$ vfiogate "

  override func setUp() {
    XCTAssertEqual(chdir(Fixture.path("..")), 0)
    // The width of a document's lines.
    setenv("COLUMNS", "100", 1)
  }

  override func tearDown() { unsetenv("COLUMNS") }

  func testDocumentsShowWhatTheProgramPrints() throws {
    var shown = 0
    for document in try FreshTests.documents {
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

  /// Links to files, and to headings of the project's own pages.
  func testEveryLinkLeadsSomewhere() throws {
    var known: [String: Set<String>] = [:]
    for document in try FreshTests.documents + ["CHANGELOG.md", "RULES.md"] + FreshTests.readmes {
      let folder = document.split(separator: "/").dropLast().map { "\($0)/" }.joined()
      for part in try Fixture.text("../" + document).split(separator: "](").dropFirst() {
        let link = part.prefix { $0 != ")" }
        if link.hasPrefix("https://") { continue }
        let target = link.prefix { $0 != "#" }
        let path = target.isEmpty ? document : "\(folder)\(target)"
        guard access(Fixture.path("../\(path)"), F_OK) == 0 else {
          XCTFail("\(document): \(target) does not exist")
          continue
        }
        let anchor = link.dropFirst(target.count + 1)
        if anchor.isEmpty || !path.hasSuffix(".md") { continue }
        let anchors = try known[path] ?? FreshTests.anchors(in: path)
        known[path] = anchors
        XCTAssert(anchors.contains(String(anchor)), "\(document): \(path) has no heading #\(anchor)")
      }
    }
  }

  private static func anchors(in path: String) throws -> Set<String> {
    Set(try Fixture.text("../" + path).split(separator: "\n").filter { $0.hasPrefix("#") }.map(anchor))
  }

  /// As GitHub derives it from a heading.
  private static func anchor(_ heading: Substring) -> String {
    let text = heading.drop { $0 == "#" }.drop { $0 == " " }.lowercased()
    return String(text.filter { $0.isLetter || $0.isNumber || " -_".contains($0) }.map { $0 == " " ? "-" : $0 })
  }

  private static let readmes = ["failures", "realizes", "qmp"].map { "Fixtures/\($0)/README.md" }

  /// Every page of a folder and of those in it.
  private static func pages(below folder: String) throws -> [String] {
    try Fixture.names(in: "../" + folder).flatMap { name in
      name.hasSuffix(".md") ? ["\(folder)/\(name)"] : try pages(below: "\(folder)/\(name)")
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

import RuleCases
import Rules
import Support
import XCTest

/// A rule is one file, one catalogue line and one case file; the three name the same rules.
final class CatalogueTests: XCTestCase {
  private static let sources = "../Sources/Rules"

  /// The files in the folders below Sources/Rules, without extension; Context holds what rules are given.
  private func ruleFiles() throws -> [(path: String, name: String)] {
    let folders = try Fixture.names(in: CatalogueTests.sources).filter { !$0.hasSuffix(".swift") && $0 != "Context" }
    return try folders.flatMap { folder in
      try Fixture.names(in: "\(CatalogueTests.sources)/\(folder)").map { file in
        ("\(CatalogueTests.sources)/\(folder)/\(file)", String(file.dropLast(".swift".count)))
      }
    }
  }

  /// The rule that a source file declares.
  private func declared(in path: String) throws -> [String] {
    try Fixture.text(path).split(separator: "\n").compactMap { line in
      let trimmed = line.drop { $0 == " " }
      guard trimmed.hasPrefix("name: \"") else { return nil }
      return trimmed.dropFirst("name: \"".count).split(separator: "\"").first.map(String.init)
    }
  }

  func testEveryRuleFileDeclaresOneRuleThatTheCatalogueHas() throws {
    for (path, name) in try ruleFiles() {
      let rules = try declared(in: path)
      XCTAssertEqual(rules.count, 1, "\(path) declares \(rules)")
      for rule in rules {
        XCTAssertNotNil(Rule.named(rule), "\(path): `\(rule)` is not in the catalogue")
        XCTAssertEqual(name.lowercased(), rule.filter { $0 != "-" }, "\(path) declares `\(rule)`")
      }
    }
  }

  func testEveryCatalogueLineHasAFileAndCases() throws {
    let declared = try ruleFiles().flatMap { try self.declared(in: $0.path) }
    let cases = try CaseFile.all().map(\.rule)
    let catalogue = Rule.all.map(\.name)
    XCTAssertEqual(Set(catalogue).count, catalogue.count, "a rule is in the catalogue twice")
    XCTAssertEqual(Set(catalogue).subtracting(declared), [], "rules without a file in Sources/Rules")
    XCTAssertEqual(Set(catalogue).subtracting(cases), [], "rules without a case file; scripts/new-rule makes one")
    XCTAssertEqual(Set(cases).subtracting(catalogue), [], "case files without a rule")
  }

  /// A rule is described in its file alone: no other source names it, in a list or otherwise.
  func testNoSourceNamesARuleOfAnotherFile() throws {
    let names = Set(Rule.all.map { Substring($0.name) })
    let files = try swiftFiles(below: "../Sources")
    XCTAssertGreaterThan(files.count, 200)
    // QEMU's option `-option-rom` and the group of that name are not the rule.
    for path in files where !path.hasSuffix("/Inputs/Option.swift") && !path.hasSuffix("/Inputs/Recognition.swift") {
      for (index, line) in try Fixture.text(path).split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
        let text = line.drop { $0 == " " }
        if ["//", "name: \"", "example: "].contains(where: text.hasPrefix) { continue }
        for name in text.split(separator: "\"") where names.contains(name) && text.utf8.contains(UInt8(ascii: "\"")) {
          XCTFail("\(path):\(index + 1) names `\(name)`: use the rule, or a field of it")
        }
      }
    }
  }

  private func swiftFiles(below folder: String) throws -> [String] {
    try Fixture.names(in: folder).flatMap { name -> [String] in
      let path = folder + "/" + name
      if name.hasSuffix(".swift") { return [path] }
      return name.contains(".") ? [] : try swiftFiles(below: path)
    }
  }

  /// scripts/new-rule makes all three, in the form that the tests above ask for.
  func testNewRuleMakesTheThreePlaces() throws {
    let copy = try TemporaryDirectory()
    for folder in ["Sources/Rules", "Fixtures/rules", "scripts"] {
      _ = try Child.run("/bin/mkdir", ["-p", copy.path + "/" + folder])
      _ = try Child.run("/bin/cp", ["-r", Fixture.path("../" + folder) + "/.", copy.path + "/" + folder])
    }
    let (status, _, error) = try Child.run(copy.path + "/scripts/new-rule", ["bad-pattern", "Device"])
    XCTAssertEqual(status, 0, String(decoding: error, as: UTF8.self))
    let source = try readText(copy.path + "/Sources/Rules/Device/BadPattern.swift")
    XCTAssert(source.contains("static let badPattern = Rule(\n    name: \"bad-pattern\","), source)
    XCTAssert(try readText(copy.path + "/Sources/Rules/Catalogue.swift").contains("    .badPattern,\n    .realizeFails,\n"))
    let cases = try readText(copy.path + "/Fixtures/rules/bad-pattern.md")
    XCTAssert(cases.hasPrefix("# bad-pattern\n"), cases)
    // Nothing else differs.
    let (_, changed, _) = try Child.run(
      "/usr/bin/diff", ["-rq", Fixture.path("../Sources/Rules"), copy.path + "/Sources/Rules"])
    XCTAssertEqual(String(decoding: changed, as: UTF8.self).split(separator: "\n").count, 2)
    let again = try Child.run(copy.path + "/scripts/new-rule", ["bad-pattern", "Device"])
    XCTAssertNotEqual(again.0, 0, "an existing rule was overwritten")
  }

  private func readText(_ path: String) throws -> String { String(decoding: try readFile(path), as: UTF8.self) }

  /// It reports what no other rule explains, so it has to come after them.
  func testRealizeFailsComesLast() { XCTAssertEqual(Rule.all.last?.name, "realize-fails") }
}

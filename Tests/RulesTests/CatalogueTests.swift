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
    XCTAssertEqual(Set(catalogue).count, catalogue.count, "a rule stands in the catalogue twice")
    XCTAssertEqual(Set(catalogue).subtracting(declared), [], "rules without a file in Sources/Rules")
    XCTAssertEqual(Set(catalogue).subtracting(cases), [], "rules without a case file; scripts/new-rule makes one")
    XCTAssertEqual(Set(cases).subtracting(catalogue), [], "case files without a rule")
  }

  /// It reports what no other rule has, so it has to come after them.
  func testRealizeFailsStandsLast() { XCTAssertEqual(Rule.all.last?.name, "realize-fails") }
}

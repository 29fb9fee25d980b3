import RuleCases
import Rules
import XCTest

/// Users complain about texts as much as about failures.
final class TextTests: XCTestCase {
  func testARuleNamesTheBadPatternInKebabCase() {
    for rule in Rule.all {
      let isKebab = rule.name.split(separator: "-", omittingEmptySubsequences: false).allSatisfy { part in
        !part.isEmpty && part.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber) }
      }
      XCTAssert(isKebab, rule.name)
    }
  }

  func testARuleSaysWhyAndWhatToDo() {
    for rule in Rule.all {
      checkClause(rule.summary, "\(rule.name): summary")
      XCTAssertGreaterThan(rule.why.count, 80, "\(rule.name): why")
      XCTAssertEqual(rule.why.last, ".", "\(rule.name): why is made of sentences")
      XCTAssertFalse(rule.why.contains("\n") || rule.why.contains("  "), "\(rule.name): why is wrapped")
      checkFix(rule.fix, "\(rule.name): fix")
      XCTAssertFalse(rule.example.isEmpty, "\(rule.name): example")
      XCTAssertFalse(rule.references.isEmpty, "\(rule.name): references")
    }
  }

  func testAMessageIsOneClauseThatNamesTheDevice() throws {
    for (one, run) in try CaseRun.all() {
      for finding in run.report.findings {
        let what = "\(one): \(finding.rule)"
        checkClause(finding.message, what)
        checkFix(finding.fix, what)
        XCTAssertFalse(finding.message.contains("Optional("), what)
        XCTAssertEqual(finding.message.filter { $0 == "`" }.count % 2, 0, "\(what): odd backticks")
        XCTAssertLessThan(finding.message.count, 320, what)
      }
    }
  }

  func testWhatIsOpenNamesAFactAndAReason() throws {
    for (one, run) in try CaseRun.all() {
      for open in run.report.undetermined {
        XCTAssertFalse(open.unknown.fact.isEmpty || open.unknown.reason.isEmpty, "\(one): \(open)")
      }
    }
  }

  /// A name in front (`gpu`, /dev/iommu, QEMU) keeps its own spelling.
  private func checkClause(_ text: String, _ what: String) {
    let first = text.split(separator: " ").first.map(String.init) ?? ""
    let isName =
      first.allSatisfy { $0.isUppercase || $0.isNumber } || "`/0123456789".contains(text.prefix(1)) || ["JSON:", "Proxmox"].contains(first)
    XCTAssert(isName || text.first?.isLowercase == true, "\(what): begins with a capital: \(text)")
    XCTAssertNotEqual(text.last, ".", "\(what): ends with a full stop: \(text)")
    XCTAssertFalse(text.contains("\n"), "\(what): more than one line")
  }

  private func checkFix(_ text: String, _ what: String) {
    XCTAssertFalse(text.isEmpty, what)
    XCTAssertNotEqual(text.last, ".", "\(what): ends with a full stop: \(text)")
    XCTAssert(text.first?.isLowercase == true || text.first == "`", "\(what): begins with a capital: \(text)")
  }
}

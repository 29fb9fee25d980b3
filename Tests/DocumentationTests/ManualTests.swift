import Support
import XCTest

/// The man pages in share/man, which scripts/manual writes.
final class ManualTests: XCTestCase {
  /// EXIT STATUS lists the codes that the command's own help names, and wrong usage.
  func testTheExitStatusOfAPageIsThatOfItsHelp() throws {
    var compared = 0
    for name in try Fixture.names(in: "../share/man/man1") {
      let text = try Fixture.text("../share/man/man1/\(name)")
      let section = try XCTUnwrap(text.firstRange(of: ".Sh \"EXIT STATUS\"\n"), name)
      let items = text[section.upperBound...].split(separator: "\n").prefix { !$0.hasPrefix(".El") }
      let listed = Set(items.compactMap { $0.hasPrefix(".It ") ? Int($0.dropFirst(4)) : nil })
      XCTAssertFalse(listed.isEmpty, name)
      guard let help = text[..<section.lowerBound].firstRange(of: "Exit codes") else { continue }
      compared += 1
      let sentence = text[help.upperBound...].split(separator: "\n.").first?.split { " ,;:.\n".contains($0) } ?? []
      let named = Set(sentence.compactMap { Int($0) }.filter { [0, 1, 2, 64].contains($0) })
      XCTAssertEqual(listed, named.union([64]), name)
    }
    XCTAssertGreaterThan(compared, 7)
  }

  func testEveryPageHasFilesAndExamples() throws {
    let pages = try Fixture.names(in: "../share/man/man1")
    XCTAssertGreaterThan(pages.count, 10)
    for name in pages {
      let text = try Fixture.text("../share/man/man1/\(name)")
      for section in ["FILES", "EXAMPLES"] { XCTAssertTrue(text.contains(".Sh \(section)\n"), "\(name): \(section)") }
    }
  }
}

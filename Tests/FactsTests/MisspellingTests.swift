import Facts
import XCTest

final class MisspellingTests: XCTestCase {
  private let names = ["device", "drive", "not-bound", "no-reset", "lint", "run"]

  func testTheNameOfFewestErrorsIsMeant() {
    for (word, meant) in [
      ("devcie", "device"), ("devic", "device"), ("ddevice", "device"), ("devixe", "device"), ("not-bond", "not-bound"), ("lnit", "lint"),
    ] {
      XCTAssertEqual(Misspelling.meant(by: word, among: names, errors: 1), meant, word)
    }
    // Two errors from one, one from the other.
    XCTAssertEqual(Misspelling.meant(by: "drivee", among: names, errors: 2), "drive")
  }

  func testWhatDoesNotResembleANameMeansNone() {
    for word in ["device", "xyz", "", "ru", "dvcie", String(repeating: "device", count: 50)] {
      XCTAssertNil(Misspelling.meant(by: word, among: names, errors: 1), word)
    }
    XCTAssertNil(Misspelling.meant(by: "abc", among: [], errors: 9))
  }

  func testTheHint() {
    XCTAssertEqual(Misspelling.hint("lnit", among: names), "; did you mean `lint`?")
    XCTAssertEqual(Misspelling.hint("LINT", among: names), "; did you mean `lint`?")
    XCTAssertEqual(Misspelling.hint("warn", among: ["note", "warning", "error"]), "; did you mean `warning`?")
    XCTAssertEqual(Misspelling.hint("pr", among: ["predict", "probe"]), "", "either")
    for word in ["xyz", "lx", ""] { XCTAssertEqual(Misspelling.hint(word, among: names), "", word) }
  }
}

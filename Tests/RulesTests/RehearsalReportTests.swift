import Facts
import Report
import RuleCases
import Rules
import Support
import XCTest

/// Rehearsals in the text of `lint`.
final class RehearsalReportTests: XCTestCase {
  private func text(_ title: String, verbose: Bool) throws -> String {
    let one = try XCTUnwrap(try CaseFile(rule: "rehearsal-fails").cases.first { $0.title == title })
    var options = LintText.Options()
    options.isVerbose = verbose
    var text = LintText(style: .plain, options: options)
    return text.render(try one.run().result)
  }

  func testTheQEMUAndWhatItDidAreNamed() throws {
    XCTAssert(
      try text("silent: QEMU creates the machine", verbose: false)
        .contains("rehearsal: QEMU 11.1.3 at /usr/bin/qemu-system-x86_64: creates the machine (4 options)\n"))
    XCTAssert(
      try text("silent: a QEMU without qtest creates the machine", verbose: false)
        .contains("creates the machine (4 options, with tcg)\n"))
    XCTAssert(
      try text("undetermined: QEMU gave no answer", verbose: false)
        .contains("rehearsal: unknown: timed out after 10 s awaiting the reply\n"))
  }

  func testAPredictionThatQEMUDoesNotConfirmIsAFaultToReport() throws {
    let rows = [
      ("silent: QEMU creates the device that was predicted to be refused",
        "differs from the prediction, please report it: `Bus 'nope' not found` was predicted for `-device[1]`"),
      ("silent: QEMU creates another device that was predicted to be refused",
        "differs from the prediction, please report it: `Can't add chassis slot, error -16` was predicted for `-device[1]`"),
      ("reports: QEMU refuses the device for another reason than predicted",
        "differs from the prediction, please report it: `Property 'vfio-pci.x-no-such' not found` was predicted for `-device[1]`"),
    ]
    for (title, difference) in rows {
      let verbose = try text(title, verbose: true)
      XCTAssert(verbose.contains(difference), verbose)
      XCTAssertFalse(try text(title, verbose: false).contains("differs from the prediction, please report it: `"))
    }
    XCTAssertFalse(try text("silent: QEMU creates the machine", verbose: true).contains("differs from the prediction"))
  }
}

import Facts
import Inputs
import Support
import Syntax
import XCTest

@testable import Rehearsal

/// Rehearsals with the QEMUs of this machine.
extension XCTestCase {
  /// The outcome with a QEMU, for the options after its name.
  func outcome(_ line: String, _ program: String) throws -> RehearsalResult.Outcome {
    let source = SourceText(name: "text", bytes: Array("qemu-system-x86_64 \(line)".utf8))
    return try QEMURehearsal(program: program, qemu: program).run(ParsedInput.parse(source, as: .shell).machine).value.outcome
  }

  /// A refusal with that first line, of the option at that place.
  func assertRefused(_ outcome: RehearsalResult.Outcome, _ text: String, at path: String, _ line: String) {
    guard case .refused(let said, let place, _) = outcome else { return XCTFail("\(line): \(outcome)") }
    XCTAssertEqual(said.split(separator: "\n").first.map(String.init), text, line)
    XCTAssertEqual(place.path, path, line)
  }

  /// Runs a test with each QEMU, and whether it is the lab's.
  func each(_ body: (String, Bool) throws -> Void) throws {
    let directory = try TemporaryDirectory()
    let lab = try InstalledQEMU.ofLab(in: directory)
    let all = try InstalledQEMU.all(in: directory)
    if all.isEmpty { throw XCTSkip("SKIPPED: no QEMU is installed, so nothing was rehearsed") }
    for program in all { try body(program, program == lab) }
  }
}

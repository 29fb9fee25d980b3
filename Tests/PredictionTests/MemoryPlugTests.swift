import Facts
import Inputs
import Prediction
import Support
import Syntax
import XCTest

/// Memory devices that are plugged, as QEMU 7.2.22, 10.0.13 and 11.1.3 refused or accepted them (scripts/record-refusals --memory).
final class MemoryPlugTests: XCTestCase {
  func test11() throws { try replay("memory-plugs-11.1.3", .released(11, 1, "11.1.3")) }

  func test10() throws { try replay("memory-plugs-10.0", .released(10, 0, "10.0.13")) }

  func test7() throws { try replay("memory-plugs-7.2", .released(7, 2, "7.2.22")) }

  private func replay(_ file: String, _ qemu: QEMUProfile) throws {
    let lines = try Fixture.text("realizes/\(file).jsonl").split(separator: "\n")
    XCTAssertGreaterThan(lines.count, 40)
    for line in lines {
      let row = try JSON.parse(String(line))
      let commands = try XCTUnwrap(row["commands"]?.array)
      let name = String(line)
      let replies = try XCTUnwrap(row["replies"]?.array)
      XCTAssertEqual(replies.count, commands.count, name)
      let outcome = run(row["argv"]?.array ?? [], commands, qemu)
      // An object that the definition does not have may have come while the guest ran.
      let refused = replies.compactMap(\.string).filter { !$0.hasPrefix("Device '") || !$0.hasSuffix("' not found") }
      XCTAssertEqual(outcome.launchFailures.map(\.failure.text), refused, name)
      XCTAssert(outcome.launchFailures.allSatisfy(\.isOfCommand), name)
      XCTAssert(outcome.openFailures.isEmpty, name)
    }
  }

  private func run(_ argv: [JSON], _ commands: [JSON], _ qemu: QEMUProfile) -> Predictor.Outcome {
    let arguments = ["qemu-system-x86_64", "-accel", "tcg", "-nodefaults"] + argv.compactMap(\.string)
    let bytes = arguments.flatMap { (argument: String) -> [UInt8] in Array(argument.utf8) + [UInt8(0)] }
    var machine = ParsedInput.parse(SourceText(name: "argv", bytes: bytes), as: .nul).machine
    let text = commands.map { $0.text() }.joined(separator: "\n")
    let stream = ParsedInput.parse(SourceText(name: "plugs", bytes: Array(text.utf8)), as: .qmp)
    machine.objects += stream.machine.objects
    machine.lastCommands = stream.machine.lastCommands
    return Predictor(machine, on: Facts.Host(nothingKnown: "not needed", source: "none"), qemu: qemu).run(plugs: stream.plugs)
  }
}

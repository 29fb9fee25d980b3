import Facts
import Inputs
import Prediction
import Support
import Syntax
import XCTest

/// Prediction against what real QEMU 11.1.3 said to hundreds of requests that fail before any vfio
/// device is opened (scripts/record-refusals): on a host without 0000:ff:1f.7 and without /dev/iommu.
final class RefusalTests: XCTestCase {
  private var host: Facts.Host {
    var host = Facts.Host(nothingKnown: "not recorded", source: "refusals")
    host.addresses = .known([])
    host.iommufd = .known(.absent)
    host.sizeOfFile = { ["/", "/tmp", "/tmp/"].contains($0) ? .known(.max) : .known(nil) }
    return host
  }

  func testEveryRecordedRefusalIsPredictedWordForWord() throws {
    let rows = try Fixture.text("realizes/refusals-11.1.3.jsonl").split(separator: "\n")
      .map { try JSON.parse(String($0)) }
    XCTAssertGreaterThan(rows.count, 630)
    var compared = 0
    for row in rows {
      let argv = row["argv"]?.array?.compactMap(\.string) ?? []
      let parsed = machine(argv)
      guard row["device-add"] != nil else {
        compared += checkCold(row, argv, parsed) ? 1 : 0
        continue
      }
      checkHot(row, parsed.machine)
      compared += 1
    }
    XCTAssertGreaterThan(compared, 610)
  }

  private func machine(_ argv: [String]) -> ParsedInput {
    let words = ["qemu-system-x86_64", "-nodefaults"] + argv
    let bytes = words.flatMap { (word: String) -> [UInt8] in Array(word.utf8) + [UInt8(0)] }
    return .parse(SourceText(name: "argv", bytes: bytes), as: .nul)
  }

  private func checkCold(_ row: JSON, _ argv: [String], _ parsed: ParsedInput) -> Bool {
    let status = row["rc"].flatMap(\.number) ?? 0
    let lines = row["stderr"]?.array?.compactMap(\.string) ?? []
    let error = Stderr.error(lines.map { "qemu-system-x86_64: " + $0 })
    let name = argv.joined(separator: " ")
    // JSON that cannot be parsed is a problem of the text itself, and -set without its device a rule's.
    if error.contains("JSON parse error") || lines.first?.hasPrefix("-set") == true {
      XCTAssertFalse(parsed.problems.isEmpty && parsed.machine.sets.isEmpty, name)
      return true
    }
    let predictions = Predictor(parsed.machine, on: host, qemu: .released(11, 1, "11.1.3")).predictions()
    let failed = predictions.first { $0.failure != nil }?.failure
    if status < 0 {
      // K2 hits any device; only vfio devices have predictions, the rule sees the others.
      if argv.last?.hasPrefix("e1000e") == true { return false }
      XCTAssertNotNil(failed?.signal, name)
      return true
    }
    // Drivers that are none, and nothing like vfio's: a list of every model is not kept.
    if failed == nil, error.hasSuffix("is not a valid device model name") { return false }
    if predictions.isEmpty, error.hasPrefix("/dev/iommu") { return false }
    if predictions.contains(where: { !$0.unknowns.isEmpty }) {
      // The content of arbitrary paths of sysfs was not recorded.
      XCTAssertTrue(name.contains("sysfsdev") && status == 1, "open: \(name)")
      return true
    }
    XCTAssertEqual(failed?.text ?? "ok", status == 0 ? "ok" : error, name)
    return true
  }

  private func checkHot(_ row: JSON, _ machine: MachineConfig) {
    let text = JSON.object([.init("execute", "device_add"), .init("arguments", row["device-add"] ?? .null)]).text()
    let plugs = ParsedInput.parse(SourceText(name: "qmp", bytes: Array(text.utf8)), as: .qmp).plugs
    let predictor = Predictor(machine, on: host, qemu: .released(11, 1, "11.1.3"))
    let prediction = predictor.predictions(plugs: plugs).last
    let said = row["reply"]?["error"]?["desc"]?.string
    if prediction?.request.plug != .hot {
      // Not about vfio, as far as anyone can tell.
      XCTAssertTrue(said.map { $0.hasSuffix("is not a valid device model name") } ?? true, text)
    } else if row["reply"] == .null {
      XCTAssertNotNil(prediction?.failure?.signal, text)
    } else if prediction?.unknowns.isEmpty == false {
      XCTAssertEqual(said?.hasPrefix("Could not parse object fd nope:"), true, "open: \(text)")
    } else {
      XCTAssertEqual(prediction?.failure?.text, said, text)
    }
  }
}

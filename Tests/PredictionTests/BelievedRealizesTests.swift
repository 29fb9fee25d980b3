import Facts
import Host
import Inputs
import Prediction
import Support
import Syntax
import XCTest

/// Prediction against every row that a real QEMU, 11.1.3, 10.0.13 or 7.2.22, gave on the make-believe host (scripts/lab.d/make_believe.py).
final class BelievedRealizesTests: XCTestCase {
  private enum Happened {
    case ok, died
    case failed(String)
  }

  func testEveryRowIsPredicted() throws { try replay("believed-11.1.3", atLeast: 700) }

  /// Every property with valid, wrong, empty and extreme values, by every way in.
  func testThePropertiesSweptOneByOne() throws { try replay("sweep-11.1.3", atLeast: 2500) }

  /// The QEMU of Debian 13: no ats, two names of intel-iommu's properties, other texts.
  func test10_0() throws {
    try replay("believed-10.0", atLeast: 300, .released(10, 0, "10.0.13"))
    try replay("sweep-10.0", atLeast: 500, .released(10, 0, "10.0.13"))
  }

  /// The QEMU of Debian 12: no iommufd, and `device_add` takes every value as text.
  func test7_2() throws {
    try replay("believed-7.2", atLeast: 300, .released(7, 2, "7.2.22"))
    try replay("sweep-7.2", atLeast: 500, .released(7, 2, "7.2.22"))
  }

  private func replay(
    _ file: String, atLeast count: Int, _ qemu: QEMUProfile = .released(11, 1, "11.1.3")
  ) throws {
    var host = try HostRecording.load(Fixture.path("realizes/make-believe.host"))
    // The files of make_believe.py. QEMU finds no end of a folder of its file system.
    host.sizeOfFile = { ["/tmp/rom/empty": 0, "/tmp/rom/vbios": 65536][$0].map { .known($0) } ?? .known(nil) }
    let rows = try Fixture.text("realizes/\(file).jsonl").split(separator: "\n").map { try JSON.parse(String($0)) }
    XCTAssertGreaterThan(rows.count, count)
    for row in rows {
      let argv = (row["argv"]?.array ?? []).compactMap(\.string)
      let name = argv.joined(separator: " ") + (row["plugs"].map { " -- \($0.text())" } ?? "")
      let machine = parse(["qemu-system-x86_64", "-accel", "tcg"] + argv)
      let predictor = Predictor(machine, on: host, qemu: qemu)
      guard row["plugs"] != nil else {
        check(predictor.run(), cold(row), name)
        continue
      }
      XCTAssertEqual(row["started"], .bool(true), "\(name): a row about plugs that QEMU did not come to")
      let outcome = predictor.run(plugs: plugs(row))
      let commands = row["plugs"]?.array ?? []
      let replies = zip(commands, row["replies"]?.array ?? []).filter { isPlug($0.0) }.map(\.1)
      let hot = outcome.predictions.filter { $0.request.plug == .hot }
      XCTAssertEqual(hot.count, replies.count, name)
      for (one, reply) in zip(hot, replies) {
        check(one, happened(reply), name)
        if reply == .null { break }
      }
    }
  }

  private func parse(_ argv: [String]) -> MachineConfig {
    let bytes = argv.flatMap { (argument: String) -> [UInt8] in Array(argument.utf8) + [UInt8(0)] }
    return ParsedInput.parse(SourceText(name: "argv", bytes: bytes), as: .nul).machine
  }

  private func plugs(_ row: JSON) -> [DeviceRequest] {
    let given = row["plugs"]?.array ?? []
    let isHuman = given.first?.string != nil
    let lines = given.map { one in
      one.string ?? (isPlug(one) ? "{\"execute\":\"device_add\",\"arguments\":\(one.text())}" : one.text())
    }
    let text = lines.joined(separator: "\n")
    return ParsedInput.parse(SourceText(name: "plugs", bytes: Array(text.utf8)), as: isHuman ? .hmp : .qmp).plugs
  }

  /// Whether it is a plug, and not `device_del` or an event.
  private func isPlug(_ command: JSON) -> Bool { command.string != nil || command["driver"] != nil }

  private func cold(_ row: JSON) -> Happened {
    switch row["rc"]?.number ?? 0 {
    case 0: return .ok
    case 1: return .failed(Stderr.plain((row["error"]?.string ?? "")))
    default: return .died
    }
  }

  private func happened(_ reply: JSON) -> Happened {
    switch reply {
    case .null: return .died
    case .string(let text): return .failed(Stderr.plain(text))
    default: return .ok
    }
  }

  private func check(_ outcome: Predictor.Outcome, _ happened: Happened, _ name: String) {
    let failures = outcome.predictions.compactMap(\.failure) + outcome.launchFailures.map(\.failure)
    let open = outcome.predictions.flatMap(\.unknowns)
    XCTAssertEqual(open, [], name)
    switch happened {
    case .ok: XCTAssertEqual(failures.map(\.text), [], name)
    case .died: XCTAssert(failures.contains { $0.signal != nil }, name)
    case .failed(let text):
      XCTAssert(failures.contains { Stderr.plain($0.text) == text }, "\(name): \(text), predicted \(failures.map(\.text))")
    }
  }

  private func check(_ one: RealizePrediction, _ happened: Happened, _ name: String) {
    XCTAssertEqual(one.unknowns, [], name)
    switch happened {
    case .ok: XCTAssertNil(one.failure, name)
    case .died: XCTAssertNotNil(one.failure?.signal, name)
    case .failed(let text): XCTAssertEqual(Stderr.plain(one.failure?.text ?? "ok"), text, name)
    }
  }
}

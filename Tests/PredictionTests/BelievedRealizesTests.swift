import Facts
import Host
import Prediction
import Support
import XCTest

/// Prediction against every row that a real QEMU, 11.1.3, 10.0.13 or 7.2.22, gave on the make-believe host (scripts/lab.d/make_believe.py).
final class BelievedRealizesTests: XCTestCase {
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

  /// Values of options without a device, on any host.
  func testValuesOfOptions() throws {
    try replay("options-11.1.3", atLeast: 300)
    try replay("options-10.0", atLeast: 300, .released(10, 0, "10.0.13"))
    try replay("options-7.2", atLeast: 300, .released(7, 2, "7.2.22"))
  }

  private func replay(
    _ file: String, atLeast count: Int, _ qemu: QEMUProfile = .released(11, 1, "11.1.3")
  ) throws {
    var host = try HostRecording.load(Fixture.path("realizes/make-believe.host"))
    // The files of make_believe.py. QEMU finds no end of a folder of its file system.
    host.sizeOfFile = { ["/tmp/rom/empty": 0, "/tmp/rom/vbios": 65536][$0].map { .known($0) } ?? .known(nil) }
    let rows = try BelievedRow.all(file)
    XCTAssertGreaterThan(rows.count, count)
    for row in rows {
      let predictor = Predictor(row.machine, on: host, qemu: qemu)
      guard row.isHot else {
        check(predictor.run(), row.launch, row.name)
        continue
      }
      XCTAssert(row.isStarted, "\(row.name): a row about plugs that QEMU did not come to")
      let hot = predictor.run(plugs: row.plugs).predictions.filter { $0.request.plug == .hot }
      XCTAssertEqual(hot.count, row.replies.count, row.name)
      for (one, happened) in zip(hot, row.replies) {
        check(one, happened, row.name)
        if case .died = happened { break }
      }
    }
  }

  private func check(_ outcome: Predictor.Outcome, _ happened: BelievedRow.Happened, _ name: String) {
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

  private func check(_ one: RealizePrediction, _ happened: BelievedRow.Happened, _ name: String) {
    XCTAssertEqual(one.unknowns, [], name)
    switch happened {
    case .ok: XCTAssertNil(one.failure, name)
    case .died: XCTAssertNotNil(one.failure?.signal, name)
    case .failed(let text): XCTAssertEqual(Stderr.plain(one.failure?.text ?? "ok"), text, name)
    }
  }
}

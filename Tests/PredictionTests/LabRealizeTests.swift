import Facts
import Prediction
import Support
import Syntax
import XCTest

/// Prediction against every trial that real QEMU 11.1.3 was put through on a real kernel.
final class LabRealizeTests: XCTestCase {
  func testIntelWithDeviceTLB() throws { try replay("intel-iotlb-on", atLeast: 250) }
  func testIntelWithoutDeviceTLB() throws { try replay("intel-iotlb-off", atLeast: 180) }
  func testIntelWithNoATS() throws { try replay("intel-noats", atLeast: 16) }
  func testAMD() throws { try replay("amd-safe", atLeast: 14) }
  func testVirtio() throws { try replay("virtio-safe", atLeast: 14) }
  func testWithoutIOMMU() throws { try replay("no-iommu", atLeast: 14) }

  private func replay(_ variant: String, atLeast count: Int) throws {
    let rows = try LabRow.rows(variant).filter { !$0.isBeyondFacts }
    var checked = 0
    for row in rows {
      if row.json["cold_rc"] != nil { checked += check(cold: row) ? 1 : 0 }
      if row.json["hot_reply"] != nil { check(hot: row) }
    }
    XCTAssertGreaterThanOrEqual(checked, count, "rows that were compared in \(variant)")
  }

  /// A passed descriptor, always of the row's own device, has the same number in every trial.
  private func predictor(_ row: LabRow, _ machine: MachineRequest) -> Predictor {
    let address = row.json["host"]?.string.flatMap { PCIAddress($0) }
    return Predictor(
      machine, on: row.host, qemu: .released(11, 1, "11.1.3"),
      descriptors: address.map { row.name.contains("fd of") ? [:] : ["4": $0, "dev0": $0] } ?? [:])
  }

  private func check(cold row: LabRow) -> Bool {
    let machine = row.machine("cold-argv").machine
    let predictions = predictor(row, machine).predictions()
    let status = row.json["cold_rc"].flatMap(\.number) ?? 0
    let error = Stderr.error(row.lines("cold_stderr"))
    guard !predictions.isEmpty else { return false }
    // QEMU stops at the first failure.
    let failed = predictions.first { $0.failure != nil }
    let told = "\(row.name), cold"
    switch status {
    case 0: XCTAssertNil(failed?.failure?.text, told)
    case 1: XCTAssertEqual(failed.map { Stderr.plain($0.failure?.text ?? "") } ?? "ok", error, told)
    default: XCTAssertNotNil(failed?.failure?.signal, told)
    }
    if status == 0, let last = predictions.last {
      XCTAssertEqual(last.warnings.display, Stderr.warnings(row.lines("cold_stderr")), told)
      if case .bool(let seen)? = row.json["ats_visible"] {
        XCTAssertEqual(last.guestSeesATS.display, seen, "\(told): guest sees ATS")
      }
    }
    return true
  }

  private func check(hot row: LabRow) {
    let predictor = predictor(row, row.machine("hot-argv").machine)
    let plugs = row.plugs().plugs
    guard let prediction = predictor.predictions(plugs: plugs).last, prediction.request.plug == .hot else { return }
    let told = "\(row.name), hot"
    let reply = row.json["hot_reply"] ?? .null
    if let description = reply["error"]?["desc"]?.string {
      XCTAssertEqual(Stderr.plain(prediction.failure?.text ?? "ok"), Stderr.plain(description), told)
    } else if reply["return"] != nil {
      XCTAssertNil(prediction.failure?.text, told)
      XCTAssertEqual(prediction.warnings.display, Stderr.warnings(row.lines("hot_stderr")), told)
      if case .bool(let seen)? = row.json["hot-ats-visible"] {
        XCTAssertEqual(prediction.guestSeesATS.display, seen, "\(told): guest sees ATS")
      }
    } else {
      XCTAssertNotNil(prediction.failure?.signal, told)
    }
  }
}

/// What of QEMU's standard error is compared, and how.
enum Stderr {
  static let atsWarnings = [ATSText.noCapability, ATSText.masked]

  static func warnings(_ lines: [String]) -> [String] {
    lines.compactMap { line in atsWarnings.first { line.hasSuffix("warning: " + $0) } }
  }

  /// The first line that is an error, without QEMU's name and the option that it stands at.
  static func error(_ lines: [String]) -> String {
    let prefix = "qemu-system-x86_64: "
    guard var line = lines.first(where: { $0.hasPrefix(prefix) && !$0.contains("warning: ") }) else { return "none" }
    line = String(line.dropFirst(prefix.count))
    if line.hasPrefix("-device {"), let end = line.range(of: "}: ") { line = String(line[end.upperBound...]) }
    else if line.hasPrefix("-device "), let end = line.range(of: ": ") { line = String(line[end.upperBound...]) }
    return plain(line)
  }

  /// Descriptor numbers and pointers, which nobody can predict, made the same.
  static func plain(_ text: String) -> String {
    var text = text
    for (start, end) in [("bind device fd=", " to iommufd="), (" to iommufd=", ": ")] {
      guard let low = text.range(of: start), let high = text.range(of: end, from: low.upperBound) else { continue }
      text.replaceSubrange(low.upperBound..<high.lowerBound, with: "#")
    }
    if let low = text.range(of: "vfio_container_dma_map("), let high = text.range(of: ") = ", from: low.upperBound) {
      text.replaceSubrange(low.upperBound..<high.lowerBound, with: "#")
    }
    return text
  }
}

extension String {
  /// Where `needle` first stands at or after a place.
  func range(of needle: String, from start: String.Index? = nil) -> Range<String.Index>? {
    var at = start ?? startIndex
    while at < endIndex {
      if self[at...].hasPrefix(needle) { return at..<index(at, offsetBy: needle.count) }
      at = index(after: at)
    }
    return nil
  }
}

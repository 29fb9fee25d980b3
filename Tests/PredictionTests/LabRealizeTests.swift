import Facts
import Prediction
import Support
import Syntax
import XCTest

/// Prediction against every trial that real QEMU 11.1.3 was put through on a real kernel.
final class LabRealizeTests: XCTestCase {
  func testIntelWithDeviceTLB() throws { try replay("intel", atLeast: 480) }
  func testIntelWithoutDeviceTLB() throws { try replay("intel-no-device-tlb", atLeast: 290) }
  func testIntelWithNoATS() throws { try replay("intel-noats", atLeast: 18) }
  func testIntelOf39Bits() throws { try replay("intel-39-bits", atLeast: 80) }
  func testIntelInScalableMode() throws { try replay("intel-first-stage", atLeast: 24) }
  func testAMD() throws { try replay("amd", atLeast: 216) }
  func testAMDWithUnsafeInterrupts() throws { try replay("amd-unsafe-interrupts", atLeast: 18) }
  func testVirtio() throws { try replay("virtio", atLeast: 216) }
  func testVirtioWithUnsafeInterrupts() throws { try replay("virtio-unsafe-interrupts", atLeast: 18) }
  func testWithoutIOMMU() throws { try replay("no-iommu", atLeast: 18) }

  /// arm64 hosts with an emulated SMMUv3, whose kernel sets the ATS flag or not.
  func testArmWithSMMUv3() throws { try replay("arm-smmuv3", atLeast: 190) }
  func testArmWithATS() throws { try replay("arm-smmuv3-ats", atLeast: 120) }
  func testArmWithATSByIORT() throws { try replay("arm-smmuv3-ats-iort", atLeast: 18) }
  func testArmWithPassthroughDomains() throws { try replay("arm-smmuv3-ats-passthrough", atLeast: 18) }
  func testArmWithNoATS() throws { try replay("arm-smmuv3-ats-noats", atLeast: 18) }
  func testArmWithVirtio() throws { try replay("arm-virtio", atLeast: 18) }
  func testArmWithoutIOMMU() throws { try replay("arm-no-iommu", atLeast: 18) }
  func testArmWithGICv2() throws { try replay("arm-gic2", atLeast: 18) }
  /// `arm-smmuv3,accel=on` under KVM.
  func testArmAccelerated() throws { try replay("arm-accel", atLeast: 80) }

  private func replay(_ variant: String, atLeast count: Int) throws {
    let rows = try LabRow.rows(variant).filter { !$0.isBeyondFacts }
    XCTAssertGreaterThanOrEqual(rows.count, count)
    for row in rows {
      if row.json["cold"] != nil { checkCold(row) }
      if row.json["hot"] != nil { checkHot(row) }
    }
  }

  /// A passed descriptor is always the row's own device, but where it is the trial that it is not.
  private func predictor(_ row: LabRow, _ machine: MachineConfig) -> Predictor {
    let address = row.json["host"]?.string.flatMap { PCIAddress($0) }
    let isOther = ["fd of /dev/null", "fd closed", "fd of a name unknown", "fd not a number"].contains(row.name)
    return Predictor(
      machine, on: row.host, qemu: .released(11, 1, "11.1.3"),
      descriptors: isOther ? [:] : address.map { ["4": .known($0), "30": .known($0), "dev0": .known($0)] } ?? [:])
  }

  private func checkCold(_ row: LabRow) {
    let outcome = predictor(row, row.machine("cold")).run()
    let predictions = outcome.predictions
    guard let last = predictions.last else { return }
    // QEMU stops at the first failure.
    let one = predictions.first { $0.failure != nil } ?? last
    let cold = row.json["cold"] ?? .null
    let lines = cold["stderr"]?.array?.compactMap(\.string) ?? []
    let happened: Happened
    switch cold["rc"].flatMap(\.number) ?? 0 {
    case 0: happened = .realized(Stderr.warnings(lines), cold["ats-visible"])
    case 1: happened = .failed(Stderr.error(lines))
    default: happened = .died
    }
    // The rule smmu-accel-emulated-endpoint has it.
    if case .failed("Emulated endpoint devices are not allowed when using arm-smmuv3,accel=on") = happened { return }
    if let refused = outcome.launchFailures.first {
      guard case .failed(let text) = happened else { return XCTFail("\(row.name), cold: \(refused.failure.text)") }
      XCTAssertEqual(refused.failure.text, text, "\(row.name), cold")
      return
    }
    compare(one, happened, "\(row.name), cold")
  }

  private func checkHot(_ row: LabRow) {
    let hot = row.json["hot"] ?? .null
    let predictions = predictor(row, row.machine("hot")).predictions(plugs: row.plugs)
    guard let one = predictions.last, one.request.plug == .hot, hot["stderr"] != nil else { return }
    // When QEMU does not even start, there is nothing to plug into.
    if predictions.dropLast().contains(where: { $0.failure != nil }) || one.failure?.cause == .duplicateObjectID {
      XCTAssertEqual(hot["reply"], .null, row.name)
      return
    }
    let name = "\(row.name), hot"
    if let description = hot["reply"]?["error"]?["desc"]?.string {
      compare(one, .failed(Stderr.plain(description)), name)
    } else if hot["reply"]?["return"] != nil {
      let lines = hot["stderr"]?.array?.compactMap(\.string) ?? []
      compare(one, .realized(Stderr.warnings(lines), hot["ats-visible"]), name)
    } else if !name.contains("/dev/iommu") {
      compare(one, .died, name)
    }
  }

  private enum Happened {
    case realized([String], JSON?)
    case failed(String)
    case died
  }

  private func compare(_ prediction: RealizePrediction, _ happened: Happened, _ name: String) {
    guard prediction.unknowns.isEmpty else {
      // Not a wrong answer, and only allowed where it is known that the facts do not reach.
      XCTAssertTrue(mayBeOpen(name), "\(name): open: \(prediction.unknowns)")
      return
    }
    switch happened {
    case .died: XCTAssertNotNil(prediction.failure?.signal, name)
    case .failed(let text): XCTAssertEqual(Stderr.plain(prediction.failure?.text ?? "ok"), text, name)
    case .realized(let warnings, let visible):
      XCTAssertNil(prediction.failure?.text, name)
      XCTAssertEqual(prediction.warnings.display, warnings, name)
      guard case .bool(let seen)? = visible else { return }
      XCTAssertEqual(prediction.guestSeesATS.display, seen, "\(name): guest sees ATS")
    }
  }

  /// Rows whose prediction may be open: a VF's token, a descriptor of anything.
  private func mayBeOpen(_ name: String) -> Bool {
    ["token", "fd of", "fd closed"].contains { name.contains($0) }
  }
}

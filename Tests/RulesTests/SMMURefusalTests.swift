import RuleCases
import Support
import Syntax
import XCTest

/// Refusals of arm-smmuv3's properties by real QEMU 11.1.3 (scripts/record-refusals --smmu), against the rules
/// that foretell it.
final class SMMURefusalTests: XCTestCase {
  func testARuleSaysWhatQEMUSaid() throws {
    var refused = 0
    for line in try Fixture.text("realizes/smmuv3-11.1.3.jsonl").split(separator: "\n") {
      let row = try JSON.parse(String(line))
      let argv = row["argv"]?.array?.compactMap(\.string) ?? []
      let said = row["stderr"]?.array?.compactMap(\.string).last.flatMap { $0.split(separator: ": ").last } ?? ""
      let texts = try foretold(argv)
      guard row["rc"] != .integer(0) else {
        XCTAssertEqual(texts, [], "\(argv)")
        continue
      }
      refused += 1
      XCTAssert(texts.contains("QEMU: \(said)"), "\(argv): \(said): \(texts)")
    }
    XCTAssertGreaterThan(refused, 15)
  }

  /// The evidence of the rules about arm-smmuv3, in the same machine with a device behind it.
  private func foretold(_ argv: [String]) throws -> [String] {
    let device = ["-object", "iommufd,id=iommufd0", "-device", "vfio-pci,host=0000:01:00.0,iommufd=iommufd0"]
    let words = ["qemu-system-aarch64", "-nodefaults", "-bios", "QEMU_EFI.fd"] + argv + device
    return CaseRun(argv: words, on: RuleCase.blindHost).report.findings.filter { $0.rule.hasPrefix("smmu-") }.flatMap(\.evidence)
      .filter { $0.hasPrefix("QEMU: ") }
  }
}

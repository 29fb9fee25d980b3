import Common
import Facts
import Prediction
import Rehearsal
import RuleCases
import Rules
import Support
import XCTest

/// The rules' cases and the examples, rehearsed: where prediction claims to know, QEMU itself agrees.
final class DifferentialTests: XCTestCase {
  /// Cases that are known to differ, with the reason.
  private static let explained = [
    "reports: `realized` of the parent class": "QEMU 7.2 has another parent class",
    "undetermined: a host device by another way": "a rehearsal leaves vfio-user-pci out, which QEMU 7.2 does not have",
  ]

  private func failures(_ target: LintTarget) -> [(place: Location?, failure: RealizeFailure)] {
    target.predictions.compactMap { one in one.failure.map { (one.request.location, $0) } }
      + target.launchFailures.map { ($0.location, $0.failure) }
  }

  private func firstLine(_ text: String) -> Substring? { text.split(separator: "\n", omittingEmptySubsequences: false).first }

  /// The difference between what was predicted and what QEMU did; nil when prediction does not claim to know.
  private func difference(_ predicted: LintTarget, _ result: RehearsalResult) -> String? {
    let target = LintTarget(
      machine: predicted.machine, plugs: [], problems: [], host: predicted.hostNow, qemu: predicted.qemu, rehearsal: .known(result))
    if let overruled = target.overruled.first { return "\(result.outcome): overrules \(overruled.failure.text)" }
    switch result.outcome {
    case .notRehearsed, .started: return nil
    case .refused(let text, let place, _):
      if failures(target).contains(where: { firstLine($0.failure.text) == firstLine(text) }) { return nil }
      let device = target.predictions.first { $0.request.location == place }
      return device?.realize == .ok ? "QEMU: \(text); predicted: \(place.path) is realized" : nil
    case .crashed(let signal, let place, _):
      let device = target.predictions.first { $0.request.location == place }
      return device?.realize == .ok ? "QEMU crashes with \(signal); predicted: \(place.path) is realized" : nil
    case .exited(let text, let place, _):
      let device = target.predictions.first { $0.request.location == place }
      return device?.realize == .ok ? "QEMU exits with \(text); predicted: \(place.path) is realized" : nil
    }
  }

  private func differences(with program: String) throws -> [String] {
    let profile = try QEMUChoice.program(program).profile()
    let rehearsal = QEMURehearsal(program: program, qemu: profile.name)
    var seen: Set<[String]> = []
    var found: [String] = []
    var rehearsed = 0
    for one in try CaseFile.all().flatMap(\.cases) where one.isExecuted {
      guard let block = one.block("argv"), one.block("rehearsal") == nil, seen.insert(block.lines).inserted else { continue }
      let target = try one.run(qemu: profile).target
      let result = try rehearsal.run(target.machine).value
      if case .notRehearsed = result.outcome { continue }
      rehearsed += 1
      if DifferentialTests.explained[one.title] != nil { continue }
      if let difference = difference(target, result) { found.append("\(one): \(difference)") }
    }
    XCTAssertGreaterThan(rehearsed, 100)
    return found
  }

  func testTheDistributionsQEMUAgrees() throws {
    guard let program = InstalledQEMU.ofDistribution else {
      throw XCTSkip("SKIPPED: qemu-system-x86_64 is not installed, so prediction was not compared with it")
    }
    let found = try differences(with: program)
    XCTAssert(found.isEmpty, found.joined(separator: "\n"))
  }

  func testTheLabsQEMUAgrees() throws {
    let directory = try TemporaryDirectory()
    guard let program = try InstalledQEMU.ofLab(in: directory) else {
      throw XCTSkip("SKIPPED: scripts/lab has not made its root, so prediction was not compared with QEMU 11.1")
    }
    let found = try differences(with: program)
    XCTAssert(found.isEmpty, found.joined(separator: "\n"))
  }
}

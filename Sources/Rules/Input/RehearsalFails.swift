import Facts
import Prediction

extension Rule {
  static let rehearsalFails = Rule(
    name: "rehearsal-fails",
    severity: .error,
    summary: "the QEMU that will run refuses an option",
    why: """
      The QEMU was started with the definition's own options, stopped, and without the host's devices, disks and networks. It \
      refused with this message, and refuses a start or plug in the same way.
      """,
    fix: "change what QEMU's message names",
    example: "-machine pc-q35-99.0 -device vfio-pci,host=0000:01:00.0",
    references: ["QEMU system/vl.c: qemu_init", "QEMU tests/qtest"],
    checksText: true,
    check: .target(check))
}

/// Also reports that QEMU gave no answer, once for both rules about rehearsals.
private func check(_ target: LintTarget, _ runner: inout RuleRunner) throws(Unknown) {
  guard let result = try target.rehearsal?.value, case .refused(let text, let location, let about) = result.outcome else { return }
  let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
  func isPredicted(_ failure: RealizeFailure?) -> Bool {
    failure.map { OverruledFailure.firstLine($0.text) == lines.first } ?? false
  }
  // Prediction's rules say more about it.
  if target.predictions.contains(where: { $0.request.location == location && isPredicted($0.failure) })
    || target.reportedLaunchFailures.contains(where: { isPredicted($0.failure) }) { return }
  // Distributions have devices in modules of their own packages (QEMU system/qdev-monitor.c: qdev_get_device_class).
  let isUnknownDevice = text.contains("is not a valid device model name")
  runner.report(
    "QEMU refuses \(about): `\(lines.first ?? "")`", at: location,
    fix: isUnknownDevice ? "install the module of this QEMU that has the device, or use one that `-device help` lists" : nil,
    evidence: ["\(result.qemu) was started with the definition's options"] + lines.dropFirst().map { "QEMU adds: \($0)" })
}

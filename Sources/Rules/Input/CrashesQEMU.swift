import Facts
import Prediction

extension Rule {
  /// Also refused by the proxy, where a request is known to crash QEMU, or a scratch QEMU crashes on it.
  public static let crashesQEMU = Rule(
    name: "crashes-qemu",
    severity: .error,
    summary: "the QEMU that will run crashes",
    why: """
      QEMU is known to crash on the property, or the QEMU that will run was started with the definition's own options, stopped, and \
      without the host's devices, and crashed, or exited at a plug. A plug that does this ends the running guest. \
      The proxy refuses other commands that are known to end QEMU too, such as the list of the properties of a type whose object \
      crashes.
      """,
    fix: "remove the option or the property that QEMU crashes on, and report it to QEMU",
    example: "-device vfio-pci,fd=3",
    references: ["QEMU tests/qtest"],
    explains: [.crashingProperty], crashesGuest: true, checksText: true,
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) {
  for refused in target.reportedLaunchFailures where refused.failure.cause == .crashingProperty {
    let name = refused.request.map { $0.plainName } ?? "the machine"
    // Without a signal it hangs.
    let end = refused.failure.signal.map { "crashes with \($0)" } ?? "hangs"
    runner.report(
      "QEMU \(end) on \(name): \(refused.failure.text)"
        + (refused.request?.plug == .hot ? ", and the guest is lost" : ""),
      at: refused.location, about: refused.request,
      fix: MessageAdvice.of(refused.failure, in: target))
  }
  guard let result = target.rehearsal?.display else { return }
  let evidence = ["\(result.qemu) was started with the definition's options"]
  if case .exited(let text, let location, let about) = result.outcome {
    runner.report("QEMU exits on \(about), and the guest is lost: `\(text)`", at: location, evidence: evidence)
  }
  guard case .crashed(let signal, let location, let about) = result.outcome else { return }
  // Prediction's rules say more about it.
  if target.predictions.contains(where: { $0.request.location == location && $0.failure?.signal == signal }) { return }
  // The rehearsal knows the device, and Prediction the property.
  if target.reportedLaunchFailures.contains(where: { ($0.request?.location ?? $0.location) == location && $0.failure.signal == signal }) {
    return
  }
  runner.report("QEMU crashes with \(signal) on \(about)", at: location, evidence: evidence)
}

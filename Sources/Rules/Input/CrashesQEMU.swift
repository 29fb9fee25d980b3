import Facts

extension Rule {
  /// Also refused by the proxy, when a scratch QEMU crashes on a plug.
  public static let crashesQEMU = Rule(
    name: "crashes-qemu",
    severity: .error,
    summary: "the QEMU that will run crashes",
    why: """
      The QEMU was started with the definition's own options, stopped, and without the host's devices, and crashed. A plug that \
      does this ends the running guest.
      """,
    fix: "remove the option or the property that QEMU crashes on, and report it to QEMU",
    example: "-device vfio-pci,fd=3",
    references: ["QEMU tests/qtest"],
    crashesGuest: true, checksText: true,
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) {
  guard let result = target.rehearsal?.display, case .crashed(let signal, let location, let about) = result.outcome else { return }
  // Prediction's rules say more about it.
  if target.predictions.contains(where: { $0.request.location == location && $0.failure?.signal == signal }) { return }
  runner.report(
    "QEMU crashes with \(signal) on \(about)", at: location, evidence: ["\(result.qemu) was started with the definition's options"])
}

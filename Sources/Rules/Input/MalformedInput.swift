import Facts

extension Rule {
  /// Also refused by the proxy, before the request reaches QEMU.
  public static let malformedInput = Rule(
    name: "malformed-input",
    severity: .error,
    summary: "the definition cannot be read",
    why: """
      What cannot be read cannot be judged, and QEMU stops at most of it too. Nothing is guessed: the \
      rest of the definition is judged as far as it can be read.
      """,
    fix: "correct the text at the place shown",
    example: #"-device '{"driver":"vfio-pci","host":"0000:01:00.0",}'"#,
    references: ["RFC 8259", "QEMU docs/interop/qmp-spec.rst"],
    checksText: true, canBeAllowed: false,
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) {
  for problem in target.problems {
    runner.report(problem.message, at: problem.location, fix: problem.fix)
  }
  for argument in target.machine.unknownArguments {
    guard case .unknown(let text) = argument.value else { continue }
    runner.cannotDetermine(Unknown("what `\(text)` stands for", reason: "only the shell knows"))
  }
}

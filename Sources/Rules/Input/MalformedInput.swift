import Facts

extension Rule {
  /// Also refused by the proxy, before the request reaches QEMU.
  public static let malformedInput = Rule(
    name: "malformed-input",
    severity: .error,
    summary: "the definition cannot be read",
    why: """
      A definition that cannot be parsed cannot be checked, and QEMU stops at most such errors too. Proxmox \
      refuses some configurations itself, with the message shown. vfiogate does not guess: the rest of the definition \
      is checked as far as it can be parsed.
      """,
    fix: "correct the text at the location shown",
    example: #"-device '{"driver":"vfio-pci","host":"0000:01:00.0",}'"#,
    references: ["RFC 8259", "QEMU docs/interop/qmp-spec.rst"],
    precedesQEMU: true, checksText: true, canBeAllowed: false,
    check: .target(check))
}

private func check(_ target: LintTarget, _ runner: inout RuleRunner) {
  for problem in target.problems {
    runner.report(problem.message, at: problem.location, fix: problem.fix)
  }
  for part in target.machine.unreadParts {
    runner.cannotDetermine(Unknown(part.what, reason: part.reason), at: part.location)
  }
  // libvirt's own network is not a pool. Of a guest without a host device the others alone do not decide.
  let hasHostDevice = target.requests.contains(where: \.isVFIO)
  for interface in target.machine.libvirt?.networks ?? [] where !interface.isCommon {
    guard let unknown = interface.unknown else { continue }
    runner.cannotDetermine(
      Unknown("whether \(unknown.fact) is a pool of VFs", reason: unknown.reason), at: interface.location,
      severity: hasHostDevice ? .error : .note)
  }
}
